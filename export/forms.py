"""The forms by name, and how each is made from a quantised checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.brevitas_form import BrevitasForm
from edgetrack.export.form import Capacity, Form
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import export_hls4ml
from edgetrack.export.integer import export_integer
from edgetrack.export.onnx.qcdq import export_qcdq
from edgetrack.export.onnx.qonnx import export_qonnx
from edgetrack.export.rtl.pipelines import RtlConfig, export_rtl
from edgetrack.graphs.sectors import SectorConfig
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork


@dataclass(frozen=True)
class FormSettings:
    """What the hardware forms need to know beyond the network; `sectors` cuts graphs for those of fixed size."""

    hls4ml: HlsConfig = field(default_factory=HlsConfig)
    rtl: RtlConfig = field(default_factory=RtlConfig)
    # Several lanes and banks, so that what is verified has all that a fast one has; more lanes take longer to build.
    accelerator: AcceleratorConfig = field(
        default_factory=lambda: AcceleratorConfig(edge_lanes=4, node_lanes=2, graphs_in_flight=3)
    )
    # Doublets above 0.5 GeV bend by up to 0.087 rad in the pixels; a margin of two of them gives every owned edge all
    # the messages that it has in the whole graph.
    sectors: SectorConfig = field(default_factory=lambda: SectorConfig(phi_sectors=32, overlap_phi=0.18))

    def sectors_for(self, capacity: Capacity) -> SectorConfig:
        """Sectors that a form of this capacity takes (a sector's own capacity counts its dummy node)."""
        return replace(self.sectors, node_capacity=capacity.nodes + 1, edge_capacity=capacity.edges)


@dataclass(frozen=True)
class Source:
    """What every form is made from: the trained network and its integers."""

    network: QuantizedNetwork
    model: IntegerModel


Maker = Callable[[Source, Path, FormSettings], Form]

FORMS: dict[str, Maker] = {
    "brevitas": lambda source, folder, settings: BrevitasForm(source.network, source.model),
    "integer": lambda source, folder, settings: export_integer(source.model, folder),
    "qonnx": lambda source, folder, settings: export_qonnx(source.model, folder),
    "qcdq": lambda source, folder, settings: export_qcdq(source.model, folder),
    "hls4ml": lambda source, folder, settings: export_hls4ml(source.model, folder, settings.hls4ml),
    "rtl": lambda source, folder, settings: export_rtl(source.model, folder, settings.rtl),
    "accelerator": lambda source, folder, settings: export_accelerator(source.model, folder, settings.accelerator),
}

DEFAULT_FORMS = tuple(FORMS)


def make_form(name: str, source: Source, folder: Path, settings: FormSettings) -> Form:
    """Export the form `name` into `folder` / name and return it ready to run.

    Raises ValueError for an unknown name, FormUnavailable where a tool is missing.
    """
    if name not in FORMS:
        raise ValueError(f"unknown form {name!r}; known forms: {', '.join(FORMS)}")
    return FORMS[name](source, folder / name, settings)

"""The forms by name, one line each, and their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.brevitas_form import BREVITAS
from edgetrack.export.float_form import FLOAT
from edgetrack.export.form import Capacity, Form
from edgetrack.export.hls4ml.project import HLS4ML
from edgetrack.export.integer import INTEGER
from edgetrack.export.interface import Origin, write_interface
from edgetrack.export.kind import FloatKind, FormKind, NoSettings, Source
from edgetrack.export.native.kind import NATIVE, NATIVE_FLOAT
from edgetrack.export.onnx.float_network import ONNX
from edgetrack.export.onnx.qcdq import QCDQ
from edgetrack.export.onnx.qonnx import QONNX
from edgetrack.export.rtl.pipelines import RTL
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import SectorConfig
from edgetrack.models.checkpoint import Checkpoint, float_network

Kind = FormKind[Any, Any] | FloatKind[Any]

FORMS: dict[str, FormKind[Any, Any]] = {
    kind.name: kind
    for kind in (
        INTEGER,
        BREVITAS,
        QONNX,
        QCDQ,
        NATIVE,
        HLS4ML,
        RTL,
        ACCELERATOR,
    )
}
FLOAT_FORMS: dict[str, FloatKind[Any]] = {
    kind.name: kind
    for kind in (
        FLOAT,
        ONNX,
        NATIVE_FLOAT,
    )
}
DEFAULT_FORMS = tuple(FORMS)
STAND_IN = ACCELERATOR.name  # the form whose sectors the integers get where no hardware is named


@dataclass(frozen=True)
class SharedSettings:
    """What forms share; `FormSettings` adds a field for each form that has settings of its own, by the form's name."""

    # Doublets above 0.5 GeV bend by up to 0.087 rad in the pixels; a margin of two of them gives every owned edge all
    # the messages that it has in the whole graph.
    sectors: SectorConfig = field(default_factory=lambda: SectorConfig(phi_sectors=32, overlap_phi=0.18))
    device: str = "xcvu13p"  # of hls_projects/targets: estimates are shown as shares of it

    def of(self, kind: Kind) -> Any:
        """The settings of one form."""
        return getattr(self, kind.name, None) or kind.settings()

    def capacity(self, kind: FormKind[Any, Any]) -> Capacity | None:
        """The largest graph that a form takes with these settings; None: any size."""
        return None if kind.capacity is None else kind.capacity(self.of(kind))

    def sectors_for(self, capacity: Capacity) -> SectorConfig:
        """Sectors that a form of this capacity takes (a sector's own capacity counts its dummy node)."""
        return replace(self.sectors, node_capacity=capacity.nodes + 1, edge_capacity=capacity.edges)


def _settings_class() -> type[SharedSettings]:
    every: list[Kind] = [*FORMS.values(), *FLOAT_FORMS.values()]
    kinds = [kind for kind in every if kind.settings is not NoSettings]
    fields = [(kind.name, type(kind.settings()), field(default_factory=kind.settings)) for kind in kinds]
    namespace = {"__module__": __name__, "__doc__": SharedSettings.__doc__}
    return make_dataclass("FormSettings", fields, bases=(SharedSettings,), namespace=namespace, frozen=True)


if TYPE_CHECKING:  # type checkers do not follow make_dataclass

    class FormSettings(SharedSettings):
        def __init__(self, **settings: Any) -> None: ...
else:
    FormSettings = _settings_class()


def make_form(name: str, source: Source, folder: Path, settings: FormSettings) -> Form:
    """Export the form `name` into `folder` / name and return it ready to run.

    Raises ValueError for an unknown name, FormUnavailable where a tool is missing.
    """
    if name not in FORMS:
        raise ValueError(f"unknown form {name!r}; known forms: {', '.join(FORMS)}")
    kind = FORMS[name]
    form: Form = kind.make(source, folder / name, settings.of(kind))
    if kind.writes:
        write_interface(folder / name, source.model.description, source.origin, source.model)
    return form


def make_float_form(
    name: str, checkpoint: Checkpoint, folder: Path, settings: FormSettings
) -> Callable[[HitGraph], NDArray[np.floating]]:
    """As `make_form`, of a float checkpoint: a function from a graph to its logits (E,)."""
    if name not in FLOAT_FORMS:
        raise ValueError(f"unknown float form {name!r}; known ones: {', '.join(FLOAT_FORMS)}")
    kind = FLOAT_FORMS[name]
    logits = kind.make(float_network(checkpoint), folder / name, settings.of(kind))
    if kind.writes:
        write_interface(folder / name, checkpoint.description, Origin.of(checkpoint))
    return logits


def descriptions(names: Iterable[str]) -> dict[str, str]:
    """What each of the forms `names` is, in a line."""
    every: dict[str, Kind] = {**FLOAT_FORMS, **FORMS}
    return {name: every[name].description for name in names}


def exportable() -> tuple[str, ...]:
    """Names of the forms that have artefacts, float ones first."""
    every: list[Kind] = [*FLOAT_FORMS.values(), *FORMS.values()]
    return tuple(kind.name for kind in every if kind.writes)


def check_forms(names: tuple[str, ...], known: tuple[str, ...], what: str) -> None:
    """Raise ValueError for names that are unknown, double or none; `what` names the verb."""
    unknown = sorted(set(names) - set(known))
    if unknown or not names:
        raise ValueError(f"cannot {what} {unknown}; known forms: {', '.join(known)}")
    if len(set(names)) < len(names):
        raise ValueError(f"forms {', '.join(names)}: one comes twice; give each once")

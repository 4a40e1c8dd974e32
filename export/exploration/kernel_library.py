"""Figures of pipelines, kept: alkaid takes up to seconds for one, and a search asks for hundreds, again and again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.passes import Pass, read_passes
from edgetrack.export.resources import kernel_figures as figures_module
from edgetrack.export.resources.kernel_figures import WIRES, KernelFigures, kernel_figures
from edgetrack.export.rtl import kernel as kernel_module
from edgetrack.export.rtl.kernel import kernel_sources, make_kernel
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class KernelLibrary:
    """Figures of pipelines, kept in `folder` under what they are made from."""

    folder: Path

    def figures(self, model: IntegerModel, rtl: RtlConfig) -> Mapping[str, KernelFigures]:
        """By pass, figures of every kernel that the accelerator of `model` has a lane of."""
        return {
            stage.name: WIRES if stage.kernel == "copy" else self._kept(model, stage, rtl)
            for stage in read_passes(model.description)
        }

    def _kept(self, model: IntegerModel, stage: Pass, rtl: RtlConfig) -> KernelFigures:
        answer = self.folder / f"{stage.name}-{_key(model, stage, rtl)}.json"
        if answer.is_file():
            return KernelFigures(**json.loads(answer.read_text()))
        figures = kernel_figures(make_kernel(model, stage.name, rtl.latency_cutoff, rtl.clock_period_ns))
        write_text(answer, json.dumps(asdict(figures)) + "\n")
        return figures


def _key(model: IntegerModel, stage: Pass, rtl: RtlConfig) -> str:
    """Hash of the weights and formats of a kernel, of its settings, and of the code that makes it."""
    settings = rtl.latency_cutoff, importlib.metadata.version("alkaid"), model.formats[stage.name]
    digest = hashlib.sha256(repr(settings).encode())
    makers = sorted(Path(str(kernel_module.__file__)).parent.glob("*.py"))
    for path in (*makers, Path(str(figures_module.__file__))):
        digest.update(path.read_bytes())
    for source in kernel_sources(model, stage.name):
        digest.update(repr(model.columns(source)).encode())
    for layer in model.layers.get(stage.name, ()):
        digest.update(repr((layer.weight_format, layer.activation, layer.weight.shape)).encode())
        digest.update(layer.weight.tobytes() + layer.bias.tobytes())
    if stage.name in model.tables:
        digest.update(model.tables[stage.name].tobytes())
    return digest.hexdigest()[:20]

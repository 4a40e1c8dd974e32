"""The Brevitas network as a form: its float32 forward, read as integers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor

from edgetrack.export.exact_codes import exact_codes
from edgetrack.export.form import Capacity
from edgetrack.export.kind import FormKind, NoSettings
from edgetrack.models.rows import Graph, as_tensors, rows_of
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork


class BrevitasForm:
    """The trained network itself, in evaluation mode. `model` tells the grids on which its values lie."""

    name = "brevitas"
    capacity: Capacity | None = None

    def __init__(self, network: QuantizedNetwork, model: IntegerModel) -> None:
        self.network = network.eval()
        self.model = model

    @torch.no_grad()
    def run_graph(self, graph: Graph) -> dict[str, IntArray]:
        """Codes of every value and every hidden activation. Raises InexactForm for a value off its grid."""
        values = self.network.values(as_tensors(rows_of(graph, self.model.description)), hidden=True)
        return {name: self._codes(name, value) for name, value in values.items()}

    @torch.no_grad()
    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one kernel."""
        part = self.model.submodel(kernel)
        values = {
            value.name: on_grid(inputs[value.name], part.formats[value.name]) for value in part.description.inputs
        }
        for step in part.description.steps:
            values[step.name] = self.network.step_values(step, values)[step.name]
        return self._codes(kernel, values[kernel].value)

    def _codes(self, name: str, value: Tensor) -> IntArray:
        mlp, _, layer = name.partition(".")
        exponent = self.model.layers[mlp][int(layer)].activation.exponent if layer else self.model.exponent(name)
        return exact_codes(name, value.numpy(), exponent)


def on_grid(codes: IntArray, fmt: Format) -> IntQuantTensor:
    """Codes as a Brevitas tensor."""
    return IntQuantTensor(
        torch.from_numpy(fmt.dequantize(codes)).float(),
        torch.tensor(fmt.step),
        torch.tensor(0.0),
        torch.tensor(float(fmt.bits)),
        fmt.signed,
        False,
    )


BREVITAS: FormKind[BrevitasForm, NoSettings] = FormKind(
    "brevitas",
    lambda source, folder, settings: BrevitasForm(source.network, source.model),
    description="the network as it was trained, in PyTorch with Brevitas",
    writes=False,
)

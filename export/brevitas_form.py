"""The Brevitas network as a form: its float32 forward, read as integers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor

from edgetrack.export.exact_codes import exact_codes
from edgetrack.export.form import Capacity
from edgetrack.export.kind import FormKind, NoSettings
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork, concatenate


class BrevitasForm:
    """The trained network itself, in evaluation mode. `model` tells the grids on which its values lie."""

    name = "brevitas"
    capacity: Capacity | None = None

    def __init__(self, network: QuantizedNetwork, model: IntegerModel) -> None:
        self.network = network.eval()
        self.model = model

    @torch.no_grad()
    def run_graph(self, graph: HitGraph) -> dict[str, IntArray]:
        """Codes of every value and every hidden activation. Raises InexactForm for a value off its grid."""
        inputs = {"x": torch.from_numpy(graph.x), "edge_attr": torch.from_numpy(graph.edge_attr)}
        values = self.network.values(inputs, torch.from_numpy(graph.edge_index), hidden=True)
        last = {f"{mlp.name}.{len(mlp.widths) - 1}" for mlp in self.model.description.mlps}  # stands as the MLP's own
        return {name: self._codes(name, value) for name, value in values.items() if name not in last}

    @torch.no_grad()
    def run_mlp(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one MLP."""
        part = self.model.submodel(mlp)
        columns = [on_grid(inputs[value.name], part.formats[value.name]) for value in part.description.inputs]
        return self._codes(mlp, self.network.mlps[mlp](concatenate(columns))[-1].value)

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
    "brevitas", lambda source, folder, settings: BrevitasForm(source.network, source.model), writes=False
)

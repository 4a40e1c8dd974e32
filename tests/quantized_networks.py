"""Brevitas networks with random weights and lively scales, to test rooms that need one without training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from integer_networks import random_graph
from numpy.typing import NDArray
from torch import nn

from edgetrack.export.interface import Origin
from edgetrack.export.kind import Source
from edgetrack.models.description import NetworkDescription
from edgetrack.models.named_modules import NamedModules
from edgetrack.models.rows import Graph, as_tensors, rows_of
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import threshold_parameter
from edgetrack.quantize.recipe import PrecisionRecipe


def random_network(
    description: NetworkDescription, recipe: PrecisionRecipe | None = None, seed: int = 0, graph: Graph | None = None
) -> QuantizedNetwork:
    """In evaluation mode; scales are calibrated, then some are moved, so that values saturate here and there."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = QuantizedNetwork(description, recipe or PrecisionRecipe(bias_bits=20))
        for name, layer in network.layers().items():
            if name.endswith(".weight"):
                layer.weight.mul_(2.0)  # type: ignore[operator]
    calibrate(network, [graph or random_graph(60, 240, seed=seed)], CalibrationConfig(graphs=1))
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, layer in network.layers().items():
            if name not in {value.name for value in description.inputs}:
                threshold_parameter(layer).add_(float(rng.integers(-1, 2)))
    return network.eval()


def layer(modules: NamedModules, name: str, index: int) -> Any:
    """One layer of an MLP, QuantLinear, Linear or quantiser: what PyTorch keeps in lists has no types."""
    return modules[name].get_submodule(str(index))


def set_layer(modules: NamedModules, name: str, index: int, module: nn.Module) -> None:
    """Put another layer in its place."""
    modules[name].set_submodule(str(index), module)


def network_values(network: QuantizedNetwork, graph: Graph, hidden: bool = True) -> dict[str, NDArray[np.float64]]:
    """Every value of the Brevitas forward on a graph, float64."""
    with torch.no_grad():
        values = network.values(as_tensors(rows_of(graph, network.description)), hidden)
    return {name: value.numpy().astype(np.float64) for name, value in values.items()}


def source_of(network: QuantizedNetwork) -> Source:
    """A network as forms are made from it, of no checkpoint."""
    return Source(network, extract_integer_model(network), Origin("0" * 64, 0.0, 0.0))

"""A kind of step that a walker does not know is refused by name, by every walker: none goes on without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from integer_networks import random_graph, random_integer_model, toy_description

from edgetrack.export.accelerator.passes import read_passes
from edgetrack.export.exploration.representative_model import representative_model
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.layer_list import hls_network
from edgetrack.export.native.integer_dialect import IntegerDialect
from edgetrack.export.native.network_source import NetworkSource
from edgetrack.export.onnx.float_network import float_onnx
from edgetrack.export.onnx.qcdq import qcdq_onnx
from edgetrack.export.onnx.qonnx import qonnx_onnx
from edgetrack.export.rtl.pipelines import export_rtl
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.models.steps import Map, Shape
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.input_scales import rescaled_state
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.ranges import unclipped_values
from edgetrack.quantize.recipe import PrecisionRecipe


@dataclass(frozen=True)
class Product:
    """What no room has heard of."""

    name: str
    parts: tuple[str, str]
    kind: Literal["product"] = "product"

    @property
    def sources(self) -> tuple[str, ...]:
        return self.parts


def with_product() -> NetworkDescription:
    """The toy, with a `Product` in the place of its residual, past the description's own checks."""
    description = toy_description()
    steps = tuple(
        Product(step.name, step.parts) if isinstance(step, Map) else step  # type: ignore[arg-type]
        for step in description.steps
    )
    object.__setattr__(description, "steps", steps)
    return description


def model_with_product() -> IntegerModel:
    model = random_integer_model(toy_description())
    object.__setattr__(model, "description", with_product())
    model.__dict__.pop("bounds", None)
    return model


GRAPH = random_graph(9, 30)


def run_float() -> Any:
    return GraphNetwork(with_product())(as_tensors(hit_rows(GRAPH)))


def quantized() -> QuantizedNetwork:
    return QuantizedNetwork(with_product(), PrecisionRecipe(bias_bits=20))


def describe() -> Any:
    product = Product("residual", ("encode", "encode"))
    description = toy_description()
    steps = (*description.steps[:2], product)
    return NetworkDescription("toy", description.inputs, steps, "residual")  # type: ignore[arg-type]


WALKERS: dict[str, Callable[[Path], Any]] = {
    "network description": lambda folder: describe(),
    "float network": lambda folder: run_float(),
    "Brevitas network": lambda folder: quantized()(as_tensors(hit_rows(GRAPH))),
    "calibration": lambda folder: calibrate(quantized(), [GRAPH], CalibrationConfig()),
    "extraction": lambda folder: extract_integer_model(quantized()),
    "integer model": lambda folder: model_with_product().run_graph(GRAPH),
    "bounds": lambda folder: model_with_product().bounds,
    "proofs of float": lambda folder: qonnx_onnx(model_with_product()),
    "input scales": lambda folder: rescaled_state({}, replaced_head(), replaced_head()),
    "ranges": lambda folder: list(unclipped_values(model_with_product(), GRAPH)),
    "float ONNX": lambda folder: float_onnx(GraphNetwork(with_product())),
    "QCDQ": lambda folder: qcdq_onnx(model_with_product()),
    "native": lambda folder: NetworkSource(IntegerDialect(model_with_product())).text,
    "hls4ml": lambda folder: hls_network(model_with_product(), HlsConfig().all_beats(toy_description())),
    "rtl": lambda folder: export_rtl(model_with_product(), folder),
    "accelerator": lambda folder: read_passes(with_product()),
    "representative model": lambda folder: representative_model(with_product(), PrecisionRecipe()),
}


def replaced_head() -> NetworkDescription:
    """The product right before the only MLP that is asked for its origins."""
    description = with_product()
    shapes = {**description._shapes, "residual": Shape("node", 5)}
    object.__setattr__(description, "_shapes", shapes)
    mlps = tuple(replace(mlp, source="residual") for mlp in description.mlps[-1:])
    object.__setattr__(description, "mlps", mlps)
    return description


@pytest.mark.parametrize("walker", WALKERS)
def test_an_unknown_step_is_refused_by_name(walker: str, tmp_path: Path) -> None:
    with torch.no_grad(), pytest.raises(ValueError, match=r"'residual' is a Product, which it does not know"):
        WALKERS[walker](tmp_path)
    assert not list(tmp_path.iterdir())

"""The compact transformer: against a loop over micrographs in NumPy, and through every form without a mismatch."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb, random_graph
from micrograph_sets import random_micrographs
from numpy.typing import NDArray
from quantized_networks import random_network, source_of

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.form_comparison import FormResult, verify_form
from edgetrack.export.forms import FORMS
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.kind import Source
from edgetrack.export.native.form import NativeConfig
from edgetrack.models.hypertrack.compact_transformer import CompactTransformerConfig, compact_transformer
from edgetrack.models.hypertrack.mask_models import hit_tokens, rows_mask_model
from edgetrack.models.hypertrack.token_rows import token_rows
from edgetrack.models.named_networks import describe
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import Rows, as_tensors
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.recipe import PrecisionRecipe

TINY = CompactTransformerConfig(latent=2, width=4, heads=2, blocks=1, hidden=3)
RECIPE = PrecisionRecipe(bias_bits=20, max_degree=256)
ROOM = HlsConfig(4, 4, domains={"token": 40, "pair": 150, "pivot_pair": 70})
SETTINGS: dict[str, Any] = {"hls4ml": ROOM, "native": NativeConfig(optimise=0)}
FORM_NAMES = [
    "integer",
    "brevitas",
    "qonnx",
    "qcdq",
    "native",
    *(pytest.param(n, marks=pytest.mark.slow) for n in ("hls4ml", "rtl")),
]


def rows(count: int, seed: int, spread: float = 1.0, config: CompactTransformerConfig = TINY) -> Rows[NDArray[Any]]:
    micrographs = random_micrographs(30, count, seed, largest=6)
    shape = (len(micrographs.nodes), config.latent + 3)
    return token_rows((spread * np.random.default_rng(seed).normal(size=shape)).astype(np.float32), micrographs)


@cache
def source() -> Source:
    return source_of(random_network(compact_transformer(TINY), RECIPE, graph=rows(12, 9)))


def graphs() -> list[Rows[NDArray[Any]]]:
    return [
        rows(count, seed, spread)
        for seed, (count, spread) in enumerate(((8, 1.0), (5, 1.0), (6, 8.0), (1, 1.0), (0, 1.0)))
    ]


def linear(network: GraphNetwork, name: str, x: NDArray[Any], layers: int) -> NDArray[Any]:
    for index in range(layers):
        weight, bias = (
            network.mlps[name].get_parameter(f"{2 * index}.{part}").detach().numpy() for part in ("weight", "bias")
        )
        x = x @ weight.T + bias
        x = np.maximum(x, 0) if index < layers - 1 else x
    return x


def block(network: GraphNetwork, name: str, x: NDArray[Any], keys: NDArray[Any]) -> NDArray[Any]:
    heads = []
    for head in (1, 2):
        q, k, v = (
            linear(network, f"{name}_seen_head_{head}_{part}", value, 1)
            for part, value in zip("qkv", (x, keys, keys), strict=True)
        )
        scores = np.exp(q @ k.T)
        heads.append(scores / scores.sum(1, keepdims=True) @ v)
    attended = x + linear(network, f"{name}_seen", np.concatenate(heads, 1), 1)
    result: NDArray[Any] = attended + linear(network, f"{name}_change", attended, 2)
    return result


def test_each_micrograph_equals_the_dense_formula() -> None:
    config = replace(TINY, blocks=2, width=8, position_scale=(4.0, 2.0, 0.5))
    network = seeded_network(compact_transformer(config), 3).eval()
    micrographs = random_micrographs(30, 7, 3, largest=6)
    tokens = np.random.default_rng(3).normal(size=(len(micrographs.nodes), 5)).astype(np.float32)
    with torch.no_grad():
        got = network(as_tensors(token_rows(tokens, micrographs))).numpy()
    for b in range(len(micrographs)):
        own = slice(micrographs.offsets[b], micrographs.offsets[b + 1])
        x = linear(network, "encoded", tokens[own] * [1.0, 1.0, 4.0, 2.0, 0.5], 2)
        pivots = np.unique(micrographs.pivot_tokens[b]) - micrographs.offsets[b]
        x = block(network, "to_pivots", x, x[pivots])
        for name in ("block_1", "block_2"):
            x = block(network, name, x, x)
        np.testing.assert_allclose(got[own], linear(network, "mask", x, 2)[:, 0], rtol=1e-4, atol=1e-5)
    assert float(got.std()) > 1e-2


def test_the_defaults_are_small_and_the_config_chooses_the_network() -> None:
    description = describe(CompactTransformerConfig())
    assert description == compact_transformer(CompactTransformerConfig())
    assert description.num_parameters() == 14_817
    assert description.inputs[0].width == 16
    assert len(CompactTransformerConfig(latent=61).token_scale) == 64


@pytest.mark.parametrize("name", FORM_NAMES)
def test_every_integer_is_equal_in_every_form_and_each_flip_is_caught(name: str, tmp_path: Path) -> None:
    kind = FORMS[name]
    form: Any = kind.make(source(), tmp_path, SETTINGS.get(name) or kind.settings())

    def compared(model: IntegerModel) -> FormResult:
        return verify_form(model, form, graphs(), 800, 1, lambda *_: None)

    model = source().model
    result = compared(model)
    assert (result.mismatches, result.first, result.failed) == (0, None, False)
    assert set(result.vectors) == {kernel.name for kernel in model.description.kernels}
    assert result.distinct_outputs > 8
    for layer, twin in {"mask": flip_lsb(model, "mask", 1), table(model): flipped_entry(model, table(model))}.items():
        result = compared(twin)
        assert result.failed
        assert result.first is not None
        assert result.first.layer == layer


def table(model: IntegerModel) -> str:
    return next(name for name in model.tables if name.endswith("_exponential"))


def flipped_entry(model: IntegerModel, name: str) -> IntegerModel:
    """The same model with the table's entry of code 0 one LSB off: each query's largest score meets it."""
    entries = model.tables[name].copy()
    place = -model.columns(model.description.step(name).sources[0])[0].lowest
    entries[place] += 1 if entries[place] < model.formats[name].highest else -1
    return replace(model, tables={**model.tables, name: entries})


def test_the_accelerator_refuses_tokens_by_name_before_it_writes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no place for domains \['token', 'pair', 'pivot_pair'\]"):
        FORMS["accelerator"].make(source(), tmp_path, AcceleratorConfig(nodes=20, edges=60))
    assert not list(tmp_path.iterdir())


def test_the_integer_model_decides_as_a_mask_model() -> None:
    model, graph, micrographs = source().model, random_graph(30, 60), random_micrographs(30, 30, 5, largest=6)
    latent = 8.0 * np.random.default_rng(5).normal(size=(30, 2))
    logits = rows_mask_model(lambda one: model.formats["mask"].dequantize(model.run_graph(one)["mask"]))(
        graph, latent, micrographs
    )
    direct = model.run_graph(token_rows(hit_tokens(graph, latent)[micrographs.nodes], micrographs))["mask"]
    assert np.array_equal(logits, direct[:, 0] * 2.0 ** model.formats["mask"].exponent)
    assert len(np.unique(logits)) > 3


def test_sizes_and_scales_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="latent is 0, wanted at least 1"):
        CompactTransformerConfig(latent=0)
    with pytest.raises(ValueError, match="width 9 is not divided by 2 heads"):
        CompactTransformerConfig(width=9)
    with pytest.raises(ValueError, match=r"are \[1.0, 4.0, 3.0, 1.0\], wanted one and three powers of two"):
        CompactTransformerConfig(position_scale=(4.0, 3.0, 1.0))

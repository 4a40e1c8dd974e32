"""The native float runtime equals PyTorch up to rounding, on every path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from integer_networks import random_graph, toy_description
from toy_networks import NETWORKS, toy_rows

from edgetrack.export.form_classifier import edge_classifier
from edgetrack.export.forms import FormSettings
from edgetrack.export.kind import rounding_tolerance
from edgetrack.export.native.build import paths_here
from edgetrack.export.native.float_dialect import FUNCTIONS as WRITTEN
from edgetrack.export.native.float_form import NativeFloat, export_native_float
from edgetrack.export.native.form import NativeConfig
from edgetrack.export.verification import verify_float_form
from edgetrack.models.checkpoint import float_network
from edgetrack.models.functions import FUNCTIONS
from edgetrack.models.inference import edge_logits
from edgetrack.models.network import seeded_network
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, load_kind
from edgetrack.models.rows import as_tensors, hit_rows


@pytest.mark.parametrize("path", paths_here())
@pytest.mark.parametrize("name", NETWORKS)
def test_it_equals_torch_up_to_rounding(name: str, path: str) -> None:
    network = seeded_network(NETWORKS[name], seed=2).eval()
    native = NativeFloat(network, path, threads=2, optimise=0)
    spread = 0.0
    for seed, size in enumerate((20, 90, 1, 0)):
        rows = toy_rows(NETWORKS[name], size, seed)
        with torch.no_grad():
            wanted = network(as_tensors(rows)).numpy()
        # sums of a few dozen float32 numbers of order 1 in another order
        np.testing.assert_allclose(native.logits(rows), wanted, rtol=1e-4, atol=1e-5)
        spread = max(spread, float(np.ptp(wanted)) if len(wanted) else 0.0)
    assert spread > 1e-2


def test_an_array_of_another_shape_or_type_is_refused() -> None:
    description = toy_description()
    graph = random_graph(50, 300, 8)
    native = NativeFloat(seeded_network(description, seed=2).eval(), paths_here()[-1], optimise=0)
    out = np.empty(graph.num_edges, np.float32)
    assert native.logits(graph, out) is out
    wrong: list[Any] = [out[:3], out.astype(np.float64), np.empty(2 * len(out), np.float32)[::2]]
    for other in wrong:
        with pytest.raises(ValueError, match="wanted contiguous float32"):
            native.logits(graph, other)


def test_the_form_gives_the_decisions_of_a_float_checkpoint(tmp_path: Path) -> None:
    checkpoint = load_kind(DEFAULT_FLOAT, "float")
    graphs = [random_graph(40, 300, 3), random_graph(1, 0, 4)]
    result = verify_float_form("native_float", DEFAULT_FLOAT, checkpoint, graphs, tmp_path, FormSettings())
    assert not result.failed
    assert not result.skipped
    classifier = edge_classifier(checkpoint, "native_float", tmp_path, FormSettings())
    (wanted,) = edge_logits(float_network(checkpoint), graphs[:1])
    size = float(np.abs(wanted).max())
    assert result.tolerance == rounding_tolerance(checkpoint.description) * max(1.0, size)
    assert 0 < np.abs(classifier(graphs[0]) - wanted).max() <= result.tolerance


def test_every_function_has_cpp() -> None:
    assert set(WRITTEN) == set(FUNCTIONS)


def test_another_weight_is_seen(tmp_path: Path) -> None:
    network = seeded_network(toy_description(), seed=2).eval()
    logits = export_native_float(network, tmp_path, NativeConfig(paths=("portable",), optimise=0)).logits
    graph = random_graph(20, 60)
    with torch.no_grad():
        network.mlps["head"].get_parameter("2.bias").add_(0.01)
        moved = network(as_tensors(hit_rows(graph))).numpy()
    assert np.abs(logits(graph) - moved).min() > 5e-3
    assert (tmp_path / "network.cpp").is_file()

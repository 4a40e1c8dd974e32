"""A network that training alone brought to constant channels and ties: hardware rounds it as the golden model does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from integer_networks import flip_lsb, random_graph

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.form_classifier import quantized_source
from edgetrack.export.form_comparison import verify_form
from edgetrack.export.forms import FORMS
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.models.checkpoint import load_checkpoint

TRAINED_TIES = Path(__file__).parent / "golden" / "trained_hidden4_2bit.safetensors"
SETTINGS = {"rtl": RtlConfig(), "accelerator": AcceleratorConfig(nodes=32, edges=96, edge_lanes=2, node_lanes=2)}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_hardware_of_a_trained_network_of_two_bits_equals_its_integers(name: str, tmp_path: Path) -> None:
    source = quantized_source(load_checkpoint(TRAINED_TIES))
    form: Any = FORMS[name].make(source, tmp_path, SETTINGS[name])
    graphs = [random_graph(nodes, edges, seed) for seed, (nodes, edges) in enumerate([(32, 96), (20, 41), (7, 5)])]
    result = verify_form(source.model, form, graphs, 16_384, 1, lambda *_: None)
    assert (result.mismatches, result.first, result.failed) == (0, None, False)
    assert set(result.vectors) == {"phi_r1", "phi_o", "phi_r2"}
    assert set(result.vectors.values()) == {16_384}
    assert result.distinct_outputs > 8  # on vectors: phi_r2 is constant on graphs, so much has died in training
    twin = verify_form(flip_lsb(source.model, "phi_r2", 2, (0, 1)), form, graphs, 16_384, 1, lambda *_: None)
    assert twin.failed
    assert twin.first is not None
    assert twin.first.layer == "phi_r2"

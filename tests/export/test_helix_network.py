"""A network of two rounds that reads helices and tells both hits of an edge is proven in every form like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from integer_networks import random_graph
from quantized_networks import random_network, source_of

from edgetrack.events.progress import no_progress
from edgetrack.export.verification import VerifyConfig, verify_by_name
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

HELIX = interaction_network(
    InteractionNetworkConfig(hidden=6, effects=3, steps=2, receivers="both", features="helix", hit_values=4)
)
CONFIG = VerifyConfig(number=1, vectors=1000, streamed=24)
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("qonnx", "native", "accelerator", "hls4ml")]


@pytest.mark.parametrize("name", ["brevitas", "qcdq", *SLOW])
def test_helices_told_to_both_hits_give_the_integers_of_the_golden_model(name: str, tmp_path: Path) -> None:
    network = random_network(HELIX, seed=2, graph=random_graph(60, 240, seed=1))
    result = verify_by_name(name, source_of(network), [random_graph(60, 240, seed=0)], CONFIG, tmp_path, no_progress)
    assert (result.error, result.mismatches) == ("", 0)
    assert result.distinct_outputs > 20

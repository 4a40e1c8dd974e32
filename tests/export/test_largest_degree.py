"""The largest degree of a network: graphs that verification makes up stay within it, hardware refuses more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from quantized_networks import random_network, source_of

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.cases import special_graphs, within_degree
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import export_hls4ml
from edgetrack.export.verification import VerifyConfig, verify_by_name
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.rows import hit_rows
from edgetrack.quantize.recipe import PrecisionRecipe


def test_edges_beyond_the_degree_are_left_out_in_order() -> None:
    edge_index = np.array([[0, 1, 2, 3, 0, 0], [4, 4, 4, 4, 1, 2]])
    limited = within_degree(HitGraph(random_graph(5, 0).x, edge_index), 2)
    assert limited.edge_index.tolist() == [[0, 1, 0], [4, 4, 1]]
    for graph in special_graphs(40, 300, 1):
        assert hit_rows(within_degree(graph, 7)).max_degree() <= 7
        assert within_degree(graph, 300) is graph


@pytest.mark.parametrize("form", ["integer", "brevitas", "qonnx", "qcdq"])
def test_a_network_of_few_neighbours_is_verified_on_what_it_declares(form: str, tmp_path: Path) -> None:
    source = source_of(random_network(toy_description(), PrecisionRecipe(bias_bits=20, max_degree=20)))
    graph = within_degree(random_graph(30, 120), 20)
    result = verify_by_name(form, source, [graph], VerifyConfig(number=1, vectors=200), tmp_path, lambda *_: None)
    assert (result.error, result.mismatches, result.failed) == ("", 0, False)
    assert result.special_graphs == 7


def test_hardware_with_room_for_more_neighbours_than_a_mean_is_precise_for_is_refused(tmp_path: Path) -> None:
    model = random_integer_model(toy_description())
    message = r"mean 'mean' may be over all 8192 edges, but its reciprocals are precise to 4096; give the recipe"
    with pytest.raises(ValueError, match=f"accelerator: {message}"):
        export_accelerator(model, tmp_path, AcceleratorConfig(edges=8192))
    with pytest.raises(ValueError, match=f"hls4ml: {message}"):
        export_hls4ml(model, tmp_path, HlsConfig(edges=8192))
    assert not list(tmp_path.iterdir())

"""What a simulation tells of the inside of an accelerator, clock by clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model

from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Mlp, Scatter

DOUBLED = NetworkDescription(
    "doubled",
    (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4)),
    (
        Gather("a", "x", "source"),
        Concat("joined", ("a", "edge_attr")),
        Mlp("round__1", "joined", (2,)),
        Scatter("total", "round__1", "sum", "target"),
        Mlp("up___date", "total", (3,)),
        Gather("b", "up___date", "target"),
        Concat("head_in", ("b", "edge_attr")),
        Mlp("head", "head_in", (1,)),
    ),
    "head",
)


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> AcceleratorForm:
    """Names with doubled underscores, which Verilator writes in its own way."""
    folder: Path = tmp_path_factory.mktemp("watched")
    return export_accelerator(random_integer_model(DOUBLED, 2), folder, AcceleratorConfig(12, 30, 2, 2, 2, 2))


def test_passes_are_seen_where_the_formula_has_them(form: AcceleratorForm) -> None:
    graphs = [random_graph(nodes, edges, seed=edges) for nodes, edges in ((12, 30), (5, 9), (0, 0))]
    for graph in graphs:
        (received,), (clocks,) = form.library.watch([form.coded(graph)])
        assert list(clocks) == ["load", "round__1", "up___date", "head"]
        rows = form.formula.rows(graph.num_nodes, graph.num_edges)
        assert (clocks["load"].start, clocks["load"].last) == (received.first_node, received.first_node + rows[0] - 1)
        before = clocks["load"]
        for made in form.plan.passes:
            seen = clocks[made.name]
            assert seen.start == before.done + 1
            assert seen.last - seen.start == rows[made.domain == "edge"] - 1
            assert seen.done - seen.last == form.formula.timings[made.name].done
            before = seen
        assert received.last_logit - received.first_node == form.formula.latency(graph.num_nodes, graph.num_edges)


def test_watching_changes_nothing(form: AcceleratorForm) -> None:
    graphs = [random_graph(12, 30, seed=seed) for seed in range(6)]
    received, clocks = form.library.watch([form.coded(graph) for graph in graphs])
    again = form.run_graphs(graphs)
    for one, other in zip(received, again, strict=True):
        np.testing.assert_array_equal(one.codes, other.codes)
        assert (one.first_node, one.last_logit) == (other.first_node, other.last_logit)
    starts = [graph["head"].start for graph in clocks]
    assert starts == sorted(starts)
    assert all(graph["head"].start > graph["up___date"].last for graph in clocks)

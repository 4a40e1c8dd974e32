"""The native runtime gives the integer model's integers on every path, and refuses what no code stands for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description

from edgetrack.export.form import InexactForm
from edgetrack.export.native.build import FORCE, chosen_path, paths_here
from edgetrack.export.native.form import NativeConfig, NativeForm, NativeModel
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.quantize.integer_model import IntegerModel


@cache
def model() -> IntegerModel:
    return replace(random_integer_model(toy_description()), max_degree=1 << 12)


@cache
def native(path: str) -> NativeModel:
    return NativeModel(model(), path, optimise=0)


def hub(edges: int, spread: float = 1.0) -> HitGraph:
    """All edges end at one hit."""
    graph = random_graph(30, edges, 5, spread)
    edge_index = graph.edge_index.copy()
    edge_index[1] = 7
    return replace(graph, edge_index=edge_index)


GRAPHS = {
    "random": random_graph(50, 300, 1),
    "saturating": random_graph(50, 300, 2, spread=20.0),
    "a hub of 4000": hub(4000),
    "a saturating hub": hub(3000, spread=30.0),
    "one hit": random_graph(1, 5, 3),
    "no edges": random_graph(70, 0, 4),
    "no hits": random_graph(0, 0),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("path", paths_here())
def test_every_value_is_equal_on_every_path_for_any_number_of_threads(name: str, path: str) -> None:
    wanted = model().run_graph(GRAPHS[name], hidden=True)
    for threads in (1, 2, 5):
        for value, codes in native(path).values(GRAPHS[name], threads).items():
            np.testing.assert_array_equal(codes, wanted[value], err_msg=f"{value}, {threads} threads")
    np.testing.assert_array_equal(native(path).logits(GRAPHS[name]), model().logits(GRAPHS[name]))


def test_it_shows_every_value_but_concatenations_and_every_hidden_layer() -> None:
    values = native("portable").values(GRAPHS["random"])
    wanted = model().run_graph(GRAPHS["random"], hidden=True)
    assert list(values) == [name for name in wanted if not name.endswith("_in")]
    assert {"message.0", "update.0", "head.0"} <= set(values)
    assert len(np.unique(values["head"])) > 8


@pytest.mark.parametrize("path", paths_here())
def test_a_flipped_bit_differs(path: str) -> None:
    twin = flip_lsb(model(), "message_2").run_graph(GRAPHS["random"])
    assert (native(path).values(GRAPHS["random"])["message_2"] != twin["message_2"]).any()


def test_the_order_of_edges_does_not_matter() -> None:
    graph = GRAPHS["a hub of 4000"]
    order = np.random.default_rng(0).permutation(graph.num_edges)
    shuffled = replace(graph, edge_index=graph.edge_index[:, order], y=None)
    made = native(paths_here()[0])
    np.testing.assert_array_equal(made.codes(shuffled), made.codes(graph)[order])


def test_tensors_are_taken_as_they_are() -> None:
    graph = GRAPHS["random"]
    made = native(paths_here()[0])
    logits = made.tensor_logits(as_tensors(hit_rows(graph)))
    assert torch.equal(logits, torch.from_numpy(made.logits(graph)))
    out = np.empty(graph.num_edges, np.float32)
    assert made.logits(graph, out) is out
    with pytest.raises(ValueError, match="wanted contiguous float32"):
        made.logits(graph, np.empty(3, np.float32))


def test_a_graph_that_no_code_stands_for_is_refused() -> None:
    made = native(paths_here()[0])
    graph = random_graph(50, 300, 8)  # of its own: its arrays are changed
    rows = hit_rows(graph)
    for name in ("x", "edge_attr"):
        before = rows.features[name][3, 1]
        rows.features[name][3, 1] = np.nan
        with pytest.raises(ValueError, match="cannot quantise NaN"):
            made.logits(rows)
        rows.features[name][3, 1] = before
    rows = hit_rows(graph)
    rows.ends["target"][17] = 50
    with pytest.raises(ValueError, match="outside its domain"):
        made.logits(rows)
    rows.ends["target"][17] = -1
    with pytest.raises(ValueError, match="outside its domain"):
        made.logits(rows)


def test_a_mean_over_too_many_elements_is_refused_as_the_model_does() -> None:
    graph = hub(4097)
    for run in (model().run_graph, native(paths_here()[0]).logits):
        with pytest.raises(ValueError, match=r"give the recipe that max_degree"):
            run(graph)


def test_paths_that_disagree_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    form = NativeForm(model(), NativeConfig(paths=("portable",), threads=(1, 2), optimise=0))
    right = form.models["portable"].values

    def wrong(graph: HitGraph, threads: int | None = None) -> dict[str, np.ndarray]:
        values = right(graph, threads)
        values["message"][2, 1] += threads == 2
        return values

    monkeypatch.setattr(form.models["portable"], "values", wrong)
    with pytest.raises(InexactForm, match=r"message at \[2, 1\] is"):
        form.run_graph(GRAPHS["random"])


def test_a_path_is_chosen_by_name_by_the_variable_or_as_the_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FORCE, raising=False)
    assert chosen_path() == paths_here()[0]
    monkeypatch.setenv(FORCE, "portable")
    assert chosen_path() == "portable"
    assert native("portable").runtime.path == "portable"
    with pytest.raises(ValueError, match=r"native path 'neon': this processor runs"):
        chosen_path("neon")
    with pytest.raises(ValueError, match="wanted some of avx512vnni, avx2, portable"):
        NativeConfig(paths=("neon",))

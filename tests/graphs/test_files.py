"""Graph files: what is written is read back, and what is broken is named."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack.graphs.files import GraphFileError, load_graph, load_graphs, save_graph
from edgetrack.graphs.hitgraph import HitGraph

X = np.array([[0.032, 0.1, 0.0], [0.072, 0.1, 0.01], [0.116, 0.1, 0.02]], np.float32)
EDGES = np.array([[0, 1], [1, 2]])


def full_graph() -> HitGraph:
    return HitGraph(
        x=X,
        edge_index=EDGES,
        y=np.array([True, False]),
        particle_id=np.array([2**60 + 1, 2**60 + 1, 0]),
        pt=np.array([1.5, 1.5, np.nan], np.float32),
        eta=np.array([0.3, 0.3, np.nan], np.float32),
        hit_id=np.array([7, 5, 900_000]),
        node_attr=np.array([[3, 0.5], [1, 0.25], [2, 1.5]], np.float32),
        weight=np.array([0.25, 0, 0.5], np.float32),
        vertex_r=np.array([0.5, np.nan, 20], np.float32),
        name="event 12",
    )


def same(first: HitGraph, second: HitGraph) -> bool:
    def equal(a: object, b: object) -> bool:
        if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
            return a is b or (isinstance(a, str) and a == b)
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")

    fields = ("x", "edge_index", "y", "particle_id", "pt", "eta", "hit_id", "node_attr", "weight", "vertex_r", "name")
    return all(equal(getattr(first, f), getattr(second, f)) for f in fields)


@pytest.mark.parametrize(
    "graph",
    [
        full_graph(),
        HitGraph(x=X, edge_index=EDGES),
        HitGraph(x=np.zeros((0, 3), np.float32), edge_index=np.zeros((2, 0), np.int64), name="empty"),
    ],
)
def test_written_graph_is_read_back_exactly(graph: HitGraph, tmp_path: Path) -> None:
    assert same(load_graph(save_graph(graph, tmp_path / "deep" / "g.npz")), graph)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["g.npz"]


def test_changed_graph_is_not_the_same() -> None:
    assert not same(full_graph(), HitGraph(x=X, edge_index=EDGES, name="event 12"))


def test_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [save_graph(full_graph(), tmp_path / f"{i}.npz") for i in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_trackml_form_keeps_particle_zero_apart_from_noise(tmp_path: Path) -> None:
    path = tmp_path / "event000000007.npz"
    np.savez(
        path, X=X, edge_index=EDGES.astype(np.uint16), y=np.array([True, False]), pid=np.array([1, 1, 0], np.uint16)
    )
    graph = load_graph(path)
    assert graph.particle_id is not None
    assert graph.particle_id.tolist() == [2, 2, 1]
    assert graph.name == "event000000007"
    assert graph.edge_index.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, r"bad\.npz: key 'x' is missing"),
        ({"edge_index": None}, r"bad\.npz: key 'edge_index' is missing"),
        ({"edge_index": EDGES.astype(float)}, r"bad\.npz: key 'edge_index' is float64, wanted integer"),
        ({"edge_index": EDGES.T[:1]}, r"bad\.npz: .*edge_index has shape \(1, 2\)"),
        ({"edge_index": EDGES + 2}, r"bad\.npz: .*edge_index spans 2…4, wanted 0…2"),
        ({"x": X[:, :2]}, r"bad\.npz: .*x has shape \(3, 2\)"),
        ({"x": np.full((3, 3), np.nan)}, r"bad\.npz: .*not finite"),
        ({"y": np.ones(5, bool)}, r"bad\.npz: .*y has shape \(5,\), wanted \(2,\)"),
        ({"pt": np.array(["a", "b", "c"])}, r"bad\.npz: key 'pt' is <U1"),
        ({"node_attr": np.ones((3, 2), int)}, r"bad\.npz: key 'node_attr' is int64, wanted float"),
        ({"node_attr": np.ones((2, 2))}, r"bad\.npz: .*node_attr has shape \(2, 2\), wanted \(3, F\)"),
    ],
)
def test_bad_content_is_an_error_with_file_and_key(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    arrays = {"x": X, "edge_index": EDGES, **change}
    path = tmp_path / "bad.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    with pytest.raises(GraphFileError, match=message):
        load_graph(path)


def test_truncation_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    whole = save_graph(full_graph(), tmp_path / "g.npz").read_bytes()
    path = tmp_path / "cut.npz"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(GraphFileError, match=r"cut\.npz"):
            load_graph(path)


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    whole = save_graph(full_graph(), tmp_path / "g.npz").read_bytes()
    path = tmp_path / "flipped.npz"
    rng = np.random.default_rng(0)
    refused = 0
    positions = range(0, len(whole), 5)
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        with suppress(GraphFileError):
            load_graph(path)
            continue
        refused += 1
    assert refused > len(positions) / 2


def test_pickled_content_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", x=np.array([{"a": 1}], object), edge_index=EDGES)
    with pytest.raises(GraphFileError, match=r"p\.npz: cannot read x"):
        load_graph(tmp_path / "p.npz")


def test_folder_is_read_in_order_of_file_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        save_graph(HitGraph(x=X, edge_index=EDGES, name=name), tmp_path / f"{name}.npz")
    (tmp_path / ".12.d.npz").write_bytes(b"half written")
    assert [graph.name for graph in load_graphs(tmp_path)] == ["a", "b", "c"]


def test_folder_without_graphs_says_where_they_are(tmp_path: Path) -> None:
    save_graph(HitGraph(x=X, edge_index=EDGES), tmp_path / "1gev" / "a.npz")
    with pytest.raises(FileNotFoundError, match="one level below, in 1gev"):
        load_graphs(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        load_graphs(tmp_path / "none")


def test_wrong_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"wanted '\.npz'"):
        save_graph(full_graph(), tmp_path / "g.bin")


def test_real_graphs_are_read_and_carry_no_noise(trackml_hitgraphs: Path) -> None:
    graphs = load_graphs(trackml_hitgraphs / "2gev")
    assert len(graphs) == 75
    for graph in graphs:
        assert graph.particle_id is not None
        assert graph.y is not None
        assert graph.particle_id.min() == 1
        source, target = graph.edge_index[:, graph.y]
        assert np.array_equal(graph.particle_id[source], graph.particle_id[target])


def load_changed(tmp_path: Path, **change: Any) -> HitGraph:
    path = tmp_path / "changed.npz"
    np.savez(path, **{"x": X, "edge_index": EDGES, **change})
    return load_graph(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": X * [1000, 1, 1000]}, r"x\[0\] .* \(3 such hits\): r is above 15 m; .*looks like mm: divide by 1000"),
        ({"x": X + np.array([0, 0, 100])}, r"\|z\| is above 30 m"),
        ({"x": X / 1000 * [1, 1000, 1]}, r"outermost hit lies at r = 0\.116 mm, .*do not divide metres by 1000"),
        ({"x": X * [0, 1, 1]}, r"r is not above 0.*drop them"),
        ({"x": X * [-1, 1, 1]}, r"r is not above 0"),
        ({"x": X + np.array([0, np.pi, 0])}, r"φ/π is outside \[−1, 1\]; .*divide φ in rad by π"),
        ({"edge_index": np.array([[0, 1, 1], [1, 1, 2]])}, r"edge 1 joins hit 1 to itself \(1 such edges\)"),
        ({"y": np.array([0, 2])}, r"y\[1\] = 2 \(1 such edges\), wanted 0 or 1"),
        ({"y": np.array([-1, 1])}, r"y\[0\] = -1"),
    ],
)
def test_other_units_loops_and_labels_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(GraphFileError, match=r"changed\.npz: .*" + message):
        load_changed(
            tmp_path, **{name: value.astype(np.float32 if name == "x" else int) for name, value in change.items()}
        )


def test_coordinates_at_the_ends_of_their_ranges_are_taken(tmp_path: Path) -> None:
    x = np.array([[0.001, -1.0, -30.0], [15.0, 1.0, 30.0]], np.float32)
    assert load_changed(tmp_path, x=x, edge_index=np.array([[0], [1]])).num_edges == 1


TRUE_01 = np.array([True, False])  # of the edges 0 → 1 and 1 → 2, the first is true


@pytest.mark.parametrize(
    ("pid", "y", "expected"),
    [
        ([0, 0, 1], TRUE_01, [1, 1, 2]),  # counted from 0: particles
        ([0, 1, 2], ~TRUE_01 & TRUE_01, [1, 2, 3]),  # counted from 0, no true edge at all
        ([2**40, 2**40, 0], TRUE_01, [2**40, 2**40, 0]),  # identifiers beside noise
        ([2**40, 2**40, 7], TRUE_01, [2**40, 2**40, 7]),  # identifiers without noise
    ],
)
def test_pid_0_is_a_particle_where_pids_are_counted_and_noise_beside_identifiers(
    pid: list[int], y: np.ndarray, expected: list[int], tmp_path: Path
) -> None:
    np.savez(tmp_path / "g.npz", X=X, edge_index=EDGES, y=y, pid=np.array(pid))
    particle_id = load_graph(tmp_path / "g.npz").particle_id
    assert particle_id is not None
    assert particle_id.tolist() == expected


def test_a_pid_0_that_can_be_both_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "gap.npz", X=X, edge_index=EDGES, y=TRUE_01, pid=np.array([0, 0, 2**40]))
    with pytest.raises(GraphFileError, match=r"gap\.npz: pid 0 has true edges, but the pids have gaps"):
        load_graph(tmp_path / "gap.npz")
    crowd = np.repeat(X[:1], 22, axis=0)
    pid = np.array([0] * 19 + [1, 1, 2])
    edges = np.array([[19], [20]])
    np.savez(tmp_path / "crowd.npz", X=crowd, edge_index=edges, y=np.array([True]), pid=pid)
    with pytest.raises(GraphFileError, match="pid 0 has many hits and no true edge, but the pids count from 0"):
        load_graph(tmp_path / "crowd.npz")
    np.savez(tmp_path / "named.npz", x=crowd, edge_index=edges, y=np.array([True]), particle_id=pid)
    named = load_graph(tmp_path / "named.npz").particle_id
    assert named is not None
    assert named.tolist() == pid.tolist()

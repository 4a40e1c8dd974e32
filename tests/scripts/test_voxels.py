"""`edgetrack voxels`, and graphs built by what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from voxel_tracks import tracks

from edgetrack.events.event import HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.trackml import read_event, write_event
from edgetrack.graphs.files import load_graph
from edgetrack.graphs.voxel_dynamics.files import load_voxels
from edgetrack.graphs.voxel_dynamics.graph import voxel_graph
from edgetrack.graphs.voxel_dynamics.metrics import link_metrics
from edgetrack.scripts.main import main

FIT = "{voxels: 1024, symmetry: {sectors: 4}, views: 2, iterations: 3, points_per_seed: 40}"


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def made_event(number: int) -> Event:
    points, owner = tracks(number, 200, noise=60)
    hit_id = np.arange(1, len(points) + 1)

    def table(columns: dict[str, str], size: int, **values: object) -> pd.DataFrame:
        return pd.DataFrame({name: values.get(name, 0.0) for name in columns}, index=range(size)).astype(columns)

    x, y, z = points.T
    ids = np.arange(1, 201)
    return Event(
        number,
        table(HIT_COLUMNS, len(points), hit_id=hit_id, x=x, y=y, z=z),
        table(TRUTH_COLUMNS, len(points), hit_id=hit_id, particle_id=owner, weight=np.full(len(points), 1e-3)),
        table(PARTICLE_COLUMNS, 200, particle_id=ids, vx=ids / 100, vy=np.zeros(200), px=np.ones(200)),
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of events/ and of the result fit/."""
    folder = tmp_path_factory.mktemp("voxels")
    for number in range(6):
        write_event(made_event(number), folder / "events")
    options = ("--events", f"{folder}/events", "--validation", "2", "--parts", "3", "--efficiency", "0.9")
    result = call(
        "voxels", *options, "--set", f"fit={FIT}", "--set", "thin.fraction=0.25", "--folder", f"{folder}/fit", "--json"
    )
    assert result.exit_code == 0, result.output
    (folder / "result.json").write_text(result.stdout)
    return folder


def test_the_file_has_the_point_of_operation_and_the_result_the_curve(fitted: Path) -> None:
    result = json.loads((fitted / "result.json").read_text())
    dynamics = load_voxels(fitted / "fit" / "voxels.npz")
    assert dynamics.threshold == result["threshold"]
    assert (len(dynamics.keys), dynamics.voxels.number) == (result["orbits"], 1024)
    assert result["events"] == 4
    assert 0.9 <= result["vd_efficiency"] < 0.91
    curve = result["curve"]
    assert (np.diff(curve["efficiency"]) > 0).all()
    assert (np.diff(curve["threshold"]) < 0).all()
    assert curve["efficiency"][-1] > 0.9


def test_build_makes_graphs_of_all_hits_by_the_file(fitted: Path, tmp_path: Path) -> None:
    construction = f"graph.construction={{kind: voxel_dynamics, file: {fitted}/fit/voxels.npz}}"
    result = call(
        "build", "--events", f"{fitted}/events", "--set", construction, "--folder", str(tmp_path / "graphs"), "--json"
    )
    assert result.exit_code == 0, result.output
    dynamics = load_voxels(fitted / "fit" / "voxels.npz")
    metrics = None
    for number in range(6):
        built = load_graph(tmp_path / "graphs" / f"event{number:09d}.npz")
        graph = voxel_graph(read_event(fitted / "events", number), dynamics)
        np.testing.assert_array_equal(built.edge_index, graph.edge_index)
        np.testing.assert_array_equal(built.y, graph.y)
        assert built.num_nodes == 1060
        metrics = link_metrics(graph) if metrics is None else metrics + link_metrics(graph)
    assert metrics is not None
    line = json.loads(result.stdout)
    assert line["efficiency"] == metrics.efficiency
    assert line["false_positive_rate"] == metrics.false_positive_rate
    assert line["mean_degree"] == metrics.mean_degree


def test_a_build_may_raise_the_threshold_and_not_lower_it(fitted: Path, tmp_path: Path) -> None:
    threshold = load_voxels(fitted / "fit" / "voxels.npz").threshold
    words = ("build", "--events", f"{fitted}/events", "--folder", str(tmp_path / "graphs"), "--json", "--set")
    file = f"kind: voxel_dynamics, file: {fitted}/fit/voxels.npz"
    all_of_it = json.loads(call(*words, f"graph.construction={{{file}}}").stdout)
    raised = json.loads(call(*words, f"graph.construction={{{file}, threshold: {10 * threshold}}}").stdout)
    assert raised["mean_degree"] < all_of_it["mean_degree"]
    lowered = call(*words, f"graph.construction={{{file}, threshold: {threshold / 10}}}")
    assert lowered.exit_code == 1
    assert "was cut at" in lowered.output
    without = call(*words, "graph.construction={kind: voxel_dynamics}")
    assert "neither a file of `edgetrack voxels` nor one of the package's own (hypertrack-mu2-voxels" in without.output


def test_graphs_by_voxels_carry_truth_weight_and_vertex_of_their_hits(fitted: Path) -> None:
    event = made_event(1)
    graph = voxel_graph(event, load_voxels(fitted / "fit" / "voxels.npz"))
    assert event.truth is not None
    owner = event.truth["particle_id"].to_numpy()
    assert graph.particle_id is not None
    assert graph.y is not None
    assert graph.vertex_r is not None
    assert graph.weight is not None
    np.testing.assert_array_equal(graph.particle_id, owner)
    source, target = owner[graph.edge_index]
    np.testing.assert_array_equal(graph.y, (source == target) & (source != 0))
    assert 0 < graph.y.mean() < 1
    np.testing.assert_allclose(graph.vertex_r, np.where(owner == 0, np.nan, owner / 100), rtol=1e-6)
    np.testing.assert_allclose(graph.weight, np.where(owner == 0, 0, 1e-3))
    x, y, z = (event.hits[axis].to_numpy() for axis in "xyz")
    expected = np.column_stack([np.hypot(x, y) / 1000, np.arctan2(y, x) / np.pi, z / 1000])
    np.testing.assert_allclose(graph.x, expected, rtol=1e-6)


def test_wrong_options_are_refused(fitted: Path) -> None:
    for words, message in (
        (("--validation", "6"), "has 6 events, of which --validation takes 6; wanted more"),
        (("--efficiency", "1.5"), "--efficiency = 1.5: wanted between 0 and 1"),
        (("--parts", "0"), "--validation = 10 and --parts = 0: wanted 1 or more of both"),
    ):
        result = call("voxels", "--events", f"{fitted}/events", *words, "--folder", f"{fitted}/wrong")
        assert result.exit_code == 1
        assert message in result.output

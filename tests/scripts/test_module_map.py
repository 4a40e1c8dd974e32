"""`edgetrack module-map`, graphs built by what it writes, and `edgetrack bench construction`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from small_detector import hits_on, small_modules

from edgetrack.events.event import HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.trackml import write_event
from edgetrack.graphs.files import load_graph
from edgetrack.graphs.layers import PIXEL_LAYERS
from edgetrack.graphs.module_map.files import load_module_map
from edgetrack.graphs.module_map.modules import Modules
from edgetrack.scripts.main import main

MODULES = small_modules()
WINDOWS = "graph.geometric={phi_slope_max: 0.01, z0_max: 1000.0}"
PARTICLES = 40


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def write_detector(modules: Modules, folder: Path) -> None:
    """detectors.csv: w is the module's normal, u along φ."""
    volume, layer = np.array(PIXEL_LAYERS)[modules.layer].T
    w = modules.normals
    v = np.where(np.abs(w[:, 2:]) > 0.5, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    u = np.cross(v, w)
    axes = {
        f"rot_{axis}{name}": column[:, k]
        for name, column in zip("uvw", (u, v, w), strict=True)
        for k, axis in enumerate("xyz")
    }
    places = {f"c{axis}": modules.centers[:, k] for k, axis in enumerate("xyz")}
    table = {"volume_id": volume, "layer_id": layer, "module_id": modules.module_id, **places, **axes}
    pd.DataFrame(table).to_csv(folder / "detectors.csv", index=False)


def made_event(number: int) -> Event:
    hits = hits_on(MODULES, number, PARTICLES)
    assert hits.particle_id is not None
    volume, layer = np.array(PIXEL_LAYERS)[hits.layer].T
    hit_id, ids = np.arange(1, len(hits) + 1), np.arange(1, PARTICLES + 1)

    def table(columns: dict[str, str], size: int, **values: object) -> pd.DataFrame:
        return pd.DataFrame({name: values.get(name, 0.0) for name in columns}, index=range(size)).astype(columns)

    place = {"x": hits.r * np.cos(hits.phi), "y": hits.r * np.sin(hits.phi), "z": hits.z}
    module = {"volume_id": volume, "layer_id": layer, "module_id": hits.module_id}
    return Event(
        number,
        table(HIT_COLUMNS, len(hits), hit_id=hit_id, **place, **module),
        table(TRUTH_COLUMNS, len(hits), hit_id=hit_id, particle_id=hits.particle_id),
        table(PARTICLE_COLUMNS, PARTICLES, particle_id=ids, px=np.where(ids > PARTICLES / 2, 2.1, 0.7)),
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of training/ and test/, and of map/modules.npz of the first."""
    folder = tmp_path_factory.mktemp("module-map")
    for name, numbers in (("training", range(6)), ("test", range(100, 102))):
        for number in numbers:
            write_event(made_event(number), folder / name)
        write_detector(MODULES, folder / name)
    words = ("--events", f"{folder}/training", "--pt-min", "0.5", "--symmetry", "exact", "--folder", f"{folder}/map")
    result = call("module-map", *words, "--json")
    assert result.exit_code == 0, result.output
    (folder / "result.json").write_text(result.stdout)
    return folder


def build(events: Path, folder: Path, construction: str) -> Result:
    words = ("--events", f"{events}/test", "--set", WINDOWS, "--set", "graph.selection.pt_min=0.5")
    return call("build", *words, "--set", f"graph.construction={construction}", "--folder", f"{folder}", "--json")


def test_the_map_says_what_it_was_learnt_from(events: Path) -> None:
    result = json.loads((events / "result.json").read_text())
    made = load_module_map(events / "map" / "modules.npz")
    assert (result["pairs"], result["events"], result["modules"]) == (made.pairs, 6, len(MODULES))
    assert (made.pt_min, made.symmetry, made.modules.geometry) == (0.5, "exact", result["geometry"])
    assert made.pairs > 100


def test_graphs_by_the_map_and_by_clusters_have_a_part_of_the_geometric_edges(events: Path, tmp_path: Path) -> None:
    kinds = {
        "geometric": "{kind: geometric}",
        "module_map": f"{{kind: module_map, file: {events}/map/modules.npz}}",
        "ranges": f"{{kind: module_map, file: {events}/map/modules.npz, margin: 2}}",
        "dbscan_geometric": "{kind: dbscan_geometric, eps: 0.05}",
    }
    figures = {}
    for name, construction in kinds.items():
        result = build(events, tmp_path / name, construction)
        assert result.exit_code == 0, result.output
        figures[name] = json.loads(result.stdout)
        graph = load_graph(tmp_path / name / "event000000100.npz")
        edges = set(map(tuple, graph.edge_index.T.tolist()))
        every = load_graph(tmp_path / "geometric" / "event000000100.npz")
        assert edges <= set(map(tuple, every.edge_index.T.tolist()))
        assert graph.num_nodes == every.num_nodes
    sizes = {name: result["mean_edges"] for name, result in figures.items()}
    assert sizes["geometric"] > sizes["module_map"] > sizes["ranges"] > 0
    assert sizes["geometric"] > sizes["dbscan_geometric"] > 0
    assert figures["module_map"]["efficiency"] > 0.9 * figures["geometric"]["efficiency"]
    assert figures["module_map"]["purity"] > figures["geometric"]["purity"]


def test_events_of_another_detector_are_refused(events: Path, tmp_path: Path) -> None:
    other = tmp_path / "test"
    write_event(made_event(100), other)
    write_detector(small_modules(shift=2.0), other)
    result = build(tmp_path, tmp_path / "graphs", f"{{kind: module_map, file: {events}/map/modules.npz}}")
    assert result.exit_code != 0
    assert "mm from where it stands in the module map" in result.output


def test_the_bench_compares_the_methods_on_the_same_events(events: Path, tmp_path: Path) -> None:
    words = ("--events", f"{events}/test", "--training", f"{events}/training", "--set", "thresholds=[0.5, 1.95]")
    result = call("bench", "construction", *words, "--symmetry", "exact", "--folder", f"{tmp_path}", "--json")
    found = json.loads(result.stdout.splitlines()[-1])
    cases = {(case["name"], case["pt_min"]): case for case in found["cases"]}
    assert len(cases) == 8
    assert (found["test_events"], found["training_events"]) == (2, 6)
    for name in ("geometric", "dbscan_geometric", "module_map"):
        assert cases[name, 0.5]["published"]["nodes"] > 16_000
        assert cases[name, 0.5]["within"] is False  # of so few hits
        assert cases[name, 1.95]["published"] is None
        assert cases[name, 0.5]["measured"]["edges"] <= cases["geometric", 0.5]["measured"]["edges"]
    assert found["failed"]
    assert (tmp_path / "construction.png").stat().st_size > 10_000
    same = call("bench", "construction", "--events", "a", "--training", "a", "--folder", f"{tmp_path}/b")
    assert "wanted independent events" in same.output

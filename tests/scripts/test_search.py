"""`edgetrack search`: trials, front, picture and finished points of a small network; what it keeps and refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from integer_networks import random_graph

from edgetrack.graphs.files import load_graph, save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.used_bits import mean_weight_bits, zero_weights
from edgetrack.scripts.config import load_config
from edgetrack.scripts.main import main
from edgetrack.scripts.quantize import QuantizeRunConfig


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs whose true edges are short, and a float network that was never trained."""
    folder = tmp_path_factory.mktemp("search")
    for number in range(6):
        graph = random_graph(40, 160, seed=number)
        between = graph.edge_index[0] != graph.edge_index[1]
        edges, short = graph.edge_index[:, between], graph.edge_attr[between, 3] < 3.0
        particles = np.arange(40) // 4 + 1
        name = f"event{number}"
        save_graph(
            HitGraph(graph.x, edges, y=short, particle_id=particles, name=name), folder / "graphs" / f"{name}.npz"
        )
    description = interaction_network(InteractionNetworkConfig(hidden=8))
    save_checkpoint(
        Checkpoint("float", description, seeded_network(description, 3).state_dict(), 0.0), folder / "float.safetensors"
    )
    return folder


def search(data: Path, folder: Path, *words: str) -> Result:
    return CliRunner().invoke(
        main,
        [
            "search", "--graphs", str(data / "graphs"), "--checkpoint", str(data / "float.safetensors"),
            "--folder", str(folder), "--json",
            "--set", "split={train: 0.4, validation: 0.3, test: 0.3}",
            "--set", "input_scales={edge_attr: [4.0, 1.0, 1.0, 0.125]}",
            "--set", "recipe.bias_bits=20",
            "--set", "training={epochs: 3, batch_graphs: 1, schedule: {learning_rate: 0.02}}",
            "--set", "space={uniform: [8, 4], sparsity: [0.0, 0.5], grain: mlp}",
            "--set", "design={nodes: 24, edges: 48, edge_lanes: 2, node_lanes: 1, latency_cutoff: 5.0}",
            *words,
        ],
    )  # fmt: skip


def test_it_keeps_every_trial_and_finishes_points_of_the_front(data: Path, tmp_path: Path) -> None:
    finished = ("--set", "finish={points: 1, uniform: [8], epochs: 0, forms: [integer, brevitas], synthesise: false}")
    result = search(data, tmp_path, "--trials", "4", *finished)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    rows = list(csv.DictReader((tmp_path / "search.csv").read_text().splitlines()))
    assert answer["trials"] == len(rows) == 4
    assert [(row["weight_bits phi_r1"], row["sparsity phi_o"]) for row in rows[:3]] == [
        ("8", "0.0"), ("4", "0.0"), ("4", "0.5"),
    ]  # fmt: skip
    assert int(rows[0]["lut"]) > int(rows[1]["lut"]) > int(rows[2]["lut"])
    for row in rows:
        folder = tmp_path / "trials" / row["folder"]
        model = integer_model(load_checkpoint(folder / "trial.safetensors"))
        assert mean_weight_bits(model) == pytest.approx(float(row["mean_weight_bits"]))
        assert zero_weights(model) == pytest.approx(float(row["zero_weights"]))
        assert load_config(QuantizeRunConfig, folder / "quantize.yaml").recipe.bias_bits == 20
    assert (tmp_path / "search.png").read_bytes().startswith(b"\x89PNG")
    assert [point["name"] for point in answer["points"]][-1] == "8 bits"
    for point in answer["points"]:
        assert {form: proof["mismatches"] for form, proof in point["forms"].items()} == {"integer": 0, "brevitas": 0}
        assert 0.0 < point["auc"] < 1.0


def test_no_trial_sees_a_test_graph(data: Path, tmp_path: Path) -> None:
    assert search(data, tmp_path, "--trials", "1").exit_code == 0
    (checkpoint,) = (load_checkpoint(path) for path in tmp_path.glob("trials/*/trial.safetensors"))
    seen = {*checkpoint.metrics["train_graphs"], *checkpoint.metrics["validation_graphs"]}
    every = {load_graph(path).name for path in (data / "graphs").glob("*.npz")}
    assert checkpoint.metrics["test_graphs"] == []
    assert len(every - seen) == 2


def test_it_goes_on_where_it_was_and_another_process_shares_it(data: Path, tmp_path: Path) -> None:
    first = json.loads(search(data, tmp_path / "run", "--trials", "2").stdout)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "trials").glob("*/trial.json")}
    more = json.loads(search(data, tmp_path / "other", "--study", str(tmp_path / "run"), "--trials", "3").stdout)
    assert (first["trials"], more["trials"]) == (2, 3)
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    assert len(list((tmp_path / "run" / "trials").glob("*/trial.json"))) == 3


def test_bad_trials_say_why_and_a_search_of_nothing_else_fails(data: Path, tmp_path: Path) -> None:
    result = search(data, tmp_path, "--trials", "2", "--set", "recipe.bias_bits=2")
    assert result.exit_code == 1
    assert "all 2 trials failed; the first: ValueError: layer phi_r1" in result.output
    assert "set bias_bits to" in result.output


def test_what_is_no_search_is_refused(data: Path, tmp_path: Path) -> None:
    assert "wanted at least 1" in search(data, tmp_path, "--trials", "0").output
    given = search(data, tmp_path, "--set", "training.pruning={sparsity: 0.5}")
    assert "sparsities come from space.sparsity" in given.output

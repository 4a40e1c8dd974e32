"""The float weights that come with the package: made by the config beside them, and as good as they must be."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from edgetrack.graphs.files import load_graph
from edgetrack.models.checkpoint import float_network, load_checkpoint
from edgetrack.models.inference import edge_logits
from edgetrack.models.named_networks import describe
from edgetrack.models.pretrained_checkpoints import FOLDER
from edgetrack.scripts.config import load_config
from edgetrack.scripts.train import TrainRunConfig
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

SETS = ("2gev", "1p5gev", "1gev")
# On test graphs, hits shuffled: least edge accuracy at δ*, least double majority, largest fake rate.
LIMITS = {"2gev": (0.993, 0.99, 0.005), "1p5gev": (0.994, 0.99, 0.004), "1gev": (0.993, 0.985, 0.004)}
BEST_LIMITS = {"2gev": (0.995, 0.99, 0.005), "1p5gev": (0.997, 0.99, 0.004), "1gev": (0.997, 0.985, 0.004)}
PARAMETERS = {"float": 6448, "compact-float": 1432, "best-float": 6261, "best-compact-float": 1347}
NAMES = [(data, kind) for data in SETS for kind in PARAMETERS]


@pytest.mark.parametrize("name", [f"in-{data}-{kind}" for data, kind in NAMES])
def test_weights_were_made_by_the_config_beside_them(name: str) -> None:
    config = load_config(TrainRunConfig, FOLDER / f"{name}.yaml")
    checkpoint = load_checkpoint(FOLDER / f"{name}.safetensors")
    network = {"kind": "interaction_network", **checkpoint.config["network"]}  # written when there was one kind
    assert TypeAdapter(TrainRunConfig).validate_python({**checkpoint.config, "network": network}) == config
    objective = json.loads(json.dumps(asdict(config.objective)))  # lists, as the checkpoint has them
    assert checkpoint.config["objective"].items() <= objective.items()  # later settings: as by default
    assert checkpoint.description == describe(config.network)
    assert checkpoint.description.num_parameters() == PARAMETERS[name.split("-", 2)[2]]
    assert config.name == name


@pytest.mark.parametrize(("data", "kind"), NAMES)
def test_weights_find_edges_and_tracks_of_real_graphs_that_they_have_not_seen(
    data: str, kind: str, trackml_hitgraphs: Path
) -> None:
    checkpoint = load_checkpoint(FOLDER / f"in-{data}-{kind}.safetensors")
    graphs = [load_graph(trackml_hitgraphs / data / f"{name}.npz") for name in checkpoint.metrics["test_graphs"]]
    logits = edge_logits(float_network(checkpoint), graphs)
    found = evaluate_scores(graphs, logits, checkpoint.threshold, checkpoint.track_threshold).to_json()
    accuracy, double_majority, fakes = (BEST_LIMITS if "best" in kind else LIMITS)[data]
    assert found["edge_accuracy"] >= (0.998 if kind == "best-float" else accuracy)
    assert found["double_majority"] >= double_majority
    assert found["fake_rate"] <= fakes
    assert found["edge_accuracy"] == pytest.approx(checkpoint.metrics["edge_accuracy"], abs=1e-4)
    other_order = evaluate_scores(
        graphs, logits, checkpoint.threshold, checkpoint.track_threshold, EvaluationConfig(seed=1)
    ).to_json()
    assert other_order["double_majority"] == found["double_majority"]

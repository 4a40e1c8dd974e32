"""`edgetrack evaluate` and `tune` of HyperTrack: pairs of hits, tracks by components or by masks, in any form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from straight_tracks import tracks

from edgetrack.graphs.files import load_graphs, save_graph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from edgetrack.models.first_network import first_network, trained_network
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig
from edgetrack.models.hypertrack.compact_transformer import CompactTransformerConfig
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.latent import judges_pairs
from edgetrack.models.hypertrack.set_transformer import SetTransformerConfig
from edgetrack.models.interaction_network import InteractionNetworkConfig
from edgetrack.models.named_networks import NetworkConfig, describe
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.checkpoint import quantized_checkpoint
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import EvaluateConfig, evaluate
from edgetrack.scripts.main import main
from edgetrack.scripts.tune import TuneConfig, tune
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig

QUIET = Console(quiet=True)
FIGURES = (
    "dms",
    "clustering_efficiency",
    "clustering_purity",
    "auc",
    "vd_efficiency",
    "vd_false_positive_rate",
)


def save_network(config: NetworkConfig, path: Path, origin: dict[str, Any] | None = None) -> str:
    """A checkpoint of random weights."""
    description, state = trained_network(config, first_network(config, 0).eval())
    save_checkpoint(Checkpoint("float", description, state, 0.0, -1.0, config=origin or {}), path)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(6):
        graph = tracks(seed)
        known = replace(
            graph,
            name=f"event{seed:09d}",
            pt=np.full(graph.num_nodes, 0.6, np.float32),
            vertex_r=np.where(graph.particle_id == 1, 20.0, 1.0),
        )
        save_graph(known, tmp_path / "graphs" / f"event{seed:09d}.npz")
    save_network(
        HyperTrackConfig(features="cylindrical", layers=1, hidden=8, message=8, latent=5),
        tmp_path / "float.safetensors",
        {"split": {"train": 0.5, "validation": 0.5, "test": 0.0, "seed": 0}},
    )
    save_network(SetTransformerConfig(width=8, heads=2, blocks=1), tmp_path / "masks.safetensors")
    return tmp_path


def test_evaluate_gives_hypertracks_figures_as_json(folder: Path) -> None:
    given = ["evaluate", f"--graphs={folder / 'graphs'}", f"--checkpoint={folder / 'float.safetensors'}", "--json"]
    runs = {
        "components": [],
        "hypertrack": [f"--masks={folder / 'masks.safetensors'}"],
        "dbscan": ["--set=evaluation.building.method=dbscan"],
    }
    results = {}
    for name, more in runs.items():
        answer = CliRunner().invoke(main, [*given, *more, f"--folder={folder / name}"])
        assert answer.exit_code == 0, answer.output
        results[name] = json.loads(answer.stdout.splitlines()[-1])
        assert set(FIGURES) <= set(results[name])
        bins = results[name]["clustering_by_pt"]
        assert {one["low"] for one in bins if one["displaced"] is not None} == {0.5}
    graphs = load_graphs(folder / "graphs")
    pairs = sum(graph.num_nodes * (graph.num_nodes - 1) // 2 for graph in graphs)
    true = len(graphs) * 8 * 6  # eight particles with four hits each: every pair of them is an edge
    edges = sum(graph.num_edges for graph in graphs)
    assert all(results["components"][figure] is not None for figure in FIGURES)
    assert results["components"]["vd_efficiency"] == 1.0
    assert results["components"]["vd_false_positive_rate"] == pytest.approx((edges - true) / (pairs - true))
    assert results["hypertrack"]["masks"] == str(folder / "masks.safetensors")
    assert results["hypertrack"]["auc"] == pytest.approx(results["components"]["auc"], abs=1e-6)


def test_integers_of_both_networks_build_tracks(folder: Path) -> None:
    graphs = load_graphs(folder / "graphs")
    paths = {}
    for own in (CompactHyperTrackConfig(layers=1, latent=4), CompactTransformerConfig(latent=4, width=8, hidden=8)):
        network = QuantizedNetwork(describe(own), PrecisionRecipe())
        network.load_float(first_network(own, 0).state_dict())
        if own.kind == "compact_hypertrack":
            calibrate(network, graphs, CalibrationConfig())
        paths[own.kind] = folder / f"{own.kind}.safetensors"
        save_checkpoint(quantized_checkpoint(network, 0.0, -1.0, {}, {}), paths[own.kind])
    config = EvaluateConfig(
        str(folder / "graphs"), str(paths["compact_hypertrack"]), masks=str(paths["compact_transformer"])
    )
    result = evaluate(config, folder / "integers", QUIET)
    assert result["form"] == "integer"
    assert result["dms"] is not None
    kernels = evaluate(replace(config, form="brevitas", masks_form="brevitas"), folder / "brevitas", QUIET)
    assert {key: kernels[key] for key in FIGURES} == {key: result[key] for key in FIGURES}


@pytest.mark.parametrize("masks", [False, True])
def test_tune_chooses_the_cut_by_the_double_majority_score(folder: Path, masks: bool) -> None:
    config = TuneConfig(
        str(folder / "graphs"),
        str(folder / "float.safetensors"),
        masks=str(folder / "masks.safetensors") if masks else "",
    )
    chosen = tune(config, folder / "tuned", QUIET)["track_threshold"]
    own = EvaluateConfig(
        config.graphs, config.checkpoint, part="all", masks=config.masks, evaluation=EvaluationConfig(seed=1)
    )
    best = evaluate(replace(own, track_threshold=chosen), folder / "best", QUIET)["dms"]
    for other in (chosen - 3.0, chosen + 3.0):
        assert evaluate(replace(own, track_threshold=other), folder / "other", QUIET)["dms"] <= best + 0.1
    elsewhere = tune(
        replace(config, validation_graphs=config.graphs, checkpoint=config.checkpoint), folder / "elsewhere", QUIET
    )
    assert "dms" not in elsewhere
    assert load_checkpoint(elsewhere["checkpoint"]).track_threshold == elsewhere["track_threshold"]


def test_the_builder_follows_the_network_unless_one_is_named() -> None:
    pairs, doublets = describe(CompactHyperTrackConfig()), describe(InteractionNetworkConfig())
    assert judges_pairs(describe(HyperTrackConfig()))
    methods = {
        (description.name, masks): EvaluationConfig().of(description, masks).building.method
        for description in (pairs, doublets)
        for masks in (False, True)
    }
    assert methods == {
        ("compact_hypertrack", False): "connected_components",
        ("compact_hypertrack", True): "hypertrack",
        ("interaction_network", False): "best_neighbours",
        ("interaction_network", True): "hypertrack",
    }
    named = EvaluationConfig(building=TrackBuildingConfig(method="hdbscan"))
    assert named.of(pairs, True) is named


def test_masks_and_what_contradicts_them_are_refused(folder: Path) -> None:
    config = EvaluateConfig(str(folder / "graphs"), str(folder / "float.safetensors"), masks="masks")
    with pytest.raises(ValueError, match="masks do not go with separate_losses"):
        replace(config, separate_losses=True)
    with pytest.raises(ValueError, match=r"masks do not go with building\.method 'dbscan'"):
        replace(config, evaluation=EvaluationConfig(building=TrackBuildingConfig(method="dbscan")))
    wide = save_network(SetTransformerConfig(width=16), folder / "wide.safetensors")
    with pytest.raises(ValueError, match="reads tokens of 16 numbers"):
        evaluate(replace(config, masks=wide), folder / "run", QUIET)

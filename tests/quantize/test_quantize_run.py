"""The verb `quantize`: from a float checkpoint to one whose integers carry its thresholds and figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.files import load_graph, save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, load_checkpoint, save_checkpoint
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.edge_objective import HyperTrackEdges
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.named_networks import describe
from edgetrack.models.network import seeded_network
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.steps import Input, Mlp
from edgetrack.models.thresholds import edge_accuracy
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.checkpoint import integer_model, quantized_network
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.console import Console
from edgetrack.scripts.quantize import QuantizeRunConfig, fitting_scales, quantize

SPLIT = SplitConfig(train=0.6, validation=0.2, test=0.2)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> QuantizeRunConfig:
    """Graphs whose true edges are short, and a float network that was never trained."""
    folder = tmp_path_factory.mktemp("quantize")
    for number in range(10):
        graph = random_graph(60, 300, seed=number)
        between = graph.edge_index[0] != graph.edge_index[1]
        labelled = HitGraph(
            graph.x,
            graph.edge_index[:, between],
            y=graph.edge_attr[between, 3] < 3.0,
            name=f"event{number}",
        )
        save_graph(labelled, folder / "graphs" / f"event{number}.npz")
    description = interaction_network(InteractionNetworkConfig(hidden=8))
    checkpoint = Checkpoint("float", description, seeded_network(description, 3).state_dict(), 0.0)
    save_checkpoint(checkpoint, folder / "float.safetensors")
    return QuantizeRunConfig(
        graphs=str(folder / "graphs"),
        checkpoint=str(folder / "float.safetensors"),
        split=SPLIT,
        input_scales={"edge_attr": (4.0, 1.0, 1.0, 0.125)},
        recipe=PrecisionRecipe(weight_bits=7),
        training=TrainConfig(epochs=12, schedule=ScheduleConfig(learning_rate=0.02)),
    )


def test_checkpoint_holds_the_integers_thresholds_and_figures(config: QuantizeRunConfig, tmp_path: Path) -> None:
    result = quantize(config, tmp_path, Console(quiet=True))
    checkpoint = load_checkpoint(result["checkpoint"])
    assert checkpoint.kind == "quantised"
    start = checkpoint_digest(load_checkpoint(config.checkpoint))
    assert checkpoint.config["sha256"] == {"checkpoint": start, "teacher": None}
    assert checkpoint.description.inputs[1].scale == (4.0, 1.0, 1.0, 0.125)
    assert quantized_network(checkpoint).recipe == config.recipe
    model = integer_model(checkpoint)
    step = model.formats[model.description.output].step
    assert (2 * checkpoint.threshold / step).is_integer()  # on a code or half-way: exact in every form
    assert result["graphs"] == 2
    graphs = [load_graph(Path(config.graphs) / f"{name}.npz") for name in result["test_graphs"]]
    logits = np.concatenate([model.logits(graph) for graph in graphs])
    y = np.concatenate([graph.y for graph in graphs if graph.y is not None])
    assert result["edge_accuracy"] == pytest.approx(edge_accuracy(logits, y, checkpoint.threshold), abs=1e-12)
    assert result["edge_accuracy"] > max(y.mean(), 1 - y.mean()) + 0.1  # it has learnt


def test_run_repeats_itself_and_a_finished_one_is_kept(config: QuantizeRunConfig, tmp_path: Path) -> None:
    short = replace(config, training=TrainConfig(epochs=1), teacher=config.checkpoint)
    first = Path(quantize(short, tmp_path / "a", Console(quiet=True))["checkpoint"]).read_bytes()
    again = Path(quantize(short, tmp_path / "a", Console(quiet=True))["checkpoint"]).read_bytes()
    other = Path(quantize(short, tmp_path / "b", Console(quiet=True))["checkpoint"]).read_bytes()
    assert first == again == other


def test_quantized_checkpoint_is_no_start(config: QuantizeRunConfig, tmp_path: Path) -> None:
    short = replace(config, training=TrainConfig(epochs=1))
    quantised = quantize(short, tmp_path, Console(quiet=True))["checkpoint"]
    with pytest.raises(ValueError, match="wanted a float checkpoint"):
        quantize(replace(short, checkpoint=quantised), tmp_path / "again", Console(quiet=True))


def test_default_input_scales_apply_where_they_fit_and_given_ones_must_fit(config: QuantizeRunConfig) -> None:
    default = QuantizeRunConfig(graphs="", checkpoint="").input_scales
    network = interaction_network(InteractionNetworkConfig(hidden=4))
    assert fitting_scales(replace(config, input_scales=default), network) == default
    other = NetworkDescription(
        "other", (Input("edge_attr", "edge", (1.0, 1.0)),), (Mlp("out", "edge_attr", (1,)),), "out"
    )
    assert fitting_scales(replace(config, input_scales=default), other) == {}
    given: dict[str, tuple[float, ...]] = {"edge_attr": (1.0, 1.0, 1.0, 1.0)}
    assert fitting_scales(replace(config, input_scales=given), other) == given  # to be refused, not left out


def test_a_compact_hypertrack_learns_from_hypertrack_which_reads_other_features(tmp_path: Path) -> None:
    for number in range(6):
        graph = random_graph(30, 80, seed=number)
        edges = graph.edge_index[:, graph.edge_index[0] != graph.edge_index[1]]
        particles = np.arange(30) // 4 + 1
        path = tmp_path / "graphs" / f"event{number}.npz"
        same = particles[edges[0]] == particles[edges[1]]
        save_graph(HitGraph(graph.x, edges, y=same, particle_id=particles, name=path.stem), path)
    compact = CompactHyperTrackConfig(layers=2, hidden=4, message=4, latent=4)
    for name, description in (
        ("compact", describe(compact)),
        ("teacher", describe(HyperTrackConfig(features="cartesian", layers=2, hidden=6, message=6, latent=4))),
    ):
        state = seeded_network(description, 3).state_dict()
        save_checkpoint(Checkpoint("float", description, state, 0.0), tmp_path / f"{name}.safetensors")
    config = QuantizeRunConfig(
        graphs=str(tmp_path / "graphs"),
        checkpoint=str(tmp_path / "compact.safetensors"),
        teacher=str(tmp_path / "teacher.safetensors"),
        split=SPLIT,
        objective=HyperTrackEdges(distillation=0.5),
        recipe=PrecisionRecipe(bias_bits=20),
        training=TrainConfig(epochs=1),
    )
    checkpoint = load_checkpoint(quantize(config, tmp_path / "run", Console(quiet=True))["checkpoint"])
    assert checkpoint.description == describe(compact)
    without = quantize(replace(config, teacher=None), tmp_path / "alone", Console(quiet=True))
    other = load_checkpoint(without["checkpoint"])
    assert not all(np.array_equal(other.state[name], value) for name, value in checkpoint.state.items())

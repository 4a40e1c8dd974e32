"""`edgetrack bench training`: the time of an epoch beside plain PyTorch Geometric and plain Brevitas."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.scripts.benches.threshold_graphs import WHERE, graph_folders
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.training_speed import TrainingCase, quantized_for_training, training_case


@dataclass(frozen=True)
class TrainingBenchConfig:
    """Graphs, sizes and how often an epoch is timed."""

    graphs: str = option("", WHERE)
    pt_min: float = option(1.0, "pT threshold of the graphs, GeV")
    training_graphs: int = option(10, "graphs of an epoch; an eighth as many are validated on")
    hidden: int = option(40, "hidden units")
    weight_bits: int = option(6, "of the quantised network; activations have 8")
    repeats: int = option(3, "interleaved epochs, of which the median counts")
    keep_memory: bool = option(True, "freed memory stays with the process, as in `train`; else all pay for page faults")
    events: int = option(6, "events to simulate where no graphs are given")
    seed: int = option(0, "of first weights and order; of simulated events one more")

    def __post_init__(self) -> None:
        for name, least in (("training_graphs", 2), ("hidden", 1), ("repeats", 1), ("events", 4), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} = {getattr(self, name)}: wanted at least {least}")


def bench_training(config: TrainingBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Seconds of an epoch of the float and of the quantised Interaction Network, beside their plain forms, as ratios.

    Plain: PyTorch Geometric's MessagePassing, and Brevitas' own quantisers in it, of the same weights; the same loop of
    Adam for both. `train` is the whole epoch of `edgetrack train`: Lightning, validation, TensorBoard, resume point.
    Losses are compared before anything is timed. Time of the processor, one thread, one process, epochs interleaved;
    the profile says which operations an epoch is spent on.
    """
    (place,) = graph_folders(config.graphs, (config.pt_min,), config.events, config.seed + 1, folder, console).values()
    sets = load_graph_sets(place, SplitConfig())
    train = sets.train[: config.training_graphs]
    validation = sets.validation[: max(len(train) // 8, 1)]
    network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=config.hidden)), config.seed)
    cases = []
    with tempfile.TemporaryDirectory(prefix="edgetrack-bench-") as scratch:
        for name in ("float", "quantised"):
            trained = network if name == "float" else quantized_for_training(network, train, config.weight_bits)
            case = TrainingCase(name, config.repeats, config.seed, config.keep_memory)
            cases.append(training_case(trained, train, validation, case, Path(scratch)))
            _show(cases[-1], console)
    return {"cases": cases, "failed": False}


def _show(case: dict[str, Any], console: Console) -> None:
    size = case["size"]
    title = f"{case['name']}: an epoch of {size['graphs']} graphs, {size['edges']:,} edges"
    rows = [
        (name, f"{value:.3g}", f"{case['ratios'][name]:.2f}", f"{case['losses'][name]:.5f}")
        for name, value in case["seconds"].items()
    ]
    console.table(title, ("epoch", "s", "plain / it", "loss"), rows)
    console.say("spent on: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in case["profile"].items()))

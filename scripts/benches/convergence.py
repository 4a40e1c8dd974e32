"""`edgetrack bench convergence`: the loss of trainings at several pT thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.history import read_history
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.report.figure_convergence import draw_convergence
from edgetrack.scripts.benches.threshold_graphs import THRESHOLDS, WHERE, folder_name, graph_folders
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.convergence import convergence_case

SHOWN = (1, 2, 3, 5, 10, 20, 30, 45)  # epochs in the table, beside the last
PUBLISHED_SCHEDULE = ScheduleConfig(kind="step", learning_rate=0.005, gamma=0.7, step_epochs=5)
SPLIT = SplitConfig(0.77, 0.1, 0.13)  # of the package's networks


@dataclass(frozen=True)
class ConvergenceBenchConfig:
    """Trainings to run, or run folders of those that are done."""

    graphs: str = option("", WHERE)
    runs: tuple[str, ...] = option((), "trainings that are done, each GeV=FOLDER, such as 2=runs/a; default: train now")
    thresholds: tuple[float, ...] = THRESHOLDS  # GeV
    epochs: int = option(45, "epochs of each training")
    training_graphs: int = option(0, "graphs to train on, the first of the training part; 0: all")
    events: int = option(12, "events to simulate where no graphs are given")
    seed: int = option(0, "of first weights and order; of simulated events one more")
    network: InteractionNetworkConfig = field(default_factory=InteractionNetworkConfig)
    schedule: ScheduleConfig = PUBLISHED_SCHEDULE

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("training_graphs", 0), ("events", 3), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} = {getattr(self, name)}: wanted at least {least}")
        if not self.thresholds:
            raise ValueError("thresholds is empty: wanted some in GeV")
        done_runs(self.runs)


def done_runs(runs: tuple[str, ...]) -> dict[float, Path]:
    """pT threshold → run folder. Raises ValueError for what is not GeV=FOLDER, and for a threshold given twice."""
    found: dict[float, Path] = {}
    for run in runs:
        threshold, _, folder = run.partition("=")
        try:
            pt_min = float(threshold)
        except ValueError:
            pt_min = -1.0
        if not folder or not pt_min > 0 or pt_min in found:
            raise ValueError(f"--runs {run!r}: wanted GeV=FOLDER, each threshold once, such as 2=runs/a,1=runs/b")
        found[pt_min] = Path(folder)
    return found


def bench_convergence(config: ConvergenceBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Training and validation loss by epoch at each pT threshold, published losses beside; DeZoort et al., section 4.

    Trains the network with 40 hidden units by Adam at a learning rate that falls by 0.7 every five epochs, one graph a
    step, hits turned and mirrored at random, or reads the history.csv of run folders. Loss: binary cross-entropy, the
    mean over edges. Trainings are resumable: run again to go on. Writes convergence.png.
    """
    runs = done_runs(config.runs) or _train(config, folder, console)
    cases = [convergence_case(pt_min, read_history(place)) for pt_min, place in runs.items()]
    for case in cases:
        _show(case, console)
    picture = draw_convergence(cases, folder / "convergence.png")
    console.say(f"lines measured, points published: {picture}")
    return {"cases": cases, "failed": False}


def _train(config: ConvergenceBenchConfig, folder: Path, console: Console) -> dict[float, Path]:
    folders = graph_folders(config.graphs, config.thresholds, config.events, config.seed + 1, folder, console)
    training = TrainConfig(epochs=config.epochs, schedule=config.schedule, seed=config.seed)
    for pt_min, place in folders.items():
        sets = load_graph_sets(place, SPLIT)
        graphs = sets.train[: config.training_graphs or None]
        network = seeded_network(interaction_network(config.network), config.seed)
        run = folder / folder_name(pt_min)
        label = f"{pt_min:g} GeV, {len(graphs)} graphs"
        fit(network, EdgeClassification(), graphs, sets.validation, training, run, None, not console.quiet, label)
    return {pt_min: folder / folder_name(pt_min) for pt_min in folders}


def _show(case: Mapping[str, Any], console: Console) -> None:
    published = case["published"] or {"epochs": [], "loss": [], "accuracy": []}
    known = dict(zip(published["epochs"], zip(published["loss"], published["accuracy"], strict=True), strict=True))
    rows = []
    for epoch in sorted({*(epoch for epoch in SHOWN if epoch <= case["epochs"]), case["epochs"]}):
        measured = [case[name][epoch - 1] for name in ("train_loss", "validation_loss", "validation_accuracy")]
        rows.append([epoch, *(f"{value:.4f}" for value in measured), *(f"{v:.4f}" for v in known.get(epoch, ()))])
        rows[-1] += ["–"] * (6 - len(rows[-1]))
    columns = ("epoch", "training loss", "validation loss", "accuracy", "loss, published", "accuracy, published")
    console.table(
        f"pT > {case['pt_min']:g} GeV, within 10 % of the least from epoch {case['converged']}", columns, rows
    )

"""`edgetrack run`: the main job, from collisions to the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.events.splits import SplitConfig, split_events
from edgetrack.events.trackml import find_events
from edgetrack.export.forms import DEFAULT_FORMS, FLOAT_FORMS, FormSettings, exportable
from edgetrack.graphs.build import GraphConfig
from edgetrack.graphs.files import graph_paths
from edgetrack.graphs.geometric import GeometricConfig
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.graphs.selection import SelectionConfig
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.models.devices import is_first_process
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.hypertrack.latent import judges_pairs
from edgetrack.models.interaction_network import InteractionNetworkConfig
from edgetrack.models.named_networks import EdgeNetworkConfig, NamedNetwork, describe
from edgetrack.models.named_objectives import EdgeObjective
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.build import BuildConfig, build
from edgetrack.scripts.compare import compare
from edgetrack.scripts.console import Console
from edgetrack.scripts.export import ExportConfig, export
from edgetrack.scripts.hypertrack_stages import (
    MASK_STAGES,
    MasksStage,
    ThinStage,
    evaluated_masks,
    thinned_events,
    trained_masks,
    verified_masks,
)
from edgetrack.scripts.option import option
from edgetrack.scripts.quantize import DISTILLATION, INPUT_SCALES, RETRAINING, QuantizeRunConfig, quantize
from edgetrack.scripts.report import ReportConfig, report
from edgetrack.scripts.simulate import SimulateConfig, simulate
from edgetrack.scripts.stages import Done, check_folder, given_files, run_stage
from edgetrack.scripts.train import FLOAT_TRAINING, TrainRunConfig, train
from edgetrack.scripts.verify import VerifyRunConfig, verify
from edgetrack.studies.side_by_side import CompareConfig
from edgetrack.tracks.evaluation import EvaluationConfig

STAGES = (
    "simulate",
    "thin",
    "build",
    "train",
    "train_compact",
    "quantize",
    "export",
    "verify",
    "evaluate",
    *MASK_STAGES,
)


@dataclass(frozen=True)
class RunConfig:
    """The main job. The default takes about five minutes on two idle cores."""

    events: str = option("", "folder of events of your own in TrackML format; default: simulated ones")
    graphs: str = option("", "folder of labelled hit graphs of your own, in place of events")
    simulate: SimulateConfig = field(
        default_factory=lambda: SimulateConfig(events=50, simulation=SimulationConfig(pile_up=60.0, seed=1, workers=2))
    )
    thinning: ThinStage = field(default_factory=ThinStage)
    graph: GraphConfig = field(
        default_factory=lambda: GraphConfig(
            selection=SelectionConfig(pt_min=1.0), geometric=GeometricConfig(preset="hitgraphs")
        )
    )
    split: SplitConfig = field(default_factory=lambda: SplitConfig(train=0.7, validation=0.15, test=0.15))
    network: NamedNetwork = field(default_factory=InteractionNetworkConfig)
    objective: EdgeObjective = field(default_factory=EdgeClassification)
    training: TrainConfig = FLOAT_TRAINING
    compact: NamedNetwork = field(default_factory=lambda: InteractionNetworkConfig(hidden=16))
    compact_training: TrainConfig = FLOAT_TRAINING
    recipe: PrecisionRecipe = field(default_factory=PrecisionRecipe)
    input_scales: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(INPUT_SCALES))
    retraining: TrainConfig = RETRAINING
    retraining_objective: EdgeObjective = DISTILLATION
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    masks: MasksStage = field(default_factory=MasksStage)
    forms: tuple[str, ...] = option(DEFAULT_FORMS, "quantised forms to export, verify and evaluate, comma-separated")
    vectors: int = option(131_072, "verification: input vectors for each kernel (MLP, map, table)")
    verify_graphs: int = option(20, "verification: whole graphs, or sectors of them")
    settings: FormSettings = field(default_factory=FormSettings)
    estimate: bool = option(False, "count the primitives of large designs with Yosys too, minutes; else by formulas")

    def __post_init__(self) -> None:
        if self.events and self.graphs:
            raise ValueError("--events and --graphs: give one of them, events or the graphs themselves")
        if self.graphs and self.thinning.parts:
            raise ValueError("--graphs and thinning.parts: graphs cannot be thinned; set thinning.parts to 0")
        for network in (self.network, self.compact):
            if self.masks.wanted and not judges_pairs(describe(network)):
                raise ValueError(f"masks.wanted, but network {network.kind!r} has no latent; take a HyperTrack")
        if self.split.test == 0.0:
            raise ValueError(
                "split.test is 0, but the run ends with figures on held-out events; give it a share of at least three "
                "events, or take the steps by themselves: edgetrack train, quantize, export, verify"
            )


def run(config: RunConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Go the whole way: simulate, build, train, quantize, export, verify, evaluate, report.

    With --events or --graphs it begins with data of your own, with truth: training needs labels.
    Each stage has a folder of its own in the run folder. A second run makes again only what changed: a stage depends on
    its config, on the stages before it and on the source that it runs. An interrupted run goes on where it was.
    """
    start = time.monotonic()
    trainings = (config.training, config.compact_training, config.retraining)
    if not all(is_first_process(training) for training in trainings):
        console = Console(quiet=True)  # started for one training on several devices; ends with it
    for name in STAGES:
        check_folder(folder / name)
    stage = partial(run_stage, folder, console=console)
    graphs = _graphs(config, folder, stage, console)
    trained = _train(config, graphs, stage, console)
    masks = trained_masks(config.masks, config.split, graphs, trained, stage, console) if config.masks.wanted else None
    exported = stage(
        "export",
        export,
        [config.forms, config.settings, config.estimate],
        list(trained),
        work=lambda path: _export(config, trained, path, console),
    )
    verified = stage(
        "verify",
        verify,
        [config.forms, config.settings, config.vectors, config.verify_graphs],
        [exported],
        work=lambda path: verify(_verify_config(config, graphs, trained), path, console, exported.folder),
    )
    stage(
        "evaluate",
        compare,
        [config.forms, config.settings, config.split, config.evaluation],
        [graphs, exported],
        work=lambda path: _evaluate(config, graphs, trained, path, exported.folder, console),
    )
    failed = verified.result["failed"]
    if masks is not None:
        pairs = {"float": (trained.full, masks.full), "integer": (trained.quantised, masks.quantised)}
        proven = verified_masks(_verify_config(config, graphs, trained), masks.quantised, stage, console)
        failed = failed or proven.result["failed"]
        evaluated_masks(config.masks, graphs, pairs, stage, console)
    console.heading("report")
    page = Path(report(ReportConfig(), folder, console)["report"]).resolve()
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    console.say(f"all stages done in {minutes} min {seconds} s\nreport: {page}")
    return {
        "report": str(page),
        "seconds": 60 * minutes + seconds,
        "failed": failed,
        "forms": verified.result["forms"],
    }


def _number_of_events(config: RunConfig) -> int:
    """How many events or graphs there will be to train, validate and test on."""
    if config.graphs:
        return len(graph_paths(config.graphs))
    events = len(find_events(config.events)) if config.events else config.simulate.events
    return events * max(config.thinning.parts, 1)


def _graphs(config: RunConfig, folder: Path, stage: Callable[..., Done], console: Console) -> Done:
    """The graphs to train on: given, or built of events, given or simulated."""
    skipped = ("simulate", "build") if config.graphs else ("simulate",) if config.events else ()
    for name in skipped:
        if (folder / name).exists():
            raise ValueError(
                f"{folder / name} holds data of another run, which the report would show as this one's; give "
                "--folder another folder, or remove it"
            )
    source = config.graphs or config.events
    given = given_files(Path(source)) if source else None
    split_events(range(_number_of_events(config)), config.split)  # too few are refused before any work
    if given is not None and config.graphs:
        return given
    whole = _simulated(config, stage, console) if given is None else given
    events = thinned_events(config.thinning, whole, stage, console)
    return stage(
        "build",
        build,
        config.graph,
        [events],
        work=lambda path: build(BuildConfig(str(events.folder), graph=config.graph), path, console),
    )


def _simulated(config: RunConfig, stage: Callable[..., Done], console: Console) -> Done:
    return stage(
        "simulate",
        simulate,
        config.simulate,
        [],
        resumable=True,
        work=lambda path: simulate(config.simulate, path, console),
    )


class Trained(NamedTuple):
    """The published-size float network, the compact float network, and the quantised one made of it."""

    full: Done
    compact: Done
    quantised: Done


def _train(config: RunConfig, graphs: Done, stage: Callable[..., Done], console: Console) -> Trained:
    def trained(name: str, network: EdgeNetworkConfig, training: TrainConfig) -> Done:
        verb = TrainRunConfig(
            graphs=str(graphs.folder),
            name=name,
            network=network,
            objective=config.objective,
            training=training,
            split=config.split,
            evaluation=config.evaluation,
        )
        return stage(
            name,
            train,
            [network, config.objective, training, config.split, config.evaluation],
            [graphs],
            resumable=True,
            work=lambda path: train(verb, path, console),
        )

    full = trained("train", config.network, config.training)
    compact = trained("train_compact", config.compact, config.compact_training)
    verb = QuantizeRunConfig(
        graphs=str(graphs.folder),
        checkpoint=compact.result["checkpoint"],
        teacher=full.result["checkpoint"],
        input_scales=config.input_scales,
        recipe=config.recipe,
        objective=config.retraining_objective,
        training=config.retraining,
        split=config.split,
        evaluation=config.evaluation,
    )
    quantised = stage(
        "quantize",
        quantize,
        [
            config.recipe,
            config.input_scales,
            config.retraining_objective,
            config.retraining,
            config.split,
            config.evaluation,
        ],
        [graphs, full, compact],
        resumable=True,
        work=lambda path: quantize(verb, path, console),
    )
    return Trained(full, compact, quantised)


def _export(config: RunConfig, trained: Trained, folder: Path, console: Console) -> dict[str, Any]:
    """Every form; what takes minutes to count is counted only where it is asked for."""
    whole = ExportConfig(
        to=tuple(name for name in exportable() if name in FLOAT_FORMS or name in config.forms),
        checkpoint=trained.quantised.result["checkpoint"],
        float_checkpoint=trained.full.result["checkpoint"],
        settings=config.settings,
        slow_estimate=config.estimate,
    )
    return export(whole, folder, console)


def _verify_config(config: RunConfig, graphs: Done, trained: Trained) -> VerifyRunConfig:
    return VerifyRunConfig(
        checkpoint=trained.quantised.result["checkpoint"],
        float_checkpoint=trained.full.result["checkpoint"],
        forms=config.forms,
        graphs=str(graphs.folder),
        number=config.verify_graphs,
        vectors=config.vectors,
        settings=config.settings,
    )


def _evaluate(
    config: RunConfig, graphs: Done, trained: Trained, folder: Path, artefacts: Path, console: Console
) -> dict[str, Any]:
    names = {"float": trained.full, "compact float": trained.compact}
    floats = {name: load_checkpoint(done.result["checkpoint"]) for name, done in names.items()}
    return compare(
        CompareConfig(
            forms=config.forms, settings=config.settings, evaluation=config.evaluation.of(describe(config.network))
        ),
        floats,
        load_checkpoint(trained.quantised.result["checkpoint"]),
        load_graph_sets(graphs.folder, config.split).test,
        folder,
        artefacts,
        console,
    )

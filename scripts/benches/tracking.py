"""`edgetrack bench tracking`: union-find, DBSCAN and best neighbours on the same scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.models.checkpoint import float_network, load_checkpoint
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.report.figure_track_builders import draw_builders
from edgetrack.scripts.benches.threshold_graphs import NETWORKS, WHERE, graph_folders, unseen_graphs
from edgetrack.scripts.benches.transfer import named_networks
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.track_builders import builder_cases
from edgetrack.tracks.evaluation import EvaluationConfig
from edgetrack.tracks.track_metrics import MatchingConfig

SHOWN = ("perfect", "double_majority", "lhc", "fake_rate", "duplicate_rate")


@dataclass(frozen=True)
class TrackingBenchConfig:
    """Networks, each on graphs of the threshold that it was trained at."""

    graphs: str = option("", WHERE)
    networks: tuple[str, ...] = option(
        tuple(f"{pt_min:g}={name}" for pt_min, name in NETWORKS.items()),
        "float checkpoints, each GeV=NAME: the pT threshold of graphs, and a file or a name of the package's own",
    )
    events: int = option(8, "events to simulate where no graphs are given")
    seed: int = option(1, "of the simulated events, and of the order of hits")
    matching: MatchingConfig = field(default_factory=MatchingConfig)

    def __post_init__(self) -> None:
        if self.events < 2:
            raise ValueError(f"--events = {self.events}: wanted at least 2")
        thresholds = [pt_min for pt_min, _ in named_networks(self.networks)]
        if not thresholds or len(set(thresholds)) < len(thresholds):
            raise ValueError(f"--networks has thresholds {thresholds}: wanted one network each, one at least")


def bench_tracking(config: TrackingBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Tracking efficiency and fakes of union-find, DBSCAN and best neighbours, also against pT and η.

    DeZoort et al., section 5.2 and table 2. Perfect: particles of which a candidate has all hits and no other; double
    majority: particles that share more than half of the hits of both with a candidate; LHC: candidates with more than
    75 % of their hits from one particle; fakes: candidates without. Particles and candidates count from two hits.
    Test graphs only; each builder's cut is chosen on validation graphs; hits are shuffled. Bins in pT and η where
    graphs know them: the published real ones do not, simulated ones do. Writes tracking.png where they do.
    """
    named = named_networks(config.networks)
    thresholds = [pt_min for pt_min, _ in named]
    folders = graph_folders(config.graphs, thresholds, config.events, config.seed, folder, console)
    evaluation = EvaluationConfig(matching=config.matching, seed=config.seed)
    cases = []
    with console.progress("track builders") as progress:
        for done, (pt_min, name) in enumerate(named, 1):
            checkpoint = load_checkpoint(checkpoint_path(name))
            network = float_network(checkpoint)
            parts = [(graphs, edge_logits(network, graphs)) for graphs in unseen_graphs(checkpoint, folders[pt_min])]
            cases += builder_cases(pt_min, parts[0], parts[1], checkpoint.threshold, evaluation)
            progress(done, len(named))
    _show(cases, console)
    if any(case["by_pt"] for case in cases):
        console.say(f"against pT and η: {draw_builders(cases, folder / 'tracking.png')}")
    else:
        console.say("these graphs know neither pT nor η of particles: no bins, no picture; simulated graphs do")
    return {"cases": cases, "failed": False}


def _show(cases: Sequence[dict[str, Any]], console: Console) -> None:
    rows = [
        (
            f"{case['pt_min']:g}",
            case["name"],
            *(f"{case[key]:.3f} ± {case[f'{key}_error']:.3f}" if case[key] is not None else "–" for key in SHOWN),
        )
        for case in cases
    ]
    columns = ("pT > GeV", "builder", "perfect", "double majority", "LHC", "fakes", "duplicates")
    console.table("track builders", columns, rows)
    for case in cases:
        if case["published"] is not None:
            known = ", ".join(f"{key.replace('_', ' ')} {value:.4f}" for key, value in case["published"].items())
            console.say(f"published for {case['name']} above {case['pt_min']:g} GeV, hits by particle: {known}")

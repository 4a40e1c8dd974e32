"""`edgetrack bench transfer`: networks trained at one pT threshold on test graphs of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.models.checkpoint import float_network, load_checkpoint
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.report.figure_transfer import draw_transfer
from edgetrack.scripts.benches.threshold_graphs import NETWORKS, THRESHOLDS, WHERE, graph_folders, unseen_graphs
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.transfer import Cuts, transfer_case

SHOWN = ("edge_accuracy", "double_majority", "fake_rate")


@dataclass(frozen=True)
class TransferBenchConfig:
    """Networks, each with the threshold that it was trained at, and graphs."""

    graphs: str = option("", WHERE)
    networks: tuple[str, ...] = option(
        tuple(f"{pt_min:g}={name}" for pt_min, name in NETWORKS.items()),
        "float checkpoints, each GeV=NAME: the pT threshold of its training, and a file or a name of the package's own",
    )
    thresholds: tuple[float, ...] = THRESHOLDS  # GeV, of the test graphs
    events: int = option(8, "events to simulate where no graphs are given")
    seed: int = option(1, "of the simulated events")

    def __post_init__(self) -> None:
        if self.events < 2:
            raise ValueError(f"--events = {self.events}: wanted at least 2")
        if not self.thresholds or not self.networks:
            raise ValueError("thresholds and networks: wanted one of each at least")
        named_networks(self.networks)


def named_networks(networks: Sequence[str]) -> list[tuple[float, str]]:
    """(pT threshold in GeV, checkpoint) of each GeV=NAME. Raises ValueError for what is none."""
    found = []
    for network in networks:
        threshold, _, name = network.partition("=")
        try:
            pt_min = float(threshold)
        except ValueError:
            pt_min = -1.0
        if not name or not pt_min > 0:
            raise ValueError(f"--networks {network!r}: wanted GeV=NAME, such as 1={NETWORKS[1.0]}")
        found.append((pt_min, name))
    return found


def bench_transfer(config: TransferBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """The transfer matrix of DeZoort et al.: edges and tracks of each network on graphs of each pT threshold.

    Test graphs only, by the names in each checkpoint. Every network keeps its own cuts: edges count as true above δ*,
    tracks are built by best neighbours from edges above the track threshold. Loss: mean over graphs of the binary
    cross-entropy of their edges. Hits are shuffled. Writes transfer.png.
    """
    folders = graph_folders(config.graphs, config.thresholds, config.events, config.seed, folder, console)
    cases = []
    named = named_networks(config.networks)
    with console.progress("transfer") as progress:
        for pt_min, name in named:
            checkpoint = load_checkpoint(checkpoint_path(name))
            network, cuts = float_network(checkpoint), Cuts(checkpoint.threshold, checkpoint.logit_for_tracks)
            for tested, place in folders.items():
                _, graphs = unseen_graphs(checkpoint, place)
                logits = edge_logits(network, graphs)
                cases.append(transfer_case(Path(name).stem, pt_min, tested, graphs, logits, cuts))
                progress(len(cases), len(named) * len(folders))
    _show(cases, console)
    picture = draw_transfer(cases, folder / "transfer.png")
    console.say(f"rows: trained at, columns: tested at: {picture}")
    return {"cases": cases, "failed": False}


def _show(cases: Sequence[dict[str, Any]], console: Console) -> None:
    rows = [
        (
            f"{case['trained']:g}",
            f"{case['tested']:g}",
            f"{case['loss']:.4f} ± {case['spread']['loss']:.4f}",
            *(f"{case[key]:.4f} ± {case[f'{key}_error']:.4f}" if case[key] is not None else "–" for key in SHOWN),
            "–" if case["published"] is None else ", ".join(f"{value:.4f}" for value in case["published"].values()),
        )
        for case in cases
    ]
    columns = ("trained at GeV", "tested at GeV", "loss", "edge accuracy", "double majority", "fakes", "published")
    console.table("transfer matrix; published: loss, edge accuracy", columns, rows)

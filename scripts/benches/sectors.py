"""`edgetrack bench sectors`: the table of cuts, and which of them fit a capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.sector_cases import NINETY_NINE, SectorTableConfig, sector_cases


@dataclass(frozen=True)
class SectorsBenchConfig:
    """Which graphs, cuts and capacities."""

    graphs: str = option("", "folder of hit graphs; default: the package's sample graphs")
    sectors: SectorTableConfig = field(default_factory=SectorTableConfig)


def bench_sectors(asked: SectorsBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """How full the φ × η sectors of graphs are, what seams and capacities lose in tracking efficiency, and the cheapest
    cut for each capacity. Writes nothing."""
    config = asked.sectors
    graphs = load_graphs(asked.graphs or sample_graphs())
    with console.progress("sectors") as progress:
        cases = sector_cases(graphs, config, progress)
    fits = {name: fitting(cases, name, config.allowed_loss) for name in config.capacities}
    percentiles = "/".join(cases[0]["node_percentiles"])
    console.table(
        f"{len(graphs)} graphs in φ × η sectors: {percentiles} % percentiles of a sector, and what is lost at seams",
        ("φ × η, margin", "φ, η", "hits", "edges", "work", "edges lost", "true lost", "efficiency lost"),
        [_cut_row(case) for case in cases],
    )
    console.table(
        f"lost by overflow, in tracking efficiency with perfect scores; last: the smallest capacity that loses less "
        f"than {config.allowed_loss:.1%}",
        ("φ × η, margin", *config.capacities, NINETY_NINE, "smallest"),
        [_loss_row(case, config.capacities) for case in cases],
    )
    for name, found in fits.items():
        if not found:
            console.say(f"{name}: no cut of this table loses less than {config.allowed_loss:.1%} by overflow")
        for case in found:
            room = case["capacities"][name]
            console.say(
                f"{name}: {case['name']}, {100 * room['overflowing_sectors']:.2f} % of sectors overflow; "
                f"efficiency lost {_percent(room['efficiency'])} by overflow, "
                f"{_percent(room['efficiency_with_seams'])} with seams; "
                f"{case['duplicated_work']:.2f} × the work"
            )
    return {
        "cases": cases,
        "fits": {name: [case["name"] for case in found] for name, found in fits.items()},
        "failed": False,
    }


def fitting(cases: Sequence[Mapping[str, Any]], capacity: str, allowed: float) -> list[Mapping[str, Any]]:
    """For each margin the cut of fewest sectors, then least work, that loses at most `allowed` by overflow."""
    best: dict[str, Mapping[str, Any]] = {}
    for case in sorted(cases, key=_sectors_and_work):
        loss = case["capacities"][capacity]["efficiency"]
        if loss["lost"] <= allowed * loss["particles"]:
            best.setdefault(case["cut"]["margin"], case)
    return list(best.values())


def _sectors_and_work(case: Mapping[str, Any]) -> tuple[int, float]:
    return case["cut"]["phi_sectors"] * case["cut"]["eta_sectors"], case["duplicated_work"]


def _cut_row(case: Mapping[str, Any]) -> list[str]:
    cut, seams = case["cut"], case["seams"]
    return [
        case["name"],
        f"{cut['overlap_phi']:g}, {cut['overlap_eta']:g}",
        *(" ".join(map(str, case[key].values())) for key in ("node_percentiles", "edge_percentiles")),
        f"{case['duplicated_work']:.2f}",
        f"{100 * seams['lost_edge_fraction']:.2f} %",
        f"{100 * seams['lost_true_edge_fraction']:.2f} %",
        _percent(seams["efficiency"]),
    ]


def _loss_row(case: Mapping[str, Any], capacities: Sequence[str]) -> list[str]:
    rooms = [case["capacities"][NINETY_NINE], case["recommended"]]
    return [
        case["name"],
        *(_percent(case["capacities"][name]["efficiency"]) for name in capacities),
        *(f"{room['nodes']}/{room['edges']}: {_percent(room['efficiency'])}" for room in rooms),
    ]


def _percent(loss: Mapping[str, Any]) -> str:
    return f"{100 * loss['loss']:.2f} ± {100 * loss['error']:.2f} %"

"""What hardware of fixed size loses against the float network, cause by cause: size, bits, seams, overflow, context."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress, no_progress
from edgetrack.export.tally import Tally
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import Sector, merged_scores, sectors
from edgetrack.studies.sector_hardware import Hardware, run_sectors
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores, shuffled_tracks
from edgetrack.tracks.paired import Change, change, matched_particles, right_edges

FIGURES = ("edge_accuracy", "double_majority", "edge_efficiency", "edge_purity", "perfect", "fake_rate")

Logits = Sequence[NDArray[np.floating]]  # one array a graph


@dataclass(frozen=True)
class FloatReference:
    """A float network with the thresholds of its checkpoint."""

    run: Callable[[Sequence[HitGraph]], Logits]
    threshold: float
    track_threshold: float


@dataclass(frozen=True)
class Row:
    """One network on the same graphs, whole or in sectors: its figures, and each of its decisions."""

    name: str
    cause: str  # of what changed from the row before
    figures: Mapping[str, Any]
    right: NDArray[np.bool_]  # edges of all graphs
    matched: NDArray[np.bool_]  # particles of all graphs, by double majority


@dataclass(frozen=True)
class Separation:
    """Rows from the float network to the hardware; `aside`: the float networks in the same sectors."""

    rows: tuple[Row, ...]
    aside: tuple[Row, ...]
    equality: Tally | None
    logits: Logits  # of the last row

    def changes(self, of: Literal["right", "matched"]) -> dict[str, Change]:
        """The change of edge accuracy ("right") or double majority ("matched") by each cause.

        `sectors` is seams, overflow and missing messages together; `total` from the first row to the last;
        `sectors, NAME` what the sectors change of the float network of that name.
        """
        found = {after.cause: change(getattr(before, of), getattr(after, of)) for before, after in pairwise(self.rows)}
        by_cause = {row.cause: getattr(row, of) for row in self.rows}
        found["sectors"] = change(by_cause["bits"], by_cause["missing messages"])
        found["total"] = change(getattr(self.rows[0], of), getattr(self.rows[-1], of))
        for whole, cut in zip(self.rows, self.aside, strict=False):
            found[cut.cause] = change(getattr(whole, of), getattr(cut, of))
        return found


def separate(
    graphs: Sequence[HitGraph],
    floats: Mapping[str, FloatReference],
    hardware: Hardware,
    config: EvaluationConfig,
    progress: Progress = no_progress,
) -> Separation:
    """Run every network on `graphs`, whole and in the hardware's sectors.

    `floats`, by name from the largest to the one that the integers were made from. From row to row one cause is added:
    the smaller network, bits, edges lost at seams, edges lost by overflow, messages that a sector does not see. The
    changes add up to that from the first row to the last. The hardware must equal the integers in sectors in every
    bit: `equality` tells. Edges that a cut loses are rejected, as with a score of −∞.
    Raises ValueError for graphs without truth. Cost: that of the networks.
    """
    for graph in graphs:
        if graph.y is None or graph.particle_id is None:
            raise ValueError(f"{graph.name} has no truth; losses need edge labels and particle ids")
    cuts = [sectors(graph, hardware.cut) for graph in graphs]

    def row(name: str, cause: str, logits: Logits, network: FloatReference | Hardware) -> Row:
        return _row(name, cause, graphs, logits, (network.threshold, network.track_threshold), config)

    rows: list[Row] = []
    aside: list[Row] = []
    for name, network in floats.items():
        rows.append(row(name, "size" if rows else "", network.run(graphs), network))
        parts = [network.run([sector.graph for sector in cut]) for cut in cuts]
        aside.append(row(f"{name}, in sectors", f"sectors, {name}", _merged(graphs, cuts, parts), network))
    whole = [hardware.logits(hardware.codes(graph)) for graph in graphs]
    seams = [_without(values, [s.seam for s in cut]) for values, cut in zip(whole, cuts, strict=True)]
    kept = [_without(values, [s.overflow for s in cut]) for values, cut in zip(seams, cuts, strict=True)]
    wanted, got, equality = run_sectors(cuts, hardware, progress)
    by_integers, by_hardware = (
        _merged(graphs, cuts, [[hardware.logits(codes) for codes in own] for own in codes_of])
        for codes_of in (wanted, got)
    )
    rows += [
        row("integers", "bits", whole, hardware),
        row("integers, seams lost", "seams", seams, hardware),
        row("integers, seams and overflow lost", "overflow", kept, hardware),
        row("integers, in sectors", "missing messages", by_integers, hardware),
    ]
    if hardware.run is not None:
        rows.append(row(f"{hardware.name}, in sectors", "hardware", by_hardware, hardware))
    return Separation(tuple(rows), tuple(aside), equality, by_hardware)


def _merged(
    graphs: Sequence[HitGraph], cuts: Sequence[Sequence[Sector]], scores: Sequence[Logits]
) -> list[NDArray[np.float64]]:
    return [merged_scores(*one) for one in zip(graphs, cuts, scores, strict=True)]


def _without(logits: NDArray[np.floating], lost: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """`logits` (E,) with the edges `lost` rejected."""
    kept = np.array(logits, np.float64)
    kept[np.concatenate(lost)] = -np.inf
    return kept


def _row(
    name: str,
    cause: str,
    graphs: Sequence[HitGraph],
    logits: Logits,
    thresholds: tuple[float, float],
    config: EvaluationConfig,
) -> Row:
    threshold, track_threshold = thresholds
    figures = evaluate_scores(graphs, logits, threshold, track_threshold, config).to_json()
    rng = np.random.default_rng(config.seed)
    right, matched = [], []
    for graph, values in zip(graphs, logits, strict=True):
        right.append(right_edges(graph, values, threshold))
        tracks = shuffled_tracks(graph, values, track_threshold, rng, config.building)
        matched.append(matched_particles(graph, tracks, config.matching))
    return Row(
        name,
        cause,
        {key: figures[key] for figure in FIGURES for key in (figure, f"{figure}_error")},
        np.concatenate(right),
        np.concatenate(matched),
    )

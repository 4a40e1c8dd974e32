"""The event display: true and reconstructed tracks of one held-out event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import COORDINATE_SCALE, HitGraph
from edgetrack.models.thresholds import kept_edges
from edgetrack.report import theme
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.matching import NOISE, find_overlaps
from edgetrack.tracks.track_metrics import MatchingConfig

MATCHED, IMPURE, PIECE, FAKE = range(4)
READABLE = 300  # particles that can be drawn without hiding each other


@dataclass(frozen=True)
class EventView:
    """What the display draws of one graph, and the counts of its legend."""

    graph: HitGraph
    particles: NDArray[np.int64]  # (P,) particle ids that count
    found: NDArray[np.bool_]  # (P,) double majority with a candidate
    labels: NDArray[np.int64]  # (N,) candidate of each hit, −1 = in none
    classes: NDArray[np.int64]  # (C,) MATCHED, IMPURE, PIECE or FAKE; −1 for candidates too short to count
    joined: NDArray[np.bool_]  # (E,) kept edges inside candidates

    def count(self, kind: int) -> int:
        """Candidates of one class."""
        return int(np.count_nonzero(self.classes == kind))

    @property
    def wedge(self) -> float:
        """Half-width in φ / π of the wedge whose tracks are drawn: about `READABLE` particles; 1 is all of them."""
        return 1.0 / max(1, -(-len(self.particles) // READABLE))


def event_view(
    graph: HitGraph, candidates: TrackCandidates, logits: NDArray[np.floating], threshold: float, config: MatchingConfig
) -> EventView:
    """Sort particles and candidates of a graph with truth into the classes that the display shows.

    Matched: double majority and more than 75 % of the candidate's hits from the particle. Impure: double majority with
    75 % or less, so counted as a match and as a fake. Piece: no double majority, but more than 75 % from one particle.
    Fake: neither.
    """
    overlaps = find_overlaps(graph, candidates)
    ids, candidate, partner = overlaps.ids, overlaps.candidate, overlaps.partner
    labels = candidates.labels
    counts = (ids != NOISE) & (overlaps.particle_hits >= config.min_particle_hits)
    real = overlaps.real(config.min_candidate_hits)
    majority = real & counts[partner] & overlaps.double_majority
    pure = real & overlaps.lhc

    classes = np.where(candidates.sizes >= config.min_candidate_hits, FAKE, -1)
    classes[candidate[pure]] = PIECE
    classes[candidate[majority & ~pure]] = IMPURE
    classes[candidate[majority & pure]] = MATCHED
    found = np.zeros(len(ids), bool)
    found[partner[majority]] = True
    ends = labels[graph.edge_index]
    joined = kept_edges(logits, threshold) & (ends[0] == ends[1]) & (ends[0] >= 0)
    return EventView(graph, ids[counts], found[counts], labels, classes, joined)


def event_figure(view: EventView, form: str) -> Markup:
    """Four panels: truth above, reconstruction below, r–z to the left, x–y to the right."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 2, gridspec_kw={"width_ratios": [2.05, 1]})
        for row, content in enumerate((draw_truth, draw_tracks)):
            plane_rz, plane_xy = panels[row]
            in_wedge = np.abs(view.graph.x[:, 1]) <= view.wedge
            dots(plane_rz, rz(view.graph)[in_wedge], f"hits-rz{row}")
            content(plane_rz, view, rz(view.graph), in_wedge, "rz")
            plane_rz.set(xlabel="z [mm]", ylabel="r [mm]", ylim=(0, None))
            if view.wedge < 1.0:
                plane_rz.text(0.01, 0.03, f"only |φ| ≤ {180 * view.wedge:.0f}°", transform=plane_rz.transAxes)
            dots(plane_xy, xy(view.graph), f"hits-xy{row}")
            content(plane_xy, view, xy(view.graph), in_wedge, "xy")
            draw_wedge(plane_xy, view.wedge)
            frame_xy(plane_xy, 1.04 * float(np.abs(xy(view.graph)).max(initial=1.0)), view.wedge)
        for axes in panels.flat:
            axes.grid(False)
        panels[0, 0].set_title(f"Truth: {len(view.particles):,} particles, by whether the quantised network found them")
        panels[1, 0].set_title(f"Reconstruction: {int(np.count_nonzero(view.classes >= 0)):,} candidates of {form}")

    return theme.figure_svg("event", f"Tracks of {view.graph.name} in r–z and x–y", (11.4, 7.6), draw)


def draw_wedge(axes: Axes, half_width: float) -> None:
    """The two edges, from the beam outwards, of the wedge whose tracks are drawn."""
    if half_width < 1.0:
        for angle in (-half_width * np.pi, half_width * np.pi):
            axes.plot(
                [0, 1e4 * np.cos(angle)],
                [0, 1e4 * np.sin(angle)],
                color=theme.INK,
                linewidth=0.8,
                linestyle=(0, (6, 3)),
            )


def frame_xy(axes: Axes, reach: float, half_width: float) -> None:
    """The whole circle; for a wedge of ± 30° or less, the part of it around the wedge, twice as large."""
    zoomed = half_width <= 1 / 6
    axes.set(
        xlabel="x [mm]",
        ylabel="y [mm]",
        aspect="equal",
        xlim=(0 if zoomed else -reach, reach),
        ylim=(-reach / 2, reach / 2) if zoomed else (-reach, reach),
    )


def draw_truth(
    axes: Axes, view: EventView, coordinates: NDArray[np.float64], shown: NDArray[np.bool_], plane: str
) -> None:
    """Each particle's hits joined outwards; found ones thin, missed ones bold and dashed."""
    assert view.graph.particle_id is not None
    thin = thinner(len(view.particles) * view.wedge)
    looks = ((True, theme.FOUND, 0.7, "-", "found"), (False, theme.MISSED, 1.4, (0, (3, 1.2)), "missed"))
    for wanted, colour, width, style, name in looks:
        chosen = view.particles[view.found == wanted]
        line = polyline(view.graph, coordinates, np.where(shown, view.graph.particle_id, NOISE), chosen)
        axes.plot(*line, color=colour, linewidth=thin * width, linestyle=style, gid=f"{name}-{plane}")


def draw_tracks(
    axes: Axes, view: EventView, coordinates: NDArray[np.float64], shown: NDArray[np.bool_], plane: str
) -> None:
    """The kept edges of each candidate, by class; the classes differ in width and dash as well as in colour."""
    looks = (
        (MATCHED, theme.FOUND, 0.7, "-", "matched"),
        (PIECE, theme.PIECE, 1.5, (0, (1, 1)), "piece"),
        (IMPURE, theme.FAKE, 1.3, (0, (4, 1.2)), "impure"),
        (FAKE, theme.FAKE, 2.0, "-", "fake"),
    )
    thin = thinner(len(view.particles) * view.wedge)
    source, target = view.graph.edge_index
    of_hit = np.append(view.classes, -1)[view.labels]  # label −1 takes the appended class
    kind = np.where(view.joined & shown[source] & shown[target], of_hit[source], -1)
    for wanted, colour, width, style, name in looks:
        edges = kind == wanted
        ends = np.stack(
            [coordinates[source[edges]], coordinates[target[edges]], np.full((int(edges.sum()), 2), np.nan)], axis=1
        )
        axes.plot(*ends.reshape(-1, 2).T, color=colour, linewidth=thin * width, linestyle=style, gid=f"{name}-{plane}")


def thinner(tracks: float) -> float:
    """Factor on line widths that keeps many tracks apart."""
    return float(np.clip(np.sqrt(150 / max(tracks, 1.0)), 0.45, 1.0))


def polyline(
    graph: HitGraph, coordinates: NDArray[np.float64], group: NDArray[np.int64], chosen: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(2, points) the hits of each chosen group from the inside out, groups set apart by NaN."""
    rows = np.flatnonzero(np.isin(group, chosen))
    radius = np.hypot(graph.x[rows, 0], graph.x[rows, 2])
    rows = rows[np.lexsort((radius, group[rows]))]
    breaks = np.flatnonzero(np.diff(group[rows])) + 1
    return np.asarray(np.insert(coordinates[rows].astype(np.float64), breaks, np.nan, axis=0).T)


def dots(axes: Axes, coordinates: NDArray[np.float64], gid: str) -> None:
    """All hits as one path of points: strokes of no length with round caps."""
    twice = np.repeat(coordinates.astype(np.float64), 3, axis=0)
    twice[2::3] = np.nan
    axes.plot(*twice.T, color=theme.HIT, linewidth=1.5, solid_capstyle="round", gid=gid)


def rz(graph: HitGraph) -> NDArray[np.float64]:
    """(N, 2) z and r in mm."""
    scaled = graph.x * COORDINATE_SCALE
    return np.asarray(scaled[:, [2, 0]], np.float64)


def xy(graph: HitGraph) -> NDArray[np.float64]:
    """(N, 2) x and y in mm."""
    radius, angle, _ = (graph.x * COORDINATE_SCALE).T
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])

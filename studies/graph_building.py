"""The compiled construction against all pairs in numpy, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.trackml import find_events, read_event
from edgetrack.graphs.all_pairs import all_pairs_edges
from edgetrack.graphs.geometric import GeometricConfig, available_cores, geometric_edges
from edgetrack.graphs.selection import SelectedHits, SelectionConfig, select_hits

# Windows for pixel hits without a pT cut: about 1 M edges at pile-up 200.
WINDOWS = GeometricConfig(phi_slope_max=0.0006, z0_max=350.0)

BARREL_RADII = (32.0, 72.0, 116.0, 172.0)  # mm
BARREL_HALF_LENGTH = 491.0
DISC_PLACES = (600.0, 700.0, 820.0, 960.0, 1100.0, 1300.0, 1500.0)  # mm, |z|
DISC_RADII = (30.0, 176.0)


def construction_cases(
    hits: int = 57000, seed: int = 1, repeats: int = 5, events: Path | None = None
) -> list[dict[str, Any]]:
    """Cases of the construction with `WINDOWS`, on one thread and on all cores.

    Hits come from `synthetic_hits`, or from the first event of the TrackML folder `events` (all its pixel hits,
    noise included; `hits` and `seed` are then unused). `ratios` are the time of all pairs in numpy over ours,
    medians of interleaved `repeats`.

    Raises: RuntimeError where the two constructions differ in a single edge.
    """
    sample = synthetic_hits(hits, seed) if events is None else _first_event(events)
    threads = sorted({1, available_cores()})
    edges = _checked_edges(sample)
    runs: dict[str, Callable[[], object]] = {"all_pairs": partial(all_pairs_edges, sample, WINDOWS)}
    for count in threads:
        runs[f"compiled_{count}"] = partial(geometric_edges, sample, WINDOWS, count)
    times = _interleaved(runs, repeats)
    return [
        {
            "name": "geometric",
            "size": {"hits": len(sample), "edges": edges},
            "threads": count,
            "ratios": {"all_pairs_numpy": times["all_pairs"] / times[f"compiled_{count}"]},
            "milliseconds": {"compiled": 1e3 * times[f"compiled_{count}"], "all_pairs_numpy": 1e3 * times["all_pairs"]},
        }
        for count in threads
    ]


def synthetic_hits(size: int, seed: int) -> SelectedHits:
    """(size,) pixel hits of helices in 2 T from a luminous region, with a tenth of noise, in random order.

    Charged particles of soft collisions: pT from 0.15 GeV, falling exponentially; η uniform in ±3.5; vertices
    spread by 55 mm in z. Radii and places of the layers are TrackML's, with the radial spread of its modules.
    """
    rng = np.random.default_rng(seed)
    parts, found, wanted = [np.empty((4, 0))], 0, round(0.9 * size)
    while found < wanted:
        parts.append(_helix_hits(rng, particles=64 + size // 8))
        found += parts[-1].shape[1]
    real = np.concatenate(parts, axis=1)[:, :wanted]
    noise = real[:, rng.integers(0, wanted, size - wanted)]
    noise[1] = rng.uniform(-np.pi, np.pi, size - wanted)
    r, phi, z, layer = rng.permutation(np.concatenate([real, noise], axis=1), axis=1)
    return SelectedHits(r, phi, z, layer.astype(np.int32), np.arange(size))


def _helix_hits(rng: np.random.Generator, particles: int) -> NDArray[np.float64]:
    """(4, hits) r, φ, z, layer of the hits of `particles` helices, particle by particle."""
    pt = 0.15 + rng.exponential(0.4, particles)  # GeV
    radius = pt / (0.3 * 2.0) * 1000 * rng.choice([-1.0, 1.0], particles)  # mm, sign of the charge
    phi0, slope = rng.uniform(-np.pi, np.pi, particles), np.sinh(rng.uniform(-3.5, 3.5, particles))
    vertex = rng.normal(0, 55, particles)
    columns = []
    for layer, place in enumerate(BARREL_RADII):
        r = place + rng.uniform(-1.5, 1.5, particles)
        turn = 2 * np.arcsin(np.minimum(r / (2 * np.abs(radius)), 1.0))
        z = vertex + np.abs(radius) * turn * slope
        hit = (r < 2 * np.abs(radius)) & (np.abs(z) < BARREL_HALF_LENGTH)
        columns.append((hit, r, phi0 - np.sign(radius) * turn / 2, z, layer))
    for side, first in ((-1, 4), (1, 11)):
        for layer, place in enumerate(DISC_PLACES, start=first):
            z = side * place + rng.uniform(-2.5, 2.5, particles)
            turn = (z - vertex) / (np.abs(radius) * slope)
            r = 2 * np.abs(radius) * np.sin(np.clip(turn / 2, 0, np.pi / 2))
            hit = (turn > 0) & (turn < np.pi) & (r > DISC_RADII[0]) & (r < DISC_RADII[1])
            columns.append((hit, r, phi0 - np.sign(radius) * turn / 2, z, layer))
    hit, r, phi, z = (np.column_stack([column[k] for column in columns]) for k in range(4))
    layers = np.broadcast_to([column[4] for column in columns], hit.shape)
    return np.stack([r[hit], (phi[hit] + np.pi) % (2 * np.pi) - np.pi, z[hit], layers[hit]])


def _first_event(folder: Path) -> SelectedHits:
    return select_hits(read_event(folder, find_events(folder)[0]), SelectionConfig().without_truth())


def _checked_edges(hits: SelectedHits) -> int:
    """Number of edges, after both constructions gave the same; compiles and warms up too."""
    ours, reference = geometric_edges(hits, WINDOWS), all_pairs_edges(hits, WINDOWS)
    if not np.array_equal(_sorted(ours), _sorted(reference)):
        raise RuntimeError(
            f"compiled construction gave {ours.shape[1]} edges, all pairs {reference.shape[1]}, "
            "and they are not the same set"
        )
    return int(ours.shape[1])


def _sorted(edge_index: NDArray[np.int64]) -> NDArray[np.int64]:
    return edge_index[:, np.lexsort(edge_index)]


def _interleaved(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each run, all run once before any is run again."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}

"""Which of many designs: those that no other beats, and the one that keeps to constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgetrack.export.exploration.grid import Candidate
from edgetrack.export.synthesis.device import Device

Prefer = Literal["network", "luts", "latency", "rate"]


@dataclass(frozen=True)
class Limits:
    """What a design has to keep to: a share of each of the device's primitives, and times; None sets no limit."""

    share: float = 0.4
    latency_us: float | None = 2.0
    million_graphs_per_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"explore: share is {self.share}, wanted above 0 up to 1: the part of the device to fill")
        for name in ("latency_us", "million_graphs_per_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"explore: {name} is {value}, wanted above 0, or null for no limit")


class NoCandidate(ValueError):
    """No design keeps to the limits: says which ones fail, and which design comes nearest."""


def pareto(points: ArrayLike) -> NDArray[np.bool_]:
    """(n,) which of (n, k) points no other beats: no other is as small in every column and smaller in one.

    Equal points stand together. Cost: n² k.
    """
    values = np.asarray(points, float)
    kept = np.ones(len(values), bool)
    for index, point in enumerate(values):
        kept[index] = not ((values <= point).all(axis=1) & (values < point).any(axis=1)).any()
    return kept


def front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The designs that no other beats in latency, interval and LUTs, of networks as large and as fine as theirs."""
    points = [
        (
            one.latency_cycles,
            one.interval_cycles,
            one.resources.lut,
            -one.hidden,
            -one.weight_bits,
            -one.activation_bits,
        )
        for one in candidates
    ]
    return [one for one, kept in zip(candidates, pareto(points), strict=True) if kept]


def excesses(candidate: Candidate, device: Device, limits: Limits) -> dict[str, float]:
    """Limit → how many times over it the design is; at most 1 where it keeps to it."""
    over = {
        f"{limits.share:.0%} of {device.part}'s {name}": share / limits.share
        for name, share in device.shares(candidate.resources).items()
    }
    if limits.latency_us is not None:
        over[f"latency of {limits.latency_us:g} µs"] = candidate.latency_us / limits.latency_us
    if limits.million_graphs_per_s is not None:
        over[f"{limits.million_graphs_per_s:g} million graphs a second"] = (
            limits.million_graphs_per_s / candidate.million_graphs_per_s
        )
    return over


def choose(candidates: Sequence[Candidate], device: Device, limits: Limits, prefer: Prefer = "network") -> Candidate:
    """The best design within the limits.

    "network": the most hidden units, then the widest weights and activations, then the fewest LUTs; "luts", "latency"
    and "rate": the best of that alone, the larger network where two are equal. Raises NoCandidate where none is left.
    """
    within = [one for one in candidates if max(excesses(one, device, limits).values()) <= 1]
    if within:
        return min(within, key=lambda one: _order(one, prefer))
    if not candidates:
        raise NoCandidate("explore: no candidate at all; give the grid at least one value of each setting")
    nearest = min(candidates, key=lambda one: max(excesses(one, device, limits).values()))
    over = {limit: times for limit, times in excesses(nearest, device, limits).items() if times > 1}
    alone = [
        limit
        for limit in excesses(nearest, device, limits)
        if min(excesses(one, device, limits)[limit] for one in candidates) > 1
    ]
    why = (
        f"not one keeps to the {' and to the '.join(alone)}"
        if alone
        else "each limit is kept by some, but all of them by none"
    )
    beyond = ", ".join(f"{times:.2f} times over the {limit}" for limit, times in over.items())
    raise NoCandidate(
        f"explore: none of {len(candidates):,} candidates keeps to all limits; {why}. The nearest, "
        f"{describe(nearest)}, is {beyond}; raise the limit, or give the grid more lanes or smaller networks"
    )


def describe(candidate: Candidate) -> str:
    """A design in words."""
    config = candidate.config
    return (
        f"{candidate.hidden} hidden units of {candidate.weight_bits}-bit weights and "
        f"{candidate.activation_bits}-bit activations on {config.edge_lanes} edge and "
        f"{config.node_lanes} node lanes"
    )


def _order(one: Candidate, prefer: Prefer) -> tuple[float, ...]:
    network = (-one.hidden, -one.weight_bits, -one.activation_bits)
    lut = one.resources.lut
    match prefer:
        case "network":
            return (*network, lut, one.latency_cycles)
        case "luts":
            return (lut, *network, one.latency_cycles)
        case "latency":
            return (one.latency_cycles, *network, lut)
        case "rate":
            return (one.interval_cycles, *network, lut)

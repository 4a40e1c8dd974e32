"""Which events train, which validate, which test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class SplitConfig:
    """Fractions of the events, which add up to 1, and the seed of their order."""

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        fractions = (self.train, self.validation, self.test)
        if not all(0.0 <= fraction <= 1.0 for fraction in fractions) or abs(sum(fractions) - 1.0) > 1e-9:
            raise ValueError(
                f"split fractions train, validation, test = {fractions}, wanted three from 0 to 1 that add up to 1"
            )


@dataclass(frozen=True)
class Split:
    """Disjoint event numbers, each part ascending; together they are all events that were split."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def split_events(event_ids: Iterable[int], config: SplitConfig | None = None) -> Split:
    """Split event numbers at random by seed, in exact fractions, whatever order they are given in.

    Events are sorted by a hash of seed and number, and cut at the rounded counts; a part with a fraction above 0 gets
    one event at least. The order of two events never depends on the others, so adding events moves only events near
    the cuts from one part to another; it does move some: keep the split of a trained network with it. O(n log n).
    Raises ValueError for a repeated number, and for fewer events than parts.
    """
    config = config or SplitConfig()
    ids = [int(event_id) for event_id in event_ids]
    if len(set(ids)) != len(ids):
        repeated = next(event_id for event_id in ids if ids.count(event_id) > 1)
        raise ValueError(f"event {repeated} is given twice; the parts of a split must not share events")
    ordered = sorted(ids, key=lambda event_id: (_hash(config.seed, event_id), event_id))
    num_validation, num_test = _counts(len(ids), config)
    return Split(
        train=tuple(sorted(ordered[num_validation + num_test :])),
        validation=tuple(sorted(ordered[num_test : num_test + num_validation])),
        test=tuple(sorted(ordered[:num_test])),
    )


def _counts(total: int, config: SplitConfig) -> tuple[int, int]:
    """Numbers of validation and test events."""
    fractions = (config.train, config.validation, config.test)
    parts = sum(fraction > 0.0 for fraction in fractions)
    if total < parts:
        raise ValueError(
            f"{total} events cannot fill {parts} parts; give at least {parts}. Training needs one to train on and one "
            "to validate: with two, set split.test to 0 and the other fractions to 0.5"
        )
    validation, test = (max(round(total * fraction), int(fraction > 0.0)) for fraction in fractions[1:])
    while validation + test > total - int(config.train > 0.0):  # rounding up must leave one to train on
        if validation > test:
            validation -= 1
        else:
            test -= 1
    if config.train == 0.0:
        validation = total - test
    return validation, test


def _hash(seed: int, event_id: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{event_id}".encode(), digest_size=8).digest()

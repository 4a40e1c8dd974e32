"""The batches of an epoch: their order, their random symmetries and random draws follow from seed and place alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from edgetrack.models.sample import Sample, union_of

Augment = Callable[[Sample, np.random.Generator], Sample]


class EpochBatches:
    """The batches of one epoch for one of `world_size` devices: unions of `size` samples each.

    Order and what `augment` draws are a function of (seed, epoch) alone, so a resumed training sees what an
    uninterrupted one would have seen. All devices get equally many batches: the last ones repeat the first of the
    epoch where needed.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size: int,
        augment: Augment,
        seed: int,
        epoch: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.samples, self.augment = samples, augment
        self.seed, self.epoch = seed, epoch
        order = np.random.default_rng((seed, epoch)).permutation(len(samples))
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        missing = -len(groups) % world_size
        self.groups = (groups + groups * (missing // len(groups) + 1))[: len(groups) + missing][rank::world_size]

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[Sample]:
        for group in self.groups:
            yield union_of([self._sample(int(index)) for index in group])

    def _sample(self, index: int) -> Sample:
        return self.augment(self.samples[index], np.random.default_rng((self.seed, self.epoch, index)))


def generator_at(*place: int) -> torch.Generator:
    """A generator on the CPU whose draws follow from `place` (seed, epoch, …) alone."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0]))

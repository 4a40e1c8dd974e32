"""What one step of a training sees: the rows that the network reads, and what is wanted of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import torch
from torch import Tensor

from edgetrack.models.rows import Rows, disjoint_union

Data = TypeVar("Data")


@dataclass(frozen=True)
class Sample:
    """One graph, or several side by side (`union_of`).

    A target has one row for each element of some domain; in a union they stand one behind the other. What is a list of
    indices (pairs of hits, the hits of a particle, the event of a hit) is a domain of its own in `rows`, with its ends
    where they point: a union moves those along, and the network leaves domains alone that its description lacks.
    """

    rows: Rows[Tensor]
    targets: Mapping[str, Tensor]

    def to(self, device: torch.device | str) -> Sample:
        """The same tensors on another device."""
        return Sample(self.rows.to(device), {name: value.to(device) for name, value in self.targets.items()})


def union_of(samples: Sequence[Sample]) -> Sample:
    """Several samples as one without anything between them. O(rows)."""
    if len(samples) == 1:
        return samples[0]
    targets = {name: torch.cat([sample.targets[name] for sample in samples]) for name in samples[0].targets}
    return Sample(disjoint_union([sample.rows for sample in samples]), targets)


class Samples(Sequence[Sample]):
    """What `make` makes of each of `data`, anew whenever it is asked for; those that it makes None of are left out.

    So `data` may be a sequence that reads its elements from disk, and what is dear to make is made before and given as
    samples.
    """

    def __init__(self, make: Callable[[Data], Sample | None], data: Sequence[Data]) -> None:
        self._at: Callable[[int], Sample | None] = lambda index: make(data[index])
        self.kept = [index for index in range(len(data)) if self._at(index) is not None]

    def __len__(self) -> int:
        return len(self.kept)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        sample = self._at(self.kept[index])
        assert sample is not None
        return sample

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

"""Micrographs to train on, one file an event: what a graph network was asked for once is read again in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from edgetrack.events.atomic_write import atomic_path
from edgetrack.models.hypertrack.mask_objective import MicrographSet
from edgetrack.models.micrographs import Micrographs


def save_micrographs(event: MicrographSet, path: Path | str) -> None:
    """Write one event's micrographs to `path` (.npz), atomically."""
    graphs = event.micrographs
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            tokens=event.tokens,
            particle_id=event.particle_id,
            nodes=graphs.nodes,
            offsets=graphs.offsets,
            pivots=graphs.pivots,
        )


def load_micrographs(path: Path | str) -> MicrographSet:
    """What `save_micrographs` wrote. Raises FileNotFoundError, or ValueError for a file that is damaged."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            graphs = Micrographs(file["nodes"], file["offsets"], file["pivots"])
            return MicrographSet(file["tokens"], file["particle_id"], graphs, path.stem)
    except (KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: no whole file of micrographs ({error}); remove it to have it made again") from error


@dataclass(frozen=True)
class MicrographFiles(Sequence[MicrographSet]):
    """Events in files, read when they are asked for."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> MicrographSet: ...

    @overload
    def __getitem__(self, index: slice) -> list[MicrographSet]: ...

    def __getitem__(self, index: int | slice) -> MicrographSet | list[MicrographSet]:
        if isinstance(index, slice):
            return [load_micrographs(path) for path in self.paths[index]]
        return load_micrographs(self.paths[index])

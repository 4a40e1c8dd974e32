"""The collision event as it travels through edgetrack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edgetrack.events.errors import EventError
from edgetrack.events.validation import check_known, check_unique, checked_table

__all__ = [
    "CELL_COLUMNS",
    "HIT_COLUMNS",
    "PARTICLE_COLUMNS",
    "PARTICLE_OPTIONAL_COLUMNS",
    "TRUTH_COLUMNS",
    "Event",
    "EventError",
]

HIT_COLUMNS = {
    "hit_id": "int64",
    "x": "float32",  # mm
    "y": "float32",
    "z": "float32",
    "volume_id": "int32",
    "layer_id": "int32",
    "module_id": "int32",
}
TRUTH_COLUMNS = {
    "hit_id": "int64",
    "particle_id": "int64",  # 0 = noise
    "tx": "float32",  # mm, true intersection with the module
    "ty": "float32",
    "tz": "float32",
    "tpx": "float32",  # GeV, true momentum there
    "tpy": "float32",
    "tpz": "float32",
    "weight": "float32",  # TrackML hit weight, sums to 1 over an event
}
PARTICLE_COLUMNS = {
    "particle_id": "int64",
    "vx": "float32",  # mm, production vertex
    "vy": "float32",
    "vz": "float32",
    "px": "float32",  # GeV, momentum at production
    "py": "float32",
    "pz": "float32",
    "q": "int32",  # units of e
    "nhits": "int32",
}
PARTICLE_OPTIONAL_COLUMNS = {
    "particle_type": "int64",  # PDG code; not in Kaggle's files
}
CELL_COLUMNS = {
    "hit_id": "int64",
    "ch0": "int32",
    "ch1": "int32",
    "value": "float32",
}


@dataclass(frozen=True)
class Event:
    """Hits of one bunch crossing, with truth where it exists.

    Tables are pandas frames with exactly the columns and dtypes of `HIT_COLUMNS`, `TRUTH_COLUMNS`,
    `PARTICLE_COLUMNS` and `CELL_COLUMNS` (`particles` may also carry `particle_type`, int64, the PDG code), rows
    counted from 0. Truth, particles and cells are `None` where they are not known, as for real data; a cell or truth
    belongs to a hit of the event, every hit has one row of truth, and row i of `truth` is that of row i of `hits`.
    Reading files is the business of `trackml.py`; the checks that every event must pass are made here, once.
    Cost: O(hits + cells).
    """

    event_id: int
    hits: pd.DataFrame
    truth: pd.DataFrame | None = None
    particles: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Raise EventError, with table and row, for what no later stage could work on."""
        if isinstance(self.event_id, bool) or not isinstance(self.event_id, (int, np.integer)) or self.event_id < 0:
            raise EventError(f"event_id = {self.event_id!r}, wanted a whole number from 0: it names the files")
        object.__setattr__(self, "event_id", int(self.event_id))
        try:
            self._check_hits()
            self._check_truth()
            self._check_particles()
            self._check_cells()
        except EventError as error:
            raise EventError(error.problem, event_id=self.event_id, table=error.table, row=error.row) from None

    def _check_hits(self) -> None:
        hits = checked_table(self.hits, "hits", HIT_COLUMNS)
        if hits.empty:
            raise EventError("the event is empty: no hit; leave such events out (--skip-bad)", table="hits")
        check_unique(hits, "hits", "hit_id")
        object.__setattr__(self, "hits", hits)

    def _check_truth(self) -> None:
        if self.truth is None:
            return
        truth = checked_table(self.truth, "truth", TRUTH_COLUMNS)
        check_unique(truth, "truth", "hit_id")
        hit_ids, truth_ids = self.hits["hit_id"].to_numpy(), truth["hit_id"].to_numpy()
        if not np.array_equal(hit_ids, truth_ids):
            check_known(truth, "truth", hit_ids)
            without = np.flatnonzero(~np.isin(hit_ids, truth_ids))
            if len(without):
                raise EventError(
                    f"hit_id {hit_ids[without[0]]} has no truth ({len(without)} such hits); wanted one row of truth a "
                    "hit: add them (particle_id 0 for noise), or remove the truth file",
                    table="hits",
                    row=int(without[0]),
                )
            truth = truth.set_index("hit_id").loc[hit_ids].reset_index()
        object.__setattr__(self, "truth", truth)

    def _check_particles(self) -> None:
        if self.particles is None:
            return
        particles = checked_table(self.particles, "particles", PARTICLE_COLUMNS, PARTICLE_OPTIONAL_COLUMNS)
        check_unique(particles, "particles", "particle_id")
        object.__setattr__(self, "particles", particles)

    def _check_cells(self) -> None:
        if self.cells is None:
            return
        cells = checked_table(self.cells, "cells", CELL_COLUMNS)
        check_known(cells, "cells", self.hits["hit_id"].to_numpy())
        object.__setattr__(self, "cells", cells)

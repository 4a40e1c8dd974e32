"""The collision event as it travels through edgetrack."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

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
CELL_COLUMNS = {
    "hit_id": "int64",
    "ch0": "int32",
    "ch1": "int32",
    "value": "float32",
}


@dataclass(frozen=True)
class Event:
    """Hits of one bunch crossing, with truth where it exists.

    Tables are pandas frames with exactly the dtypes of `HIT_COLUMNS`, `TRUTH_COLUMNS`, `PARTICLE_COLUMNS` and
    `CELL_COLUMNS` (`particles` may also carry `particle_type`, int64, the PDG code). Truth, particles and cells are
    `None` where they are not known, as for real data. Reading files is the business of `trackml.py`; the checks that
    every event must pass are made here, once.
    """

    event_id: int
    hits: pd.DataFrame
    truth: pd.DataFrame | None = None
    particles: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None

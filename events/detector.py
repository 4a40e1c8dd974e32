"""The detector's modules: where each stands, how it is turned, how large it is and how finely divided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgetrack.events.csv_table import read_table
from edgetrack.events.errors import EventError
from edgetrack.events.validation import checked_table

MODULE_COLUMNS = {
    "volume_id": "int64",
    "layer_id": "int64",
    "module_id": "int64",
    "cx": "float64",  # mm, centre
    "cy": "float64",
    "cz": "float64",
    **{f"rot_{axis}{local}": "float64" for axis in "xyz" for local in "uvw"},
}
SIZE_COLUMNS = {
    "module_t": "float64",  # mm, half thickness
    "module_minhu": "float64",  # mm, half length along u at the lower end of v
    "module_maxhu": "float64",  # mm, half length along u at the upper end of v
    "module_hv": "float64",  # mm, half length along v
    "pitch_u": "float64",  # mm, size of a cell
    "pitch_v": "float64",
}
# Other names of these columns → those of Kaggle's detectors.csv, which are used here. Releases differ: a name that is
# met in another file belongs here.
SYNONYMS = {
    "volume": "volume_id",
    "layer": "layer_id",
    "module": "module_id",
    **{f"center_{axis}": f"c{axis}" for axis in "xyz"},
    **{f"rotation_{axis}{local}": f"rot_{axis}{local}" for axis in "xyz" for local in "uvw"},
    "module_thickness": "module_t",
    "module_pitch_u": "pitch_u",
    "module_pitch_v": "pitch_v",
}
ROTATION_TOLERANCE = 1e-3  # the files print six digits

_ID_LIMIT = 2**20  # three such identifiers fit in one int64 key


@dataclass(frozen=True)
class Detector:
    """All modules of a detector, one a row: `MODULE_COLUMNS`, and those of `SIZE_COLUMNS` that the file has.

    A local point (u, v, w) of module i lies at `centers[i] + rotations[i] @ (u, v, w)`; w is the module's normal.
    Raises EventError for repeated modules, non-finite numbers and matrices that are no rotations. O(modules).
    """

    modules: pd.DataFrame

    def __post_init__(self) -> None:
        modules = checked_table(self.modules, "detectors", MODULE_COLUMNS, SIZE_COLUMNS)
        if modules.empty:
            raise EventError("no module; wanted one a row", table="detectors")
        object.__setattr__(self, "modules", modules)
        ids = modules[["volume_id", "layer_id", "module_id"]]
        outside = ((ids < 0) | (ids >= _ID_LIMIT)).any(axis=1).to_numpy()
        _reject(outside, "an identifier below 0 or of 2^20 and more", "correct it")
        _reject(ids.duplicated().to_numpy(), "a module that an earlier row has already", "remove one of the two")
        products = np.einsum("mij,mkj->mik", self.rotations, self.rotations)
        skewed = (np.abs(products - np.eye(3)) > ROTATION_TOLERANCE).any(axis=(1, 2))
        _reject(skewed, "rot_xu … rot_zw that are no rotation", "rows x, y, z and columns u, v, w must be orthonormal")

    @cached_property
    def centers(self) -> NDArray[np.float64]:
        """(M, 3) mm, position of each module's local origin."""
        return self.modules[["cx", "cy", "cz"]].to_numpy()

    @cached_property
    def rotations(self) -> NDArray[np.float64]:
        """(M, 3, 3) from local (u, v, w) to global (x, y, z)."""
        names = [f"rot_{axis}{local}" for axis in "xyz" for local in "uvw"]
        return self.modules[names].to_numpy().reshape(-1, 3, 3)

    def rows(
        self, volume_id: NDArray[np.integer], layer_id: NDArray[np.integer], module_id: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """(N,) row of each module asked for. Raises EventError for one that the detector lacks. O(N log M)."""
        wanted = np.stack([np.asarray(ids, np.int64) for ids in (volume_id, layer_id, module_id)])
        keys = self._keys[self._order]
        position = np.minimum(np.searchsorted(keys, _packed(wanted)), len(keys) - 1)
        unknown = (keys[position] != _packed(wanted)) | ((wanted < 0) | (wanted >= _ID_LIMIT)).any(axis=0)
        if unknown.any():
            row = int(np.flatnonzero(unknown)[0])
            volume, layer, module = wanted[:, row].tolist()
            raise EventError(
                f"unknown module: volume {volume}, layer {layer}, module {module} ({int(unknown.sum())} such rows); "
                f"wanted one of the detector's {len(keys)}: use the detectors file of the same data",
                row=row,
            )
        return self._order[position]

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        return _packed(self.modules[["volume_id", "layer_id", "module_id"]].to_numpy().T)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self._keys)


def read_detector(path: Path | str, synonyms: Mapping[str, str] = SYNONYMS) -> Detector:
    """Read detectors.csv[.gz], with Kaggle's column names or `synonyms` of them; other columns are left out.

    `path` is the file, or the folder that holds it. Files saved with a nameless index column are taken too.
    Raises EventError naming file and row.
    """
    path = Path(path)
    if path.is_dir():
        plain = path / "detectors.csv"
        path = plain if plain.is_file() else path / "detectors.csv.gz"
    modules = read_table(path, MODULE_COLUMNS, SIZE_COLUMNS, synonyms)
    try:
        return Detector(modules)
    except EventError as error:
        raise EventError(error.problem, table=error.table, row=error.row, file=path) from None


def _packed(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    packed: NDArray[np.int64] = (ids[0] * _ID_LIMIT + ids[1]) * _ID_LIMIT + ids[2]
    return packed


def _reject(bad: NDArray[np.bool_], what: str, remedy: str) -> None:
    if bad.any():
        raise EventError(
            f"has {what} ({int(bad.sum())} such rows): {remedy}", table="detectors", row=int(np.flatnonzero(bad)[0])
        )

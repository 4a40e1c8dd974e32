"""How a training went: a row an epoch, a column a figure, as CSV beside its checkpoint."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import write_text

HISTORY_FILE = "history.csv"
History = Mapping[str, NDArray[np.float64]]  # figure → (epochs,)


def write_history(records: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Write one record an epoch, all with the same figures, to `folder`; nothing without epochs."""
    if records:
        text = io.StringIO()
        table = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(records)
        write_text(folder / HISTORY_FILE, text.getvalue())


def read_history(folder: Path) -> History:
    """What `write_history` wrote; empty where there is none. Raises ValueError for a damaged file, naming it."""
    path = folder / HISTORY_FILE
    if not path.is_file():
        return {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), strict=True))
        return {name: np.array([float(row[name]) for row in rows]) for name in (rows[0] if rows else ())}
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"{path}: damaged ({error}); remove its folder and train again") from error

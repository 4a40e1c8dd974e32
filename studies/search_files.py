"""What a search of precisions leaves in the run folder: every trial as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.export.synthesis.device import Device
from edgetrack.studies.search_study import FinishedTrial


def trial_row(trial: FinishedTrial, device: Device) -> dict[str, Any]:
    """A trial as one flat row: its figures on validation graphs, its accelerator by formula, its widths."""
    return {
        "trial": trial.number,
        **trial.measured.figures,
        "lut_share": round(trial.measured.luts / device.lut, 5),
        **trial.point,
    }


def write_trials(
    trials: Sequence[FinishedTrial],
    front: Collection[FinishedTrial],
    failures: Mapping[int, str],
    device: Device,
    folder: Path,
) -> list[Path]:
    """search.csv and trials.json; `front` marks those that no other beats."""
    best = {one.number for one in front}
    rows = [{**trial_row(one, device), "front": one.number in best} for one in trials]
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    files = [folder / "search.csv", folder / "trials.json"]
    write_text(files[0], text.getvalue())
    about = {"device": device.part, "failures": {str(number): reason for number, reason in failures.items()}}
    write_text(files[1], json.dumps(about | {"trials": rows}, indent=1) + "\n")
    return files

"""`edgetrack thin`: files of disjoint parts, resumable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edgetrack.events.event import HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.trackml import find_events, read_event, write_event
from edgetrack.scripts.console import Console
from edgetrack.scripts.thin import ThinRunConfig, thin

QUIET = Console(quiet=True)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Two events of 60 particles with 4 hits each, and 60 noise hits."""

    def table(columns: dict[str, str], **values: object) -> pd.DataFrame:
        return pd.DataFrame({name: values.get(name, 0.0) for name in columns}, index=range(300)).astype(columns)

    rng = np.random.default_rng(0)
    for number in (3, 8):
        x, y, z = rng.normal(0, 100, (3, 300))
        hit_id, owner = np.arange(1, 301), np.repeat(np.arange(75), 4) % 61
        particles = table(PARTICLE_COLUMNS, particle_id=np.arange(1, 301))
        hits = table(HIT_COLUMNS, hit_id=hit_id, x=x, y=y, z=z)
        write_event(
            Event(number, hits, table(TRUTH_COLUMNS, hit_id=hit_id, particle_id=owner), particles), tmp_path / "in"
        )
    return tmp_path / "in"


def test_parts_become_events_in_trackml_form_and_are_made_once(events: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = thin(ThinRunConfig(str(events), fraction=0.1, parts=3), out, QUIET)
    assert find_events(out) == [30, 31, 32, 80, 81, 82]
    assert (first["thinned"], first["events"]) == (6, 6)
    assert first["mean_hits"] == np.mean([len(read_event(out, number).hits) for number in find_events(out)])
    files = {path: path.read_bytes() for path in sorted(out.iterdir())}
    assert len(files) == 18  # hits, truth and particles of each

    (out / "event000000081-hits.csv.gz").unlink()
    second = thin(ThinRunConfig(str(events), fraction=0.1, parts=3), out, QUIET)
    assert (second["thinned"], second["events"]) == (1, 6)
    assert {path: path.read_bytes() for path in sorted(out.iterdir())} == files


def test_wrong_options_are_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="--parts = 0: wanted at least 1, or nothing for all 100"):
        ThinRunConfig("events", parts=0)
    with pytest.raises(ValueError, match=r"thin.fraction = 2, wanted above 0"):
        ThinRunConfig("events", fraction=2)

"""Simulated events are the published TrackML events, as far as graphs can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.studies.simulation_table import PUBLISHED, simulation_table


@pytest.mark.slow
def test_simulated_events_match_published_numbers_within_ten_percent(tmp_path: Path) -> None:
    for module in ("acts", "pythia8mc"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'edgetrack[sim]'")
    rows = simulation_table(tmp_path, events=10, seed=1, workers=2)
    assert [row["name"] for row in rows] == list(PUBLISHED)
    outside = {row["name"]: row["ratio"] for row in rows if not 0.9 <= row["ratio"] <= 1.1}
    assert not outside

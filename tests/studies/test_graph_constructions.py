"""The table of constructions: means, spreads, and when it lies too far from the published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.graphs.geometric import WINDOWS
from edgetrack.studies.graph_constructions import WITH_RANGES, Quality, construction_table, far_off, preset_at
from edgetrack.studies.published_constructions import PUBLISHED, THRESHOLDS


def qualities(*edges: int) -> list[dict[tuple[str, float], Quality]]:
    return [
        {("module_map", 1.0): Quality(0.986, 0.1, size, 5332), (WITH_RANGES, 1.0): Quality(0.9, 0.5, 7, 8)}
        for size in edges
    ]


def test_windows_are_those_of_the_threshold_or_of_the_nearest_below() -> None:
    assert [preset_at(pt) for pt in (2.0, 1.9, 1.5, 1.4, 1.0, 0.8, 0.5)] == [
        *("2gev", "1.5gev", "1.5gev", "1.4gev", "1gev", "0.8gev", "0.5gev")
    ]
    assert WINDOWS[preset_at(1.9)] == WINDOWS["2gev"]
    with pytest.raises(ValueError, match=r"0\.4 GeV, wanted at least 0\.5"):
        preset_at(0.4)


def test_every_method_is_published_at_every_threshold_from_half_to_two_gev() -> None:
    assert tuple(round(0.1 * tenth, 1) for tenth in range(5, 21)) == THRESHOLDS
    for rows in PUBLISHED.values():
        assert set(rows) == set(THRESHOLDS)
        edges, purity = (np.array([rows[pt][k] for pt in THRESHOLDS]) for k in (2, 1))
        assert (np.diff(edges) < 0).all()
        assert (purity < 0.35).all()


def test_means_spreads_and_distances_are_those_of_the_events() -> None:
    row, ranges = construction_table(qualities(40_000, 44_000))
    published = PUBLISHED["module_map"][1.0][2]
    assert row["measured"] == {"efficiency": 0.986, "purity": 0.1, "edges": 42_000, "nodes": 5332}
    assert row["spread"]["edges"] == pytest.approx(2000 * 2**0.5)
    assert row["ratios"]["edges"] == 42_000 / published
    assert row["sigmas"]["edges"] == pytest.approx((42_000 - published) / 2000)
    assert row["within"] is True
    assert (ranges["name"], ranges["published"], ranges["within"]) == (WITH_RANGES, None, None)


def test_a_row_is_far_off_where_ten_percent_and_two_standard_errors_away_and_not_by_one_of_them() -> None:
    steady, unsteady, near = (
        construction_table(qualities(*edges))[0] for edges in ((60_000, 60_100), (30_000, 90_000), (44_000, 44_001))
    )
    assert (steady["within"], unsteady["within"], near["within"]) == (False, False, True)
    assert [far_off(row) for row in (steady, unsteady, near)] == [True, False, False]
    assert near["sigmas"]["edges"] > 100


def test_no_events_are_refused() -> None:
    with pytest.raises(ValueError, match="no events to measure"):
        construction_table([])

"""Fixtures shared by all tests: where real data lies, and a visible skip where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def _data(folder: str) -> Path:
    path = DATA / folder
    if not path.is_dir():
        pytest.skip(f"real TrackML data not found at {path}; put it there to run this test")
    return path


@pytest.fixture(scope="session")
def trackml_hitgraphs() -> Path:
    """Folder with 2gev/, 1p5gev/, 1gev/ graphs of real TrackML events."""
    return _data("trackml_hitgraphs")


@pytest.fixture(scope="session")
def trackml_sample() -> Path:
    """Folder with one small event in TrackML's own files, and detectors.csv.gz."""
    return _data("trackml_sample")

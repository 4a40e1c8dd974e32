"""Fixtures shared by all tests: where real data lies, and a visible skip where it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"  # where EDGETRACK_DATA names no other folder


def _data(folder: str) -> Path:
    data = Path(os.environ.get("EDGETRACK_DATA") or BESIDE)
    path = data / folder
    if not path.is_dir():
        pytest.skip(f"no real TrackML data at {path}; EDGETRACK_DATA=DIR names the folder that holds {folder}/")
    return path


@pytest.fixture(scope="session")
def trackml_hitgraphs() -> Path:
    """Folder with 2gev/, 1p5gev/, 1gev/ graphs of real TrackML events."""
    return _data("trackml_hitgraphs")


@pytest.fixture(scope="session")
def trackml_sample() -> Path:
    """Folder with one small event in TrackML's own files, and detectors.csv.gz."""
    return _data("trackml_sample")

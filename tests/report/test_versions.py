"""The versions on record are those of the package's own requirements."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

from edgetrack.report import versions
from edgetrack.report.provenance import versions as shown

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_every_requirement_is_on_record() -> None:
    required = [line.split(">")[0].split("=")[0] for line in PROJECT["dependencies"]]
    found = versions.installed_versions()
    assert [name for name in found if name in required] == required
    assert all(found[name] == importlib.metadata.version(name) for name in required)
    assert dict(shown()).keys() == {"python", "edgetrack", *found}
    assert not {"pytest", "ruff", "torch-geometric"} & found.keys()


def test_an_extra_counts_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy>=2.0", 'click>=8; extra == "cli"', 'none-of-that>=1; extra == "sim"', "pytest; extra == 'dev'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda package: lines)
    assert [*versions.required_packages()] == ["numpy", "click", "none-of-that"]
    assert [*versions.installed_versions.__wrapped__()] == ["numpy", "click"]

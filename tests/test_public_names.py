"""`import edgetrack`: a version and the names that a program asks for first."""

import importlib.metadata
import subprocess
import sys
import types

import pytest

import edgetrack


def test_version_is_that_of_the_package() -> None:
    assert edgetrack.__version__ == importlib.metadata.version("edgetrack")


@pytest.mark.parametrize("name", [name for name in edgetrack.__all__ if name != "__version__"])
def test_public_name_comes_from_its_room(name: str) -> None:
    value: types.FunctionType | type = getattr(edgetrack, name)
    assert value.__name__ == name
    assert value.__module__.startswith("edgetrack.")


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no name 'Hit'; it has Event, HitGraph, .*read_event"):
        edgetrack.Hit  # type: ignore[attr-defined]  # noqa: B018


def test_import_alone_loads_no_room() -> None:
    code = "import sys, edgetrack; print(sorted(m for m in sys.modules if m.startswith('edgetrack.') or m == 'torch'))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"

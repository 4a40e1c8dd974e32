"""The rooms import one way: the contracts in pyproject.toml, checked by `make lint` too, hold and cover every room."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS, lint_imports

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


@pytest.fixture(autouse=True)
def search_path_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # lint_imports puts the working directory in front


def test_contracts_hold() -> None:
    assert lint_imports(str(PYPROJECT), no_cache=True, no_logo=True) == EXIT_STATUS_SUCCESS


def test_contracts_cover_every_room() -> None:
    project = tomllib.loads(PYPROJECT.read_text())
    rooms = {name for name in project["tool"]["setuptools"]["package-dir"] if name.count(".") == 1}
    linter: dict[str, Any] = project["tool"]["importlinter"]
    contracts = {contract["id"]: contract for contract in linter["contracts"]}
    assert set(linter["root_packages"]) == rooms
    assert set(contracts["rooms"]["layers"]) == rooms
    assert set(contracts["circles"]["ancestors"]) == rooms - {"edgetrack.hls_projects"}  # it has no modules


def test_an_import_against_the_stream_breaks_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "contract.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["edgetrack.events", "edgetrack.graphs"]\n'
        '[[tool.importlinter.contracts]]\nname = "reversed"\ntype = "layers"\n'
        'layers = ["edgetrack.events", "edgetrack.graphs"]\n'
    )
    assert lint_imports(str(config), no_cache=True, no_logo=True) == EXIT_STATUS_ERROR
    assert "edgetrack.graphs is not allowed to import edgetrack.events" in capsys.readouterr().out

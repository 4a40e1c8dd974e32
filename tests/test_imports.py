"""The rooms import one way: the contracts in pyproject.toml, checked by `make lint` too, hold and cover every room."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([tool, "--no-cache", "--no-logo", config], capture_output=True, text=True, check=False)


def test_contracts_hold() -> None:
    result = lint_imports(PYPROJECT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_contracts_cover_every_room() -> None:
    project = tomllib.loads(PYPROJECT.read_text())
    rooms = {name for name in project["tool"]["setuptools"]["package-dir"] if name.count(".") == 1}
    linter: dict[str, Any] = project["tool"]["importlinter"]
    contracts = {contract["id"]: contract for contract in linter["contracts"]}
    assert set(linter["root_packages"]) == rooms
    assert set(contracts["rooms"]["layers"]) == rooms
    assert set(contracts["circles"]["ancestors"]) == rooms - {"edgetrack.hls_projects"}  # it has no modules


def test_an_import_against_the_stream_breaks_the_contract(tmp_path: Path) -> None:
    config = tmp_path / "contract.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["edgetrack.events", "edgetrack.graphs"]\n'
        '[[tool.importlinter.contracts]]\nname = "reversed"\ntype = "layers"\n'
        'layers = ["edgetrack.events", "edgetrack.graphs"]\n'
    )
    result = lint_imports(config)
    assert result.returncode == 1
    assert "edgetrack.graphs is not allowed to import edgetrack.events" in result.stdout

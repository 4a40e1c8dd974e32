"""The rooms import one way: the contracts in pyproject.toml, which `make lint` checks too."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package as it is imported: `edgetrack/` and the rooms in it, as links."""
    folder = tmp_path_factory.mktemp("tree")
    rooms: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]
    (folder / "edgetrack").mkdir()
    (folder / "edgetrack" / "__init__.py").symlink_to(ROOT / rooms.pop("edgetrack") / "__init__.py")
    for name, path in rooms.items():
        folder.joinpath(*name.split(".")).symlink_to(ROOT / path)
    return folder


def lint_imports(tree: Path, config: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", str(config)]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_contracts_hold(tree: Path) -> None:
    result = lint_imports(tree, ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Contracts: 2 kept, 0 broken" in result.stdout


def test_an_import_against_the_stream_breaks_the_contract(tree: Path, tmp_path: Path) -> None:
    """And so does a room that the layers leave out."""
    config = tmp_path / "contract.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "edgetrack"\n'
        '[[tool.importlinter.contracts]]\nname = "reversed"\ntype = "layers"\n'
        'containers = ["edgetrack"]\nlayers = ["events", "graphs"]\nexhaustive = true\n'
    )
    result = lint_imports(tree, config)
    assert result.returncode == 1
    assert "edgetrack.graphs is not allowed to import edgetrack.events" in result.stdout
    assert "edgetrack.export" in result.stdout

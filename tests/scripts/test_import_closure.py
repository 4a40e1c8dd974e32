"""A stage is made again where a file that it can run has changed, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.scripts import import_closure
from edgetrack.scripts.import_closure import TOP, module_file, source_files


def names(module: str) -> set[str]:
    return {path.relative_to(import_closure.TOP).as_posix() for path in source_files(module)}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own: a verb that imports in a function and names a data package."""
    files = {
        "edgetrack/__init__.py": "",
        "scripts/__init__.py": "",
        "scripts/verb.py": "from edgetrack.rooms import inner\nDATA = files('edgetrack.kernels')\n",
        "scripts/other.py": "import json\n",
        "rooms/__init__.py": "",
        "rooms/inner.py": "def late():\n    import edgetrack.rooms.late\n",
        "rooms/late.py": "from edgetrack.scripts.verb import DATA\n",
        "kernels/__init__.py": "",
        "kernels/build.tcl": "exit",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(import_closure, "TOP", tmp_path)
    return tmp_path


def test_imports_are_followed_wherever_they_stand(tree: Path) -> None:
    everything = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert names("edgetrack.scripts.verb") == everything - {"scripts/other.py"}
    assert names("edgetrack.scripts.other") == {"scripts/other.py"}


@pytest.mark.parametrize("changed", ["scripts/verb.py", "rooms/late.py", "kernels/build.tcl"])
def test_a_changed_file_changes_the_digest(tree: Path, changed: str) -> None:
    before = import_closure.source_digest.__wrapped__("edgetrack.scripts.verb")
    other = import_closure.source_digest.__wrapped__("edgetrack.scripts.other")
    (tree / changed).write_text("# other\n" + (tree / changed).read_text())
    assert import_closure.source_digest.__wrapped__("edgetrack.scripts.verb") != before
    assert import_closure.source_digest.__wrapped__("edgetrack.scripts.other") == other


def test_what_export_copies_into_artefacts_is_in_its_closure() -> None:
    exported, trained = names("edgetrack.scripts.export"), names("edgetrack.scripts.train")
    assert {path.suffix for path in map(Path, exported)} >= {".py", ".tcl", ".v", ".h", ".cpp", ".yaml"}
    assert "hls_projects/hls4ml/vivado_implement.tcl" in exported
    assert "models/training.py" in trained
    assert not any(name.startswith(("export/", "hls_projects/", "report/")) for name in trained)


def test_every_module_of_the_package_is_found() -> None:
    assert module_file("edgetrack.models.network") == TOP / "models" / "network.py"
    assert module_file("edgetrack.export") == TOP / "export" / "__init__.py"
    assert module_file("edgetrack.models.network.GraphNetwork") is None

"""Compiled functions are kept between processes; nothing about the place where they are kept can stop a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgetrack.events.compiled import cache_folder

SCRIPT = """
import sys
from edgetrack.events.compiled import cache_folder, compiled

@compiled()
def twice(x):
    return 2 * x

print(twice(21), sum(twice._cache_hits.values()) if hasattr(twice, "_cache_hits") else "", cache_folder())
"""


def run(script: Path, **environment: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, str(script)],
        env={name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def test_a_compiled_function_is_kept_in_our_folder_of_the_users_cache(script: Path, tmp_path: Path) -> None:
    own = str(tmp_path / "cache" / "edgetrack")
    assert run(script, XDG_CACHE_HOME=str(tmp_path / "cache")) == ["42", "0", own]
    assert run(script, XDG_CACHE_HOME=str(tmp_path / "cache")) == ["42", "1", own]
    assert not list(tmp_path.glob("__pycache__"))


@pytest.mark.parametrize("suffix", ["*.nbi", "*.nbc", "*.sha256"])
@pytest.mark.parametrize("harm", ["empty", "cut", "flipped", "gone"])
def test_a_damaged_one_is_compiled_again(suffix: str, harm: str, script: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    run(script, XDG_CACHE_HOME=cache)
    (path, *_) = (tmp_path / "cache").rglob(suffix)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"empty": b"", "cut": bytes(content[:50]), "flipped": bytes(content), "gone": b""}[harm])
    if harm == "gone":
        path.unlink()
    assert run(script, XDG_CACHE_HOME=cache)[:2] == ["42", "0"]
    assert run(script, XDG_CACHE_HOME=cache)[:2] == ["42", "1"]


def test_without_a_home_the_temporary_files_serve_and_without_them_nothing_is_kept(
    script: Path, tmp_path: Path
) -> None:
    nowhere = str(script / "no folder")  # below a file
    (tmp_path / "tmp").mkdir()
    here = ["42", "0", str(tmp_path / "tmp" / f"edgetrack-{os.getuid()}")]
    assert run(script, XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path / "tmp")) == here
    assert run(script, XDG_CACHE_HOME="", HOME=nowhere, TMPDIR=str(tmp_path / "tmp"))[1:] == ["1", here[2]]
    patched = script.with_name("unwritable.py")
    patched.write_text(f"import tempfile\ntempfile.tempdir = {nowhere!r}\n{SCRIPT}")
    assert run(patched, XDG_CACHE_HOME=nowhere) == ["42", "0", "None"]


def test_a_folder_of_another_user_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_folder.cache_clear()
    assert cache_folder() == tmp_path / "edgetrack"
    other = (tmp_path / "edgetrack").stat().st_uid + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    cache_folder.cache_clear()
    assert cache_folder() != tmp_path / "edgetrack"
    cache_folder.cache_clear()

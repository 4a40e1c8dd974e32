"""A run folder in use: one process at a time, and SIGTERM ends with a status and leaves it in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgetrack.scripts.run_folder import in_use, terminable

HOLD = """
import sys, time
from pathlib import Path
from edgetrack.scripts.run_folder import in_use, terminable
with terminable(), in_use(Path(sys.argv[1])):
    try:
        print("held", flush=True)
        time.sleep(60)
    finally:
        print("left in order", flush=True)
"""


def held(folder: Path) -> subprocess.Popen[str]:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with held(tmp_path / "run") as other:
        with (
            pytest.raises(ValueError, match=r"another edgetrack works in .*run; wait .* another --folder"),
            in_use(tmp_path / "run"),
        ):
            pass
        with in_use(tmp_path / "other"):
            pass
        other.kill()
    with in_use(tmp_path / "run"):
        pass


def test_a_terminated_process_ends_in_order_with_status_143(tmp_path: Path) -> None:
    with held(tmp_path) as other:
        other.terminate()
        assert other.wait() == 128 + signal.SIGTERM
        assert other.stdout is not None
        assert other.stdout.read() == "left in order\n"


def test_further_processes_of_a_training_share_the_folder_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_use(tmp_path):
        monkeypatch.setenv("LOCAL_RANK", "1")
        with in_use(tmp_path):
            pass


def test_the_handler_of_before_is_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, terminable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before

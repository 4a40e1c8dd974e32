"""A run folder in use: one process at a time, and left in order when that process is terminated."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import filelock

LOCK = ".lock"


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`. Raises ValueError where another process holds it.

    The further processes of a training on several devices work in the folder of the first.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        yield
        return
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise ValueError(
            f"another edgetrack works in {folder}; wait until it has ended, or give another --folder"
        ) from error
    try:
        yield
    finally:
        if is_new and [path.name for path in folder.iterdir()] == [LOCK]:  # nothing came of it
            (folder / LOCK).unlink()
            folder.rmdir()
        lock.release()


@contextmanager
def terminable() -> Iterator[None]:
    """Let a SIGTERM end the block as an exit with status 143, so that what it holds is released and removed."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

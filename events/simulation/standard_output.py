"""Standard output belongs to results: what generators written in C++ print goes to standard error."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDOUT, STDERR = 1, 2


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Within the block, file descriptor 1 of this process is standard error; also a decorator. Blocks may be nested.

    Below Python's `sys.stdout`, since Pythia and ACTS write there by themselves.
    """
    _flush()
    try:
        before = os.dup(STDOUT)
    except OSError:  # closed: there is nothing to keep clean
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(STDERR, STDOUT)
        yield
    finally:
        _flush()
        os.dup2(before, STDOUT)
        os.close(before)


def _flush() -> None:
    """What C and C++ have buffered goes where descriptor 1 points now."""
    ctypes.CDLL(None).fflush(None)

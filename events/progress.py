"""How long work says how far it is: every function that takes a while accepts such a callback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

Progress = Callable[[int, int], object]  # (done, of): called after each unit of work
Bars = Callable[[str], AbstractContextManager[Progress]]  # title → one bar, open while its work is done


def no_progress(done: int, of: int) -> None:
    """Where nobody watches."""

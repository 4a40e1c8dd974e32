"""Compiled functions, kept on disk between processes where that can be, and never at the cost of a run.

numba alone keeps them beside the source, or in the user's home: an installation that is read-only, of a user without a
home, could not even be imported. And it unpickles what it finds: a damaged file ended the process.
"""

from __future__ import annotations

import glob
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from edgetrack.events.atomic_write import write_text

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """`numba.njit` with these options, cached where `cache_folder` is."""

    def decorate(function: Function) -> Function:
        config: Any = numba.config
        before = config.CACHE_DIR
        config.CACHE_DIR = folder = before or str(cache_folder() or "")
        try:
            dispatcher: Any = numba.njit(cache=bool(folder), **options)(function)
        finally:
            config.CACHE_DIR = before
        if folder:
            dispatcher._cache = _CheckedCache(dispatcher._cache)
        return cast(Function, dispatcher)

    return decorate


@cache
def cache_folder() -> Path | None:
    """A folder of this user's for compiled functions: in the user's cache, else with the temporary files; else none."""
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    number = os.getuid() if hasattr(os, "getuid") else 0
    for folder in (Path(user) / "edgetrack", Path(tempfile.gettempdir()) / f"edgetrack-{number}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            own = not hasattr(os, "getuid") or folder.stat().st_uid == number  # what lies there is executed
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        if own and folder.is_absolute():
            return folder
    return None


class _CheckedCache:
    """numba's cache of one function, each of whose files stands beside its SHA-256; others are removed unread."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled function; None where it has to be compiled (again)."""
        if not all(_sum_of(path) == _written_sum(path) for path in self._files()):
            for path in self._files():
                path.unlink(missing_ok=True)
        return self._cache.load_overload(signature, context)

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep a compiled function; without room on the disk it serves this process only."""
        try:
            self._cache.save_overload(signature, data)
            for path in self._files():
                write_text(_sum_file(path), _sum_of(path))
        except OSError:
            return

    def _files(self) -> list[Path]:
        folder, base = Path(self._cache.cache_path), glob.escape(self._cache._impl.filename_base)
        return sorted(folder.glob(f"{base}*.nb[ic]"))


def _sum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _written_sum(path: Path) -> str:
    file = _sum_file(path)
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

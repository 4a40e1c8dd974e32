"""The settings of a construction by a module map: which file, and how far its windows are used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from edgetrack.graphs.module_map.files import load_module_map
from edgetrack.graphs.module_map.module_map import ModuleMap


@dataclass(frozen=True)
class ModuleMapConstruction:
    """Geometric doublets whose modules particles of an independent sample connect; DeZoort et al. 2021, section 3.1."""

    kind: Literal["module_map"] = "module_map"
    file: str = ""  # modules.npz of `edgetrack module-map`
    least: int = 1  # doublets that a pair of modules was seen with
    margin: float | None = None  # of the ranges that each pair was seen with; null: pairs alone, as published

    def __post_init__(self) -> None:
        if self.least < 1:
            raise ValueError(f"construction.least = {self.least}, wanted 1 or more")
        if self.margin is not None and not self.margin >= 0:
            raise ValueError(f"construction.margin = {self.margin}, wanted 0 or more, or null for open windows")

    def module_map(self) -> ModuleMap:
        """What the file holds, read once as long as it stays the same.

        Raises: ValueError for no such file; as `load_module_map`.
        """
        path = Path(self.file)
        if not self.file or not path.is_file():
            raise ValueError(f"construction.file = {self.file!r}: no such file; make one with `edgetrack module-map`")
        return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, written: int) -> ModuleMap:
    return load_module_map(path)

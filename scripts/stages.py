"""Stages of a run folder: unchanged ones are reused, changed ones rerun."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.report.versions import installed_versions
from edgetrack.scripts.config import dump_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.import_closure import source_digest
from edgetrack.scripts.stage_record import (
    STAMP,
    StageRecord,
    changed_files,
    finished,
    read_record,
    result_in,
    write_record,
)

BEFORE = "before"  # folder of stages that are being made again, as they were


@dataclasses.dataclass(frozen=True)
class Done:
    """A finished stage: its folder, what it returned, and the fingerprint that later stages build on."""

    folder: Path
    result: Mapping[str, Any]
    fingerprint: str


def given_files(folder: Path) -> Done:
    """A folder of somebody's own, as the stage that stands before all others: other files, another fingerprint.

    A file is known by its name, size and time of change. Raises ValueError where there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; give the folder of your data")
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return Done(folder, {}, _digest(*(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)))


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
    run (the import closure of its module), and on the versions of the packages that edgetrack requires; its files must
    be those that it left.
    What a stage with another fingerprint left stands in `folder`/before/NAME until the new one is done, and is taken
    back where its fingerprint is wanted again. A `resumable` stage that was interrupted under the same fingerprint goes
    on from what it left.

    Raises ValueError where the stage's folder holds files but no stamp (they are not a stage's to remove), and for a
    damaged stamp.
    """
    target, before = folder / name, folder / BEFORE / name
    check_folder(target)
    fingerprint = _fingerprint(verb, config if isinstance(config, list) else [config], upstream)
    console.heading(name)
    if read_record(target).fingerprint != fingerprint:
        _put_aside(target, before, fingerprint)
    record = read_record(target)
    if record.fingerprint == fingerprint and record.result is not None:
        changed = changed_files(record, target)
        if not changed:
            console.say(f"unchanged, kept: {target}")
            _remove(before)
            return Done(target, result_in(record, folder), fingerprint)
        console.say(f"{len(changed)} files of {target} have changed since or are missing ({changed[0]}): made again")
        for file in changed:
            (target / file).unlink(missing_ok=True)
    if not resumable:
        _remove(target)
    write_record(StageRecord(fingerprint), target)
    record = finished(fingerprint, work(target), target)
    write_record(record, target)
    _remove(before)
    return Done(target, result_in(record, folder), fingerprint)


def _fingerprint(verb: Callable[..., Any], configs: Sequence[Any], upstream: Sequence[Done]) -> str:
    return _digest(
        *(dump_config(part) for part in configs),
        source_digest(verb.__module__),
        *(f"{name} {version}" for name, version in installed_versions().items()),
        *(done.fingerprint for done in upstream),
    )


def _put_aside(target: Path, before: Path, fingerprint: str) -> None:
    """Keep a finished stage with another fingerprint, or take back an earlier one that has the one wanted."""
    if read_record(before).fingerprint == fingerprint:
        _remove(target)
        before.rename(target)
    elif read_record(target).result is not None:
        _remove(before)
        before.parent.mkdir(exist_ok=True)
        target.rename(before)
    else:
        _remove(target)


def _remove(path: Path) -> None:
    """Remove a stage's folder, and the folder of earlier stages with its last one."""
    if path.exists():
        shutil.rmtree(path)
    if path.parent.name == BEFORE and path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def check_folder(target: Path) -> None:
    """Raise ValueError where a stage's folder is something else: not empty, and without a stage's stamp."""
    if target.exists() and not (target / STAMP).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target} exists and was not made by `edgetrack run`; give --folder a place of its own")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()

"""What a stage leaves on record: its result, with paths inside the run folder, and the SHA-256 of each of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text

STAMP = "stage.json"


@dataclass(frozen=True)
class StageRecord:
    """The stamp of a stage. A run folder may be moved or copied: paths in `result` are relative to it."""

    fingerprint: str = ""
    result: Mapping[str, Any] | None = None  # None: the stage was interrupted
    paths: tuple[tuple[str, ...], ...] = ()  # keys of `result` that are paths
    files: Mapping[str, str] = field(default_factory=dict)  # path in the stage's folder → SHA-256


def finished(fingerprint: str, result: Mapping[str, Any], target: Path) -> StageRecord:
    """The record of a stage that is done, in the folder `target` of its run folder."""
    tree = json.loads(json.dumps(dict(result)))
    paths = tuple(keys for keys, text in _texts(tree) if _is_path(text, target))
    run = target.parent.absolute()
    inside = _mapped(tree, paths, lambda text: Path(text).absolute().relative_to(run).as_posix())
    return StageRecord(fingerprint, inside, paths, file_hashes(target))


def result_in(record: StageRecord, run: Path) -> dict[str, Any]:
    """The result of a finished stage with paths as they are from here, the run folder being `run`."""
    return _mapped(record.result or {}, record.paths, lambda text: str(run / text))


def write_record(record: StageRecord, target: Path) -> None:
    """Write the stamp of the stage in `target`."""
    tree: dict[str, Any] = {"fingerprint": record.fingerprint}
    if record.result is not None:
        tree |= {"result": record.result, "paths": record.paths, "files": record.files}
    write_text(target / STAMP, json.dumps(tree, indent=1))


def read_record(target: Path) -> StageRecord:
    """The stamp in `target`; an empty one where there is none. Raises ValueError for a damaged one, naming it."""
    path = target / STAMP
    if not path.is_file():
        return StageRecord()
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        paths = tuple(tuple(str(key) for key in keys) for keys in tree.get("paths", ()))
        record = StageRecord(tree["fingerprint"], tree.get("result"), paths, dict(tree.get("files", {})))
        if record.result is not None:
            result_in(record, target.parent)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: damaged stamp ({type(error).__name__}: {error}); remove {target} to have the stage made again"
        ) from error
    return record


def changed_files(record: StageRecord, target: Path) -> list[str]:
    """Files of a finished stage that are missing, changed, or new at the top of its folder.

    What other programs build below (compiled simulations) is no file of the stage.
    """
    found = file_hashes(target)
    changed = [name for name, digest in record.files.items() if found.get(name) != digest]
    return sorted([*changed, *(name for name in found.keys() - record.files.keys() if "/" not in name)])


def file_hashes(target: Path) -> dict[str, str]:
    """SHA-256 of every file below `target`, by its path there; not of the stamp, nor of hidden files. O(bytes)."""
    hashes = {}
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target)
        if path.is_file() and name.as_posix() != STAMP and not any(part.startswith(".") for part in name.parts):
            with path.open("rb") as file:
                hashes[name.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _is_path(text: str, target: Path) -> bool:
    """Whether `text` of the stage in `target` names something in the run folder."""
    if "/" not in text and text != str(target):
        return False
    path = Path(text)
    return path.absolute().is_relative_to(target.parent.absolute()) and path.exists()


def _texts(tree: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in nested mappings, with its keys."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _texts(value, (*keys, key))
    elif isinstance(tree, str):
        yield keys, tree


def _mapped(tree: Mapping[str, Any], paths: Sequence[Sequence[str]], change: Callable[[str], str]) -> dict[str, Any]:
    """A copy of `tree` with the text at each of `paths` changed."""
    copy: dict[str, Any] = json.loads(json.dumps(tree))
    for *parents, last in paths:
        inner = copy
        for key in parents:
            inner = inner[key]
        inner[last] = change(inner[last])
    return copy

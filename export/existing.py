"""Artefacts that are there already, to be proven as they are: none of them is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.form import Form
from edgetrack.export.forms import FLOAT_FORMS, FORMS, FormSettings, make_form
from edgetrack.export.interface import INTERFACE
from edgetrack.export.kind import Source
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, float_network


def open_form(name: str, source: Source, folder: Path, scratch: Path, settings: FormSettings) -> Form:
    """The form `name` from its artefacts in `folder` / name.

    A form that can be opened runs the very files. Any other is made again in `scratch`, and each of its files in
    `folder` has to be equal, byte by byte, to the one that then runs.

    Raises ValueError where artefacts are missing, cannot be read, differ, or are another checkpoint's; FormUnavailable
    where a tool is missing.
    """
    kind, there = FORMS[name], folder / name
    if not kind.writes:
        return make_form(name, source, scratch, settings)
    if not there.is_dir():
        raise ValueError(f"{there}: no such folder; give the folder that `edgetrack export` wrote")
    check_origin(there, source.origin.sha256)
    if kind.open is not None:
        form: Form = kind.open(source, there)
        return form
    form = make_form(name, source, scratch, settings)
    check_same_files(scratch / name, there)
    return form


def open_float_form(name: str, checkpoint: Checkpoint, folder: Path) -> Callable[[HitGraph], NDArray[np.floating]]:
    """As `open_form`, of a float checkpoint; a form that cannot be opened is refused."""
    kind, there = FLOAT_FORMS[name], folder / name
    if kind.open is None:
        raise ValueError(f"the form {name!r} cannot be opened again; verify it without artefacts")
    check_origin(there, checkpoint_digest(checkpoint))
    return kind.open(float_network(checkpoint), there)


def check_origin(there: Path, sha256: str) -> None:
    """Raise ValueError where the artefacts say that they are of another checkpoint, or do not say of which."""
    path = there / INTERFACE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["checkpoint_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: does not name a checkpoint ({error!r}); export the form again") from error
    if found != sha256:
        raise ValueError(f"{path}: made of the checkpoint {found}, wanted {sha256}; give the checkpoint it was made of")


def check_same_files(fresh: Path, there: Path) -> None:
    """Raise ValueError for files of `fresh` that `there` lacks or has otherwise; further ones are nobody's."""
    names = [path.relative_to(fresh) for path in sorted(fresh.rglob("*")) if path.is_file()]
    wrong = [
        name
        for name in names
        if not (there / name).is_file() or (there / name).read_bytes() != (fresh / name).read_bytes()
    ]
    if wrong:
        raise ValueError(
            f"{len(wrong)} of {len(names)} files in {there} are missing or not what this edgetrack writes with these "
            f"settings ({wrong[0].as_posix()}); export the form again, or give the settings it was exported with"
        )


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None

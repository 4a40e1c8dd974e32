"""The checkpoints that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgetrack.models.checkpoint import Checkpoint, load_checkpoint

FOLDER = Path(__file__).parent / "pretrained"
DEFAULT_QUANTISED = "in-1gev-quantised"
DEFAULT_FLOAT = "in-1gev-float"


def checkpoint_path(name: str) -> Path:
    """A checkpoint file, or one of the package's own by name. Raises ValueError naming what is there."""
    path = Path(name)
    if path.is_file():
        return path
    own = FOLDER / f"{name}.safetensors"
    if own.is_file():
        return own
    known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.safetensors")))
    raise ValueError(f"no checkpoint {name!r}: neither a file nor one of the package's own ({known})")


def load_kind(name: str, kind: Literal["float", "quantised"]) -> Checkpoint:
    """A checkpoint by file or name. Raises ValueError, naming one that would do, where it is of the other kind."""
    checkpoint = load_checkpoint(checkpoint_path(name))
    if checkpoint.kind != kind:
        other, verb = (DEFAULT_FLOAT, "train") if kind == "float" else (DEFAULT_QUANTISED, "quantize")
        raise ValueError(
            f"{name!r} is a {checkpoint.kind} checkpoint, wanted a {kind} one: a file that "
            f"`edgetrack {verb}` wrote, or {other!r}, which comes with the package"
        )
    return checkpoint

"""The checkpoints that come with the package."""

from __future__ import annotations

from pathlib import Path

import edgetrack.graphs
import edgetrack.models

FOLDER = Path(edgetrack.models.__file__).parent / "pretrained"
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


def sample_graphs() -> Path:
    """Folder of the simulated hit graphs that come with the package (how: graphs/samples/README.md)."""
    return Path(edgetrack.graphs.__file__).parent / "samples"

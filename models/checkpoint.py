"""Checkpoints: one safetensors file with a network's description, its weights, its thresholds and its own digest."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
from torch import Tensor

from edgetrack.events.atomic_write import atomic_path
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import GraphNetwork

# One key only: the safetensors writer keeps metadata in an unordered map, and equal checkpoints must be equal bytes.
METADATA_KEY = "edgetrack_checkpoint"
FORMAT_VERSION = 3
DIGEST_KEY = "sha256"


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, float or quantised, with the thresholds that were decided on validation graphs.

    Thresholds are logits, not scores. `track_threshold` is the one for building tracks; None: `threshold` serves.
    Raises ValueError for an unknown kind, a threshold that is not finite, or a recipe on the wrong kind.
    """

    kind: Literal["float", "quantised"]
    description: NetworkDescription
    state: dict[str, Tensor]  # the module's state dict, on the CPU
    threshold: float  # logit of δ*, where TPR = TNR on validation graphs
    track_threshold: float | None = None  # logit above which an edge joins two hits to one track
    recipe: dict[str, Any] | None = None  # precision recipe, quantised networks only
    config: dict[str, Any] = field(default_factory=dict)  # resolved config of the training that made it
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in ("float", "quantised"):
            raise ValueError(f"checkpoint kind is {self.kind!r}, wanted 'float' or 'quantised'")
        if (self.recipe is not None) != (self.kind == "quantised"):
            has = "has a" if self.recipe is not None else "lacks its"
            raise ValueError(f"a {self.kind} checkpoint {has} precision recipe; only quantised ones have one")
        for name, value in (("threshold", self.threshold), ("track_threshold", self.track_threshold)):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"checkpoint {name} is {value}, wanted a finite logit")

    @property
    def logit_for_tracks(self) -> float:
        """The logit above which an edge joins two hits: `track_threshold`, else `threshold`."""
        return self.threshold if self.track_threshold is None else self.track_threshold


def save_checkpoint(checkpoint: Checkpoint, path: Path | str) -> None:
    """Write `checkpoint` to `path`, atomically; equal checkpoints give equal bytes.

    Raises ValueError where `config`, `recipe` or `metrics` hold something that JSON cannot (NaN included).
    """
    contents = _contents(checkpoint, path)
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in checkpoint.state.items()}
    metadata = _canonical({**contents, DIGEST_KEY: _digest(contents, state)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(state, metadata={METADATA_KEY: metadata}))


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read what `save_checkpoint` wrote. Nothing in the file is executed.

    Raises FileNotFoundError, or ValueError for a file that is no checkpoint of edgetrack, of another format, or that
    has changed since it was written, be it by one bit.
    """
    path = Path(path)
    contents, state = _read(path)
    if contents.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"{path}: checkpoint format {contents.get('version')}, wanted {FORMAT_VERSION}; read it with the edgetrack "
            "that wrote it, or train it again"
        )
    written = contents.pop(DIGEST_KEY, None)
    found = _digest(contents, state)
    if written != found:
        raise ValueError(
            f"{path}: its contents have the SHA-256 {found}, wanted {written}: the file has changed since it was "
            "written; copy or train it again"
        )
    del contents["version"]
    description = NetworkDescription.from_json(json.dumps(contents.pop("description")))
    return Checkpoint(description=description, state=state, **contents)


def checkpoint_digest(checkpoint: Checkpoint) -> str:
    """SHA-256 of all that `checkpoint` holds, in hex: the one in its file. Raises ValueError as saving does."""
    return _digest(_contents(checkpoint, "checkpoint"), checkpoint.state)


def float_network(checkpoint: Checkpoint) -> GraphNetwork:
    """The network of a float checkpoint, in evaluation mode.

    Raises ValueError for a quantised checkpoint, or where weights and description do not belong together.
    """
    if checkpoint.kind != "float":
        raise ValueError(f"wanted a float checkpoint, got a {checkpoint.kind} one: edgetrack.quantize reads it")
    network = GraphNetwork(checkpoint.description)
    try:
        network.load_state_dict(checkpoint.state)
    except RuntimeError as error:
        raise ValueError(f"weights and description of the checkpoint differ: {error}") from error
    return network.eval()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What stands beside the weights, and the weights."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint; `edgetrack train` writes one")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (safetensors.SafetensorError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error}); copy or train it again") from error
    if METADATA_KEY not in metadata:
        raise ValueError(f"{path}: no {METADATA_KEY!r} in the header; wanted an edgetrack checkpoint")
    try:
        return dict(json.loads(metadata[METADATA_KEY])), state
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged metadata ({error}); copy or train it again") from error


def _contents(checkpoint: Checkpoint, path: Path | str) -> dict[str, Any]:
    """Everything but the weights, in plain types."""
    contents = {
        "version": FORMAT_VERSION,
        "kind": checkpoint.kind,
        "description": json.loads(checkpoint.description.to_json()),
        "threshold": checkpoint.threshold,
        "track_threshold": checkpoint.track_threshold,
        "recipe": checkpoint.recipe,
        "config": checkpoint.config,
        "metrics": checkpoint.metrics,
    }
    try:
        return dict(json.loads(_canonical(contents)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the metadata is not plain JSON ({error}); give plain types") from error


def _canonical(contents: Mapping[str, Any]) -> str:
    return json.dumps(contents, sort_keys=True, allow_nan=False)


def _digest(contents: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(_canonical(contents).encode())
    for name, tensor in sorted(state.items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"\0{name} {values.dtype} {list(values.shape)}\0".encode() + values.numpy().tobytes())
    return digest.hexdigest()

"""Quantised checkpoints: what a file holds ↔ the Brevitas network and the integer model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetrack.models.checkpoint import Checkpoint
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe


def quantized_checkpoint(
    network: QuantizedNetwork,
    threshold: float,
    track_threshold: float | None = None,
    config: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """`network` and its thresholds (logits) as a checkpoint; `quantized_network` gives the same network back."""
    state = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    return Checkpoint(
        "quantised",
        network.description,
        state,
        threshold,
        track_threshold,
        network.recipe.to_dict(),
        dict(config or {}),
        dict(metrics or {}),
    )


def quantized_network(checkpoint: Checkpoint) -> QuantizedNetwork:
    """The Brevitas network of a quantised checkpoint, in evaluation mode.

    Raises ValueError for a float checkpoint, or where weights, recipe and description do not belong together.
    """
    if checkpoint.kind != "quantised" or checkpoint.recipe is None:
        raise ValueError(f"wanted a quantised checkpoint, got a {checkpoint.kind} one; `edgetrack quantize` makes one")
    network = QuantizedNetwork(checkpoint.description, PrecisionRecipe.from_dict(checkpoint.recipe))
    try:
        network.load_state_dict(checkpoint.state)
    except RuntimeError as error:
        raise ValueError(f"weights, recipe and description of the checkpoint differ: {error}") from error
    return network.eval()


def integer_model(checkpoint: Checkpoint) -> IntegerModel:
    """The integer model of a quantised checkpoint. Raises ValueError as `quantized_network` and extraction do."""
    return extract_integer_model(quantized_network(checkpoint))

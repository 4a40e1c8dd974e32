"""What every quantization-aware retraining does: start from float weights, calibrate, fit, take out the integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, float_network, load_checkpoint
from edgetrack.models.devices import end_other_processes, is_first_process
from edgetrack.models.objective import Objective
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.models.rows import Graph
from edgetrack.models.sample import Data
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.quantize.calibration import CalibratedScale, CalibrationConfig, calibrate
from edgetrack.quantize.equalisation import equalised_state
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.scripts.console import Console


class RetrainingConfig(Protocol[Data]):
    """What a retraining reads of the config of its verb."""

    @property
    def name(self) -> str: ...
    @property
    def teacher(self) -> str | None: ...
    @property
    def equalise(self) -> bool: ...
    @property
    def retrain(self) -> bool: ...
    @property
    def calibration(self) -> CalibrationConfig: ...
    @property
    def objective(self) -> Objective[Data]: ...
    @property
    def training(self) -> TrainConfig: ...


def teacher_of(config: RetrainingConfig[Any]) -> Checkpoint | None:
    """The float checkpoint to distil from, where one is named."""
    return None if config.teacher is None else load_checkpoint(checkpoint_path(config.teacher))


def retrained(
    network: QuantizedNetwork,
    state: Mapping[str, Tensor],
    config: RetrainingConfig[Data],
    teacher: Checkpoint | None,
    folder: Path,
    console: Console,
    *,
    calibration: Sequence[Graph],
    train: Sequence[Data],
    validation: Sequence[Data],
) -> IntegerModel:
    """Give `network` the float weights `state`, calibrate and, where wanted, retrain it in place; its integers.

    Run again after an interruption it goes on from the resume point in `folder`.
    """
    network.load_float(equalised_state(state, network.description) if config.equalise else state)
    scales = calibrate(network, calibration, config.calibration)
    if is_first_process(config.training):
        show_scales(scales, console)
    if config.retrain:
        fit(
            network,
            config.objective,
            train,
            validation,
            config.training,
            folder,
            None if teacher is None else float_network(teacher),
            progress=not console.quiet,
            label=config.name,
        )
    end_other_processes(config.training)
    return extract_integer_model(network)


def show_scales(scales: Mapping[str, CalibratedScale], console: Console) -> None:
    """What calibration chose, as a table."""
    console.table(
        "calibration",
        ("tensor", "LSB", "largest value", "saturated"),
        [
            (name, f"2^{scale.exponent}", f"{scale.largest:.4g}", f"{scale.saturated:.2%}")
            for name, scale in scales.items()
        ],
    )


def config_with_origins(config: Any, **checkpoints: Checkpoint | None) -> dict[str, Any]:
    """A verb's config as a checkpoint keeps it, with the digests of what it started from: a path may lead to another
    network one day.
    """
    digests = {name: None if one is None else checkpoint_digest(one) for name, one in checkpoints.items()}
    return {**dataclasses.asdict(config), "sha256": digests}

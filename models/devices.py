"""Where a training runs: what is asked for against what the machine has, and the processes of several devices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from edgetrack.models.train_config import TrainConfig

# What Lightning's launcher leaves behind in the first process; with it, a second training would start no others.
LAUNCH_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def refused_devices(config: TrainConfig) -> Iterator[None]:
    """Turn Lightning's refusal of devices that this machine lacks into a ValueError that says what it has."""
    try:
        yield
    except (MisconfigurationException, ValueError, ImportError, RuntimeError) as error:
        raise ValueError(
            f"training.accelerator={config.accelerator} with training.devices={config.devices} and "
            f"training.strategy={config.strategy} cannot run here ({str(error).strip()}); this machine has: "
            f"{accelerators()}; set those, or training.accelerator=cpu and training.devices=1"
        ) from error


def accelerators() -> str:
    """The devices of this machine in words."""
    gpus = torch.cuda.device_count()
    found = [
        "cpu",
        *([f"{gpus} x gpu (CUDA)"] if gpus else []),
        *(["gpu (mps)"] if torch.backends.mps.is_available() else []),
    ]
    return ", ".join(found)


@contextmanager
def launch_undone() -> Iterator[None]:
    """Leave the environment and the process group as they were, so that a second training can launch its own."""
    before = {name: os.environ.get(name) for name in LAUNCH_VARIABLES}
    grouped = _in_process_group()
    try:
        yield
    finally:
        if _in_process_group() and not grouped:
            torch.distributed.destroy_process_group()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_first_process(config: TrainConfig) -> bool:
    """Whether this process is the first of a training on several devices, or the only one."""
    return config.devices == 1 or all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK"))


def end_other_processes(config: TrainConfig) -> None:
    """End this process, quietly and with success, unless it is the first: one evaluates, saves and prints."""
    if not is_first_process(config):
        raise SystemExit(0)


def _in_process_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()

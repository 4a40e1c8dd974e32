"""Training of a network, float or quantised, for an objective, by Lightning; resumable to bitwise the same weights."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import signal
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor, nn

from edgetrack.models.devices import is_first_process, launch_undone, refused_devices
from edgetrack.models.history import write_history
from edgetrack.models.objective import Objective
from edgetrack.models.pruning_callback import MagnitudePruning
from edgetrack.models.resume_point import ResumePoint, find_resume_point
from edgetrack.models.sample import Data, Sample, Samples
from edgetrack.models.threads import torch_threads
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training_callbacks import EpochProgress, EpochRecord, cpu_state
from edgetrack.models.training_module import TrainingModule


@dataclass(frozen=True)
class FitResult:
    """What a training ends with; `history` has one record an epoch: the objective's figures and the training's own."""

    state: dict[str, Tensor]  # the weights that count, on the CPU
    figures: Mapping[str, float]  # what the objective measures of them on the validation data: its threshold, …
    history: tuple[dict[str, float], ...]


def fit(
    network: nn.Module,
    objective: Objective[Data],
    train: Sequence[Data],
    validation: Sequence[Data],
    config: TrainConfig,
    folder: Path | str,
    teacher: nn.Module | None = None,
    progress: bool = True,
    label: str = "train",
) -> FitResult:
    """Train `network` in place for `objective`; it ends on the CPU in evaluation mode with the weights that count.

    Any module will do whose output is the one that the objective wants. `train` and `validation` are what
    `objective.sample` takes; where it makes None of an element, that is left out. `folder` receives TensorBoard curves,
    the history as CSV at the end, and after every epoch a resume point: called again with the same arguments, a
    training that was killed goes on from there and ends, on the CPU, with bitwise the weights of an uninterrupted one;
    a finished one returns at once.
    Cost: epochs × samples × one loss and its gradient.

    On several devices it returns in each of their processes, with the same result; `end_other_processes` ends all but
    the first, which may train again.

    Raises ValueError without samples, for devices that this machine lacks, where `folder` holds another training or
    nothing but damaged resume points, where training diverges, and as the objective does. A SIGTERM raises SystemExit,
    status 143.
    """
    objective = objective.reading(network, *(() if teacher is None else (teacher,)))
    samples, measured = Samples(objective.sample, train), Samples(objective.sample, validation)
    if not samples or not measured:
        raise ValueError(
            f"{len(train)} training and {len(validation)} validation graphs, of which {len(samples)} and "
            f"{len(measured)} have something to learn from (for edges: any): wanted at least one of each"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    resume = find_resume_point(folder)
    name = fingerprint(network, objective, chain(samples, measured), config, teacher)
    module = TrainingModule(network, objective, config, samples, teacher, name)
    pruning = config.pruning
    record = EpochRecord(
        network, objective, measured, config.seed, 0 if pruning is None else pruning.whole_from(config.epochs)
    )
    callbacks = [
        *([] if pruning is None else [MagnitudePruning(network, pruning, config.epochs)]),
        record,
        ResumePoint(folder),
        *([EpochProgress(label, record)] if progress else []),
    ]
    with torch_threads(config.threads), torch.random.fork_rng(), _quiet_lightning(), launch_undone():
        with refused_devices(config):
            trainer = _trainer(config, folder, callbacks)
        try:
            trainer.fit(module, ckpt_path=None if resume is None else str(resume))
        except SIGTERMException as error:  # by itself it would end the process with status 0
            raise SystemExit(128 + signal.SIGTERM) from error
        trainer.strategy.barrier("trained")
    if trainer.interrupted:
        raise KeyboardInterrupt
    state = record.best_state if config.keep == "best" else cpu_state(network)
    network.cpu().load_state_dict(state)
    network.eval()
    with torch_threads(config.threads):
        figures = record.figures("cpu")
    if is_first_process(config):
        write_history(record.history, folder)
    return FitResult(state, figures, tuple(record.history))


def fingerprint(
    network: nn.Module,
    objective: Objective[Any],
    samples: Iterable[Sample],
    config: TrainConfig,
    teacher: nn.Module | None = None,
) -> str:
    """SHA-256 of all that decides a training: objective, config, samples, network and teacher.

    A network is its weights, its buffers (saved or not), what of it learns, and what its `repr` says of its settings.
    Raises ValueError for an objective that is no dataclass: its settings could not be told.
    """
    if not dataclasses.is_dataclass(objective):
        raise ValueError(
            f"{type(objective).__name__} is no dataclass; make the objective one, with its settings as fields"
        )
    digest = hashlib.sha256(json.dumps(training_settings(config), sort_keys=True).encode() + repr(objective).encode())
    for module in (network, *(() if teacher is None else (teacher,))):
        digest.update(repr(module).encode())
        learns = {name for name, value in module.named_parameters() if value.requires_grad}
        tensors = {**dict(module.named_buffers()), **module.state_dict()}
        for name, value in sorted(tensors.items()):
            digest.update(f"{name} {name in learns}".encode() + value.detach().cpu().contiguous().numpy().tobytes())
    for sample in samples:
        digest.update(json.dumps(sorted(sample.rows.counts.items())).encode())
        for part in (sample.rows.features, sample.rows.ends, sample.targets):
            for name, value in sorted(part.items()):
                digest.update(f"{name} {list(value.shape)}".encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def training_settings(config: Any) -> dict[str, Any]:
    """A config as plain values, without those that came later and are at their default: resume points stay good."""
    told = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("later") and value == field.default:
            continue
        told[field.name] = training_settings(value) if dataclasses.is_dataclass(value) else value
    return told


def _trainer(config: TrainConfig, folder: Path, callbacks: list[Callback]) -> Trainer:
    return Trainer(
        max_epochs=config.epochs,
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=config.strategy,
        precision=config.precision,
        gradient_clip_val=config.gradient_clip,
        callbacks=callbacks,
        logger=TensorBoardLogger(folder, name="tensorboard", version="", default_hp_metric=False),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        use_distributed_sampler=False,
    )


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's tips, and its warnings about settings that are intended."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

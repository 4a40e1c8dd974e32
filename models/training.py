"""Training of an edge classifier, float or quantised, through Lightning; resumable to bitwise the same weights."""

from __future__ import annotations

import hashlib
import json
import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.batches import as_batch
from edgetrack.models.classifier import EdgeClassifier
from edgetrack.models.devices import launch_undone, refused_devices
from edgetrack.models.inference import edge_logits, torch_threads
from edgetrack.models.resume_point import ResumePoint, find_resume_point
from edgetrack.models.thresholds import balanced_threshold, edge_accuracy
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training_callbacks import EpochProgress, EpochRecord, cpu_state


@dataclass(frozen=True)
class FitResult:
    """What a training ends with; `history` has one record an epoch."""

    state: dict[str, Tensor]  # the weights that count, on the CPU
    threshold: float  # logit δ*: TPR = TNR on the validation graphs
    accuracy: float  # edge accuracy at δ* on the validation graphs
    history: tuple[dict[str, float], ...]


def fit(
    network: nn.Module,
    train: Sequence[HitGraph],
    validation: Sequence[HitGraph],
    config: TrainConfig,
    folder: Path | str,
    teacher: nn.Module | None = None,
    progress: bool = True,
    label: str = "train",
) -> FitResult:
    """Train `network` in place; it ends on the CPU in evaluation mode with the weights that count.

    Any module with `network(rows) -> (E,) logits` will do. `folder` receives TensorBoard curves and
    after every epoch a resume point: called again with the same arguments, a training that was killed goes on from
    there and ends, on the CPU, with bitwise the weights of an uninterrupted one; a finished one returns at once.
    Cost: epochs × graphs × one forward and backward pass, O(N + E) each.

    On several devices it returns in each of their processes, with the same result; `end_other_processes` ends all but
    the first, which may train again.

    Graphs without edges are left out: there is nothing to learn from them, and a mean over no edge is no number.

    Raises ValueError without graphs, edges or labels, for devices that this machine lacks, where `folder` holds another
    training or nothing but damaged resume points, and where training diverges. A SIGTERM raises SystemExit, status 143.
    """
    counts = f"{len(train)} training and {len(validation)} validation graphs"
    train, validation = _with_edges(train), _with_edges(validation)
    if not train or not validation:
        raise ValueError(
            f"{counts}, of which {len(train)} and {len(validation)} have edges: wanted at least one of each"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    resume = find_resume_point(folder)
    classifier = EdgeClassifier(
        network,
        config,
        [as_batch(graph) for graph in train],
        teacher,
        fingerprint(network, train, validation, config, teacher),
    )
    record = EpochRecord(network, [as_batch(graph) for graph in validation])
    callbacks = [record, ResumePoint(folder), *([EpochProgress(label, record)] if progress else [])]
    with torch_threads(config.threads), torch.random.fork_rng(), _quiet_lightning(), launch_undone():
        with refused_devices(config):
            trainer = _trainer(config, folder, callbacks)
        try:
            trainer.fit(classifier, ckpt_path=None if resume is None else str(resume))
        except SIGTERMException as error:  # by itself it would end the process with status 0
            raise SystemExit(128 + signal.SIGTERM) from error
        trainer.strategy.barrier("trained")
    if trainer.interrupted:
        raise KeyboardInterrupt
    state = record.best_state if config.keep == "best" else cpu_state(network)
    network.cpu().load_state_dict(state)
    network.eval()
    logits = np.concatenate(edge_logits(network, validation, threads=config.threads))
    y = np.concatenate([graph.y for graph in validation if graph.y is not None])
    threshold = balanced_threshold(logits, y)
    return FitResult(state, threshold, edge_accuracy(logits, y, threshold), tuple(record.history))


def fingerprint(
    network: nn.Module,
    train: Sequence[HitGraph],
    validation: Sequence[HitGraph],
    config: TrainConfig,
    teacher: nn.Module | None = None,
) -> str:
    """SHA-256 of all that decides a training: config, graphs, the network and its first weights, the teacher's.

    A network is its weights, its buffers (saved or not), what of it learns, and what its `repr` says of its settings.
    """
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for module in (network, *(() if teacher is None else (teacher,))):
        digest.update(repr(module).encode())
        learns = {name for name, value in module.named_parameters() if value.requires_grad}
        tensors = {**dict(module.named_buffers()), **module.state_dict()}
        for name, value in sorted(tensors.items()):
            digest.update(f"{name} {name in learns}".encode() + value.detach().cpu().contiguous().numpy().tobytes())
    for graph in (*train, *validation):
        for array in (graph.x, graph.edge_index, graph.y):
            digest.update(b"" if array is None else array.tobytes())
    return digest.hexdigest()


def _with_edges(graphs: Sequence[HitGraph]) -> list[HitGraph]:
    return [graph for graph in graphs if graph.num_edges]


def _trainer(config: TrainConfig, folder: Path, callbacks: list[Callback]) -> Trainer:
    return Trainer(
        max_epochs=config.epochs,
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=config.strategy,
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

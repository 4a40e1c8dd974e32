"""The time of a training epoch beside PyTorch Geometric and Brevitas, and what it is spent on."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.batches import EpochBatches
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.kept_memory import keep_memory
from edgetrack.models.network import GraphNetwork
from edgetrack.models.sample import Sample, Samples
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.threads import torch_threads
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.studies.runtimes import interleaved
from edgetrack.studies.straightforward_networks import pyg_interaction_network
from edgetrack.studies.straightforward_training import CLIP, plain_brevitas, plain_epoch

RATE = 1e-3
TOLERANCE = 1e-4  # relative, of the first loss: the same function, sums in other orders
LATER_TOLERANCE = 2e-2  # of the mean of an epoch, whose weights have moved apart by rounding
MOST_OPERATIONS = 6  # shown of a profile
PROFILED = 2  # graphs


@dataclass(frozen=True)
class TrainingCase:
    """How an epoch is timed; `seed` orders its graphs."""

    name: str  # float or quantised
    repeats: int
    seed: int
    keep_memory: bool = True


def training_case(
    network: GraphNetwork | QuantizedNetwork,
    train: Sequence[HitGraph],
    validation: Sequence[HitGraph],
    case: TrainingCase,
    folder: Path,
) -> dict[str, Any]:
    """Seconds of the processor for an epoch on `train`, one graph a step, by three ways, one thread.

    `edgetrack`: the network in a plain loop of cross-entropy, clipped gradient and Adam; `plain`: the same loop, the
    same weights in PyTorch Geometric's MessagePassing, quantised ones by Brevitas' own quantisers; `train`: the epoch
    that `edgetrack train` does, with Lightning, validation, TensorBoard and a resume point. No random symmetries. The
    medians of repeats, interleaved; `train` is the difference between trainings of three epochs and of one, halved.
    `ratios`: plain / each. `profile`: the share of the largest operations in two steps of `edgetrack`.
    `memory_kept`: as `models.kept_memory`, which is not undone; else all of them pay for page faults.
    Raises RuntimeError where the losses are not the same, before anything is timed. `network` is left as it is.
    """
    objective = EdgeClassification(augmentation=None).reading(network)
    samples = list(EpochBatches(Samples(objective.sample, train), 1, objective.augmented, case.seed, 0))
    peer = _peer(copy.deepcopy(network))
    with torch_threads(1):
        losses = {
            "edgetrack": _epochs(copy.deepcopy(network), samples)(),
            "plain": _epochs(copy.deepcopy(peer), samples)(),
            "train": [_fit(network, train, validation, 1, case, folder)],
        }
        check_losses(losses)
        kept = case.keep_memory and keep_memory()
        ours = _epochs(copy.deepcopy(network), samples)
        times = interleaved({"edgetrack": ours, "plain": _epochs(peer, samples)}, case.repeats, time.process_time)
        begin = time.process_time()
        _fit(network, train, validation, 1, case, folder)
        one = time.process_time() - begin
        _fit(network, train, validation, 3, case, folder)
        times["train"] = (time.process_time() - begin - 2 * one) / 2
        shares = profiled(_epochs(copy.deepcopy(network), samples[:PROFILED]))
    return {
        "name": case.name,
        "size": {"graphs": len(train), "edges": sum(graph.num_edges for graph in train)},
        "memory_kept": kept,
        "losses": {name: float(np.mean(values)) for name, values in losses.items()},
        "seconds": times,
        "ratios": {name: times["plain"] / value for name, value in times.items()},
        "profile": shares,
    }


def quantized_for_training(network: GraphNetwork, graphs: Sequence[HitGraph], weight_bits: int) -> QuantizedNetwork:
    """The network in few bits with its weights, calibrated, as retraining starts from it."""
    quantized = QuantizedNetwork(network.description, PrecisionRecipe(weight_bits=weight_bits))
    quantized.load_float(network.state_dict())
    calibrate(quantized, graphs, CalibrationConfig(graphs=1))
    return quantized


def check_losses(losses: dict[str, list[float]]) -> None:
    """Raises RuntimeError where the first losses differ by more than rounding, or the means of the epoch by much."""
    ours = losses["edgetrack"]
    for name, values in losses.items():
        first = abs(values[0] / ours[0] - 1) if len(values) > 1 else 0.0
        mean = abs(float(np.mean(values)) / float(np.mean(ours)) - 1)
        if not (first <= TOLERANCE and mean <= LATER_TOLERANCE):
            raise RuntimeError(
                f"losses of {name} differ: the first by {first:.2g}, wanted {TOLERANCE}, the mean of the epoch by "
                f"{mean:.2g}, wanted {LATER_TOLERANCE}, of edgetrack's"
            )


def profiled(run: Callable[[], object]) -> dict[str, float]:
    """The share of the processor's time in the operations that take most of it; the rest is `others`."""
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        run()
    averages = profiler.key_averages()
    total = sum(one.self_cpu_time_total for one in averages)
    largest = sorted(averages, key=lambda one: -one.self_cpu_time_total)[:MOST_OPERATIONS]
    shares = {one.key.removeprefix("aten::"): one.self_cpu_time_total / total for one in largest}
    return {**shares, "others": 1 - sum(shares.values())}


def _peer(network: GraphNetwork | QuantizedNetwork) -> nn.Module:
    if isinstance(network, QuantizedNetwork):
        return plain_brevitas(network)
    return pyg_interaction_network(network).train()


def _epochs(network: nn.Module, samples: Sequence[Sample]) -> Callable[[], list[float]]:
    """Each call trains the network for one more epoch."""
    optimizer = torch.optim.Adam([one for one in network.parameters() if one.requires_grad], lr=RATE)
    network.train()
    return lambda: plain_epoch(network, optimizer, samples)


def _fit(
    network: nn.Module,
    train: Sequence[HitGraph],
    validation: Sequence[HitGraph],
    epochs: int,
    case: TrainingCase,
    folder: Path,
) -> float:
    """The mean loss of the first epoch of a training of a copy."""
    schedule = ScheduleConfig(kind="step", learning_rate=RATE, gamma=1.0)
    config = TrainConfig(epochs=epochs, schedule=schedule, gradient_clip=CLIP, seed=case.seed)
    place = folder / f"{case.name}-{time.monotonic_ns()}"  # a folder of its own: nothing to resume
    objective = EdgeClassification(augmentation=None)
    result = fit(copy.deepcopy(network), objective, train, validation, config, place, progress=False)
    return result.history[0]["train_loss"]

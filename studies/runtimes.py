"""Runtimes of one network on a CPU side by side: eager PyTorch Geometric, ONNX Runtime, and the native kernels."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgetrack.export.native.build import chosen_path
from edgetrack.export.native.float_form import NativeFloat
from edgetrack.export.native.form import NativeModel
from edgetrack.export.native.peak import measured_peak
from edgetrack.export.onnx.float_network import float_onnx
from edgetrack.export.onnx.network import index_inputs
from edgetrack.export.onnx.qcdq import qcdq_onnx
from edgetrack.export.onnx.runtime import OnnxSession
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig, compact_hypertrack
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.kept_memory import keep_memory
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import Rows, as_tensors, rows_of
from edgetrack.models.steps import Mlp
from edgetrack.models.threads import torch_threads
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.studies.straightforward_networks import pyg_compact_hypertrack, pyg_interaction_network

TOLERANCE = 1e-3  # of float logits, whose size is of order 1, against PyTorch's: sums in other orders
PEER = "pyg"
NATIVE = ("native_float", "native_int8")

Run = Callable[[], object]


@dataclass(frozen=True)
class RuntimeCase:
    """One network on one random graph."""

    network: str  # interaction_network or compact_hypertrack
    nodes: int
    edges: int
    threads: int
    weight_bits: int
    repeats: int
    seed: int
    optimise: int = 3  # the compiler's -O level of the native kernels


def runtime_case(case: RuntimeCase) -> dict[str, Any]:
    """Milliseconds of each runtime, their ratios to eager PyTorch Geometric, memory, and the share of the peak.

    One thread: time of the processor; several: of the clock. Medians of repeats, all run once before any is run again.
    Raises RuntimeError where results that have to be equal differ.
    """
    graph, description = random_hits(case.nodes, case.edges, case.seed), describe(case.network)
    network = seeded_network(description, case.seed).eval()
    model = quantized_model(description, case.weight_bits, case.seed)
    rows = rows_of(graph, description)
    with torch_threads(case.threads), torch.inference_mode():
        runs = runtimes(network, model, rows, case)
        memory = {name: peak_memory(run) for name, run in runs.items()} if case.threads == 1 else {}
        check(runs, model, case.optimise)
        kept = keep_memory()
        times = interleaved(runs, case.repeats, time.process_time if case.threads == 1 else time.perf_counter)
    return {
        "name": case.network,
        "size": {"nodes": case.nodes, "edges": case.edges},
        "threads": case.threads,
        "weight_bits": case.weight_bits,
        "path": chosen_path(),
        "memory_kept": kept,  # else some pay for page faults
        "ratios": {name: times[PEER] / value for name, value in times.items()},
        "milliseconds": {name: 1e3 * value for name, value in times.items()},
        "peak_megabytes": memory,
        "share_of_peak": shares(description, rows, times, case),
    }


def describe(name: str) -> NetworkDescription:
    """The networks that are compared: 40 hidden units; 16 numbers a hit and 5 layers."""
    known = {
        "interaction_network": lambda: interaction_network(InteractionNetworkConfig(hidden=40)),
        "compact_hypertrack": lambda: compact_hypertrack(CompactHyperTrackConfig()),
    }
    if name not in known:
        raise ValueError(f"network {name!r}, wanted one of {', '.join(known)}")
    return known[name]()


def quantized_model(description: NetworkDescription, weight_bits: int, seed: int) -> IntegerModel:
    """The network with random weights and 8-bit activations, calibrated on a random graph."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
        torch.manual_seed(seed)
        network = QuantizedNetwork(description, PrecisionRecipe(weight_bits=weight_bits, bias_bits=20))
        calibrate(network, [random_hits(200, 2000, seed)], CalibrationConfig(graphs=1))
    return extract_integer_model(network.eval())


def random_hits(nodes: int, edges: int, seed: int) -> HitGraph:
    """Hits anywhere in the tracker and random pairs of them, sorted by the outer one, as construction gives them."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0.03, 1, nodes), rng.uniform(-1, 1, nodes), rng.uniform(-1, 1, nodes)])
    edge_index = rng.integers(0, nodes, (2, edges))
    edge_index[1].sort()
    return HitGraph(x.astype(np.float32), edge_index)


def runtimes(network: GraphNetwork, model: IntegerModel, rows: Rows[NDArray[Any]], case: RuntimeCase) -> dict[str, Run]:
    """Each gives the logits of `rows`, from raw features and indices that are there."""
    tensors, peer = as_tensors(rows), _peer(network)
    indices = index_inputs(network.description, rows)
    sessions = {"onnx": float_onnx(network), "qcdq": qcdq_onnx(model)}
    opened = {name: OnnxSession(content, threads=case.threads) for name, content in sessions.items()}
    inputs = {**rows.features, **indices}
    floats = NativeFloat(network, threads=case.threads, optimise=case.optimise)
    integers = NativeModel(model, threads=case.threads, optimise=case.optimise)
    out = {name: np.empty(rows.counts["edge"], np.float32) for name in NATIVE}
    return {
        PEER: lambda: peer(tensors),
        "pytorch": lambda: network(tensors),
        "onnx": lambda: opened["onnx"].run(inputs)["logits"],
        "qcdq": lambda: opened["qcdq"].run(inputs)["logits"],
        "native_float": lambda: floats.logits(rows, out["native_float"]),
        "native_int8": lambda: integers.logits(rows, out["native_int8"]),
    }


def _peer(network: GraphNetwork) -> nn.Module:
    if network.description.name == "interaction_network":
        return pyg_interaction_network(network)
    return pyg_compact_hypertrack(network, CompactHyperTrackConfig().layers)


def check(runs: Mapping[str, Run], model: IntegerModel, optimise: int) -> None:
    """Raises RuntimeError where floats differ by more than rounding, or integers at all.

    Those of the native kernels are compared with ONNX Runtime's on the graph that is timed, and with the golden
    model's, in int64, on a small one.
    """
    wanted = np.asarray(runs["pytorch"]())
    for name in (PEER, "onnx", "native_float"):
        difference = float(np.abs(np.asarray(runs[name]()) - wanted).max(initial=0.0))
        if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0))):
            raise RuntimeError(f"{name} differs by {difference:.3g} from PyTorch, wanted at most {TOLERANCE}")
    if not np.array_equal(np.asarray(runs["qcdq"]()).ravel(), np.asarray(runs["native_int8"]()).ravel()):
        raise RuntimeError("qcdq and native_int8 give other logits, wanted the same integers in both")
    small = rows_of(random_hits(300, 2000, 5), model.description)
    codes = NativeModel(model, optimise=optimise).codes(small)
    if not np.array_equal(codes, model.run_graph(small)[model.description.output]):
        raise RuntimeError("native codes differ from the integer model's")


def interleaved(runs: Mapping[str, Run], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of each run, all run once before any is run again."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            begin = clock()
            run()
            seconds[name].append(clock() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(run: Run) -> float:
    """Megabytes that one run adds at most to what is there, in a process of its own; results included."""
    with suppress(OSError, AttributeError):  # what earlier runs gave back is not there for this one
        ctypes.CDLL(None).malloc_trim(0)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # the child leaves without anything of the parent's being tidied up
        try:
            before = _status("VmRSS")
            run()
            os.write(write, f"{_status('VmHWM') - before}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return float(text or "nan") / 1024


def _status(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith(key)).split()[1])


def multiply_adds(description: NetworkDescription, counts: Mapping[str, int]) -> int:
    """Of all linear layers on a graph."""
    return sum(
        counts[description.shape(mlp.name).domain] * fan_in * fan_out
        for mlp in description.steps
        if isinstance(mlp, Mlp)
        for fan_in, fan_out in description.layer_widths(mlp)
    )


def shares(
    description: NetworkDescription, rows: Rows[NDArray[Any]], times: Mapping[str, float], case: RuntimeCase
) -> dict[str, float]:
    """Multiply-adds of the layers a second / the most that the same inner loops reach in the nearest cache."""
    peak = measured_peak(chosen_path(), optimise=case.optimise)
    work = multiply_adds(description, rows.counts)
    most = dict(zip(NATIVE, (peak.floats, peak.bytes), strict=True))
    return {name: work / times[name] / (case.threads * most[name]) for name in NATIVE}

"""Inference times of the Interaction Network against the pT threshold; DeZoort et al. (2021), table 3."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.kept_memory import keep_memory
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows, as_tensors, rows_of
from edgetrack.models.threads import torch_threads
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.studies.runtimes import PEER, TOLERANCE, Run, RuntimeCase, check, interleaved, runtimes
from edgetrack.studies.straightforward_networks import pyg_interaction_network

COMPILED, GPU = "compiled", "pyg_gpu"
SKIPPED_GPU = "no GPU that PyTorch can use"


def typical_graph(graphs: Sequence[HitGraph]) -> HitGraph:
    """The graph with the median number of edges, the larger of two. Raises ValueError for none."""
    if not graphs:
        raise ValueError("no graphs to time; give at least one")
    return sorted(graphs, key=lambda graph: graph.num_edges)[len(graphs) // 2]


def calibrated_model(network: GraphNetwork, graph: HitGraph, weight_bits: int) -> IntegerModel:
    """The integers of `network`, 8-bit activations, calibrated on one graph alone: for times, not for physics."""
    quantized = QuantizedNetwork(network.description, PrecisionRecipe(weight_bits=weight_bits, bias_bits=20))
    quantized.load_float(network.state_dict())
    calibrate(quantized, [graph], CalibrationConfig(graphs=1))
    return extract_integer_model(quantized.eval())


def inference_case(
    pt_min: float,
    graph: HitGraph,
    network: GraphNetwork,
    model: IntegerModel,
    threads: int = 1,
    repeats: int = 5,
    compiled: bool = True,
    optimise: int = 3,
) -> dict[str, Any]:
    """Milliseconds of each runtime for the logits of one graph, from features and indices that are there.

    Those of `studies.runtimes`, the network under torch.compile (float32; compiled before the clock starts), and
    PyTorch Geometric on a GPU, with the result back on the host; `skipped` says what could not be run and why. One
    thread: time of the processor; several, and a GPU: of the clock. Medians of repeats, all run once before any is run
    again. Raises RuntimeError where results that have to be equal differ.
    """
    rows = rows_of(graph, network.description)
    case = RuntimeCase("interaction_network", graph.num_nodes, graph.num_edges, threads, 8, repeats, 0, optimise)
    skipped: dict[str, str] = {}
    with torch_threads(threads), torch.inference_mode():
        runs = runtimes(network, model, rows, case)
        check(runs, model, optimise)
        tensors = as_tensors(rows)
        if compiled:
            _add(runs, COMPILED, lambda: _compiled(network, tensors), skipped)
        else:
            skipped[COMPILED] = "--no-compiled"
        on_gpu = _on_gpu(network, tensors) if torch.cuda.is_available() else None
        kept = keep_memory()
        times = interleaved(runs, repeats, time.process_time if threads == 1 else time.perf_counter)
        if on_gpu is None:
            skipped[GPU] = SKIPPED_GPU
        else:
            _check_equal(GPU, on_gpu, runs)
            times |= interleaved({GPU: on_gpu}, repeats, time.perf_counter)
    return {
        "name": f"{pt_min:g} GeV",
        "pt_min": pt_min,
        "graph": graph.name,
        "size": {"nodes": graph.num_nodes, "edges": graph.num_edges},
        "threads": threads,
        "memory_kept": kept,
        "milliseconds": {name: 1e3 * value for name, value in times.items()},
        "ratios": {name: times[PEER] / value for name, value in times.items()},
        "skipped": skipped,
    }


def _add(runs: dict[str, Run], name: str, make: Callable[[], Run], skipped: dict[str, str]) -> None:
    """Add a runtime that this machine may lack, after comparing its result with PyTorch's."""
    try:
        run = make()
    except (RuntimeError, ImportError, OSError) as error:
        skipped[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
        return
    _check_equal(name, run, runs)
    runs[name] = run


def _check_equal(name: str, run: Run, runs: dict[str, Run]) -> None:
    wanted, got = (torch.as_tensor(one()).float().cpu() for one in (runs["pytorch"], run))
    difference = float((got - wanted).abs().max()) if wanted.numel() else 0.0
    if not difference <= TOLERANCE * max(1.0, float(wanted.abs().max()) if wanted.numel() else 1.0):
        raise RuntimeError(f"{name} differs by {difference:.3g} from PyTorch, wanted at most {TOLERANCE}")


def _compiled(network: GraphNetwork, tensors: Rows[torch.Tensor]) -> Run:
    """The network under torch.compile, compiled for these rows."""
    torch._dynamo.reset()  # each threshold has its own compilation, none a fallback to changing sizes
    fast = torch.compile(network, dynamic=False)
    fast(tensors)
    return lambda: fast(tensors)


def _on_gpu(network: GraphNetwork, tensors: Rows[torch.Tensor]) -> Run:
    """PyTorch Geometric on the first GPU, inputs there; the logits come back to the host."""
    peer, rows = pyg_interaction_network(network).to("cuda"), tensors.to("cuda")
    return lambda: peer(rows).cpu()

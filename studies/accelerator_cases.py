"""One accelerator generated, compiled, simulated and compared, beside a published design of its size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.timing import loaded_latency, measure_latency, measured_interval
from edgetrack.export.back_to_back import compare_received
from edgetrack.export.cases import random_graph
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.export.synthesis.device import load_device
from edgetrack.export.tally import Tally
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.pretrained_checkpoints import load_kind
from edgetrack.quantize.calibration import CalibrationConfig, calibrate
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.studies.published_designs import Goal, Size

RANDOM = "random"  # 8 hidden units, 4 effects, random weights
CUTOFFS = (2.0,)  # stages short enough for the clock that is assumed
DEVICE = "xcvu9p"


def network(name: str, seed: int) -> IntegerModel:
    """The integers of a checkpoint, or for "random" of a small interaction network that no one trained."""
    if name != RANDOM:
        return integer_model(load_kind(name, "quantised"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = QuantizedNetwork(interaction_network(InteractionNetworkConfig(hidden=8, effects=4)), PrecisionRecipe())
    calibrate(drawn, load_graphs(sample_graphs())[:2], CalibrationConfig(graphs=2))
    return extract_integer_model(drawn.eval())


def measure(
    size: Size, model: IntegerModel, latency_cutoff: float, clock_mhz: float, seed: int, folder: Path, estimate: bool
) -> dict[str, Any]:
    """One accelerator generated, compiled, simulated and compared, with the seconds of each.

    Cost: seconds to generate, 10 to 40 s to compile; `estimate` adds minutes.
    """
    started = time.perf_counter()
    config = replace(size.config, rtl=RtlConfig(latency_cutoff, 1000.0 / clock_mhz))
    form = export_accelerator(model, folder, config)
    generated = time.perf_counter()
    assert form.library
    compiled = time.perf_counter()
    rng = np.random.default_rng(seed)
    graphs = [random_graph(config.nodes, config.edges, f"graph {index}", rng) for index in range(size.graphs)]
    case = _simulate(form, graphs, mixed_sizes(config, size.graphs, rng))
    simulated = time.perf_counter()
    nanoseconds, rate = case["latency_cycles"] * 1000.0 / clock_mhz, clock_mhz / case["interval_cycles"]
    case |= {
        "assumed_clock_mhz": clock_mhz,
        "nanoseconds": nanoseconds,
        "million_graphs_per_second": rate,
        "published": asdict(size.published),
        "ratios": {
            "latency": size.published.nanoseconds / nanoseconds,
            "rate": rate / size.published.million_graphs_per_second,
        },
        "seconds": {"generate": generated - started, "compile": compiled - generated, "simulate": simulated - compiled},
    }
    if estimate:
        started = time.perf_counter()
        total = form.estimate().total
        case["resources"] = asdict(total)
        case["shares"] = {"device": DEVICE, **load_device(DEVICE).shares(total)}
        case["seconds"]["synthesise"] = time.perf_counter() - started
    return case | {"missed": missed(case, size.goal)}


def mixed_sizes(config: AcceleratorConfig, count: int, rng: np.random.Generator) -> list[HitGraph]:
    """A third of the graphs full, a third of any size, a third small, in random order."""
    graphs = []
    for index in range(count):
        share = rng.choice([1.0, rng.random(), rng.random() / 8])
        size = round(share * config.nodes), round(share * config.edges)
        graphs.append(random_graph(*size, f"mixed {index}", rng))
    return graphs


def _simulate(form: AcceleratorForm, graphs: Sequence[HitGraph], mixed: Sequence[HitGraph]) -> dict[str, Any]:
    """Graphs of full size, and `mixed` ones: both compared with the integers, both timed."""
    model, config = form.plan.model, form.plan.config
    received, loaded = form.run_graphs(graphs), form.run_graphs(mixed)
    tally = Tally(form.name, model.description.output)
    for sent, got in ((graphs, received), (mixed, loaded)):
        wanted = [model.run_graph(graph)[tally.output] for graph in sent]
        compare_received(tally, [graph.name for graph in sent], wanted, got)
    latency, interval = measure_latency(form, graphs[0]), measured_interval(form, graphs, received)
    return {
        "edge_lanes": config.edge_lanes,
        "node_lanes": config.node_lanes,
        "slots": config.graphs_in_flight,
        "accumulators": config.accumulators,
        "latency_cutoff": config.rtl.latency_cutoff,
        "graphs": len(graphs) + len(mixed),
        "logits": sum(graph.num_edges for graph in (*graphs, *mixed)),
        "mismatches": tally.mismatches,
        "distinct_logits": len(tally.outputs),
        "latency_cycles": latency.cycles,
        "interval_cycles": interval.cycles,
        "mixed_sizes": asdict(loaded_latency(form, mixed, loaded)),
        "formula": {"latency_cycles": latency.formula, "interval_cycles": interval.formula},
    }


def missed(case: dict[str, Any], goal: Goal) -> list[str]:
    """What a measured case lacks, in words."""
    lacks = []
    if case["mismatches"]:
        lacks.append(f"{case['mismatches']} of {case['logits']} logits differ from the integers")
    if case["distinct_logits"] < 2:
        lacks.append("all logits are the same, which proves nothing")
    if not case["nanoseconds"] < goal.nanoseconds:
        lacks.append(f"latency {case['nanoseconds']:.0f} ns, wanted below {goal.nanoseconds:.0f}")
    if not case["interval_cycles"] <= goal.interval_cycles:
        lacks.append(f"a graph every {case['interval_cycles']:g} cycles, wanted at most {goal.interval_cycles:g}")
    if not case["million_graphs_per_second"] > goal.million_graphs_per_second:
        lacks.append(
            f"{case['million_graphs_per_second']:.3f} M graphs/s, wanted above {goal.million_graphs_per_second}"
        )
    lacks += [
        f"{name} {case[name]:g}, by the formula {value:g}"
        for name, value in case["formula"].items()
        if case[name] != value
    ]
    if case["seconds"]["generate"] > 60:
        lacks.append(f"generated in {case['seconds']['generate']:.0f} s, wanted within 60")
    if case.get("resources", {}).get("dsp"):
        lacks.append(f"{case['resources']['dsp']} DSP, wanted none")
    return lacks

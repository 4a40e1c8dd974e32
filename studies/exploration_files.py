"""What an exploration leaves in the run folder: all candidates as CSV and JSON, the chosen one's settings as YAML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.exploration.grid import Candidate, Grid
from edgetrack.export.synthesis.device import Device
from edgetrack.export.synthesis.yosys import AMOUNTS


def row(candidate: Candidate, device: Device) -> dict[str, Any]:
    """A candidate as one flat row: settings, cycles, times, resources, shares of the device."""
    config = candidate.config
    shares = device.shares(candidate.resources)
    return {
        "hidden": candidate.hidden,
        "weight_bits": candidate.weight_bits,
        "activation_bits": candidate.activation_bits,
        "edge_lanes": config.edge_lanes,
        "node_lanes": config.node_lanes,
        "graphs_in_flight": config.graphs_in_flight,
        "accumulators": config.accumulators,
        "latency_cutoff": config.rtl.latency_cutoff,
        "clock_mhz": candidate.clock_mhz,
        "latency_cycles": candidate.latency_cycles,
        "interval_cycles": candidate.interval_cycles,
        "latency_ns": round(1000 * candidate.latency_us, 1),
        "million_graphs_per_s": round(candidate.million_graphs_per_s, 4),
        **{name: getattr(candidate.resources, name) for name in AMOUNTS},
        **{f"{name}_share": round(share, 5) for name, share in shares.items()},
    }


def write_candidates(
    candidates: Sequence[Candidate], front: Collection[Candidate], device: Device, grid: Grid, folder: Path
) -> tuple[Path, Path]:
    """exploration.csv and exploration.json; `front` marks those that no other beats."""
    rows = [{**row(one, device), "front": one in front} for one in candidates]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    table, tree = folder / "exploration.csv", folder / "exploration.json"
    write_text(table, text.getvalue())
    about = {
        "device": device.part,
        "nodes": grid.nodes,
        "edges": grid.edges,
        "basis": candidates[0].resources.basis,
        "grid": asdict(grid),
    }
    write_text(tree, json.dumps(about | {"candidates": rows}, indent=1) + "\n")
    return table, tree


def settings_yaml(candidate: Candidate, checkpoint: str | None, figures: Mapping[str, Any], file: str) -> str:
    """Settings that `edgetrack export --config` takes to write the chosen accelerator.

    `checkpoint` is the trained network's; None for drawn weights: then the comments say what to train first.
    """
    config = asdict(candidate.config)
    tree: dict[str, Any] = {"to": [ACCELERATOR.name], "settings": {ACCELERATOR.name: config}}
    if checkpoint is not None:
        tree = {"checkpoint": checkpoint, **tree}
        head = [f"edgetrack export --config {file}"]
    else:
        head = [
            "Sized with random weights. Train and retrain a network of this size first:",
            f"  edgetrack train --set network.hidden={candidate.hidden} …",
            f"  edgetrack quantize --set recipe.weight_bits={candidate.weight_bits} "
            f"--set recipe.activation_bits={candidate.activation_bits} "
            f"--set recipe.aggregation_bits={candidate.activation_bits} …",
            f"  edgetrack export --config {file} --checkpoint YOURS.safetensors",
        ]
    head += [f"{name}: {value}" for name, value in figures.items()]
    return "\n".join(f"# {line}" for line in head) + "\n" + yaml.safe_dump(tree, sort_keys=False)

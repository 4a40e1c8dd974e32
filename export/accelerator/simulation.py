"""The accelerator under Verilator, clock by clock, with random gaps and stalls on its streams."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.streams import (
    CodedGraph,
    Received,
    Stream,
    edge_stream,
    node_stream,
    read_logits,
)
from edgetrack.export.rtl.verilator import build_simulation

NEVER = 2**64 - 1  # no clock comes to that
PATIENCE = 1_000_000  # clocks without any movement that count as a deadlock
FAULTS = {
    -1: f"stands still: nothing moved for {PATIENCE} clocks",
    -2: "changed a row of logits while it was held",
    -3: "gave more rows of logits than it was given edges",
}
# Counters, addresses and constants of different widths meet everywhere; values go through fields of stated width.
LINT = ("-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC", "--timescale", "1ns/1ps")


@dataclass(frozen=True)
class Stalls:
    """Chance, each clock, that a stream pauses, from 0 to below 1; reproducible by `seed`."""

    nodes: float = 0.0
    edges: float = 0.0
    logits: float = 0.0
    seed: int = 0


class _Input(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("data", "keep", "last", "taken")),
        *((name, ctypes.c_uint64) for name in ("rows", "words")),
        ("gap", ctypes.c_uint32),
    )


class _Output(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("data", "keep", "last", "overflow", "given")),
        *((name, ctypes.c_uint64) for name in ("room", "words", "graphs")),
        ("stall", ctypes.c_uint32),
    )


class _Watch(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("clocks", "wires")),
        *((name, ctypes.c_uint64) for name in ("room", "count")),
    )


@dataclass(frozen=True)
class PassClocks:
    """When a pass (or "load", which writes the nodes down) worked on a graph."""

    start: int  # issued its first row
    last: int  # issued its last row
    done: int  # told the next pass


@dataclass(frozen=True)
class AcceleratorLibrary:
    """A compiled simulation of one accelerator."""

    path: Path
    plan: Plan

    def run(self, graphs: Sequence[CodedGraph], stalls: Stalls | None = None, reset: int = NEVER) -> list[Received]:
        """Send `graphs` one behind the other, as fast as they are taken; what left for each, in order.

        Registers and memories start with values of chance, by the seed of `stalls`. There is one clock of reset before
        clock `reset`, amid the traffic; then all graphs come again, and what left before is forgotten. Raises
        RuntimeError where the accelerator stands still or breaks the stream's rules.
        """
        return self._simulate(graphs, stalls or Stalls(), None, reset) if graphs else []

    def watch(self, graphs: Sequence[CodedGraph]) -> tuple[list[Received], list[dict[str, PassClocks]]]:
        """`run` without stalls, and for each graph the clocks of every pass as they were seen on its wires."""
        room = len(graphs) * len(watched_wires(self.plan))
        clocks, wires = np.zeros(room, np.uint64), np.zeros(room, np.uint32)
        watch = _Watch(clocks.ctypes.data, wires.ctypes.data, room, 0)
        received = self._simulate(graphs, Stalls(), watch)
        seen = [clocks[wires == wire].astype(int) for wire in range(len(watched_wires(self.plan)))]
        return received, [
            {
                name: PassClocks(*(int(seen[3 * place + kind][graph]) for kind in range(3)))
                for place, name in enumerate(pass_names(self.plan))
            }
            for graph in range(len(graphs))
        ]

    def _simulate(
        self, graphs: Sequence[CodedGraph], stalls: Stalls, watch: _Watch | None, reset: int = NEVER
    ) -> list[Received]:
        nodes, edges = node_stream(self.plan, graphs), edge_stream(self.plan, graphs)
        node_taken, edge_taken = (np.zeros(len(stream.last), np.uint64) for stream in (nodes, edges))
        rows = len(edges.last)
        bits = self.plan.bits(self.plan.passes[-1].name) * self.plan.config.edge_lanes
        data, keep = np.zeros((rows, -(-bits // 32)), np.uint32), np.zeros((rows, 2), np.uint32)
        last, overflow, given = np.zeros(rows, np.uint8), np.zeros(rows, np.uint8), np.zeros(rows, np.uint64)
        output = _Output(
            *(array.ctypes.data for array in (data, keep, last, overflow, given)),
            rows,
            data.shape[1],
            len(graphs),
            _chance(stalls.logits),
        )
        simulate = ctypes.CDLL(str(self.path)).simulate
        simulate.restype = ctypes.c_int64
        simulate.argtypes = [*[ctypes.c_void_p] * 4, *[ctypes.c_uint64] * 3]
        got = simulate(
            ctypes.byref(_input(nodes, node_taken, stalls.nodes)),
            ctypes.byref(_input(edges, edge_taken, stalls.edges)),
            ctypes.byref(output),
            None if watch is None else ctypes.byref(watch),
            stalls.seed,
            PATIENCE,
            reset,
        )
        if got < 0:
            raise RuntimeError(f"accelerator {FAULTS[got]}")
        ends = np.flatnonzero(last[:got]) + 1
        starts = np.concatenate([[0], ends[:-1]])
        first_rows = np.concatenate([[0], np.flatnonzero(nodes.last)[:-1] + 1])
        return [
            Received(
                read_logits(self.plan, data[start:end], keep[start:end]),
                bool(overflow[end - 1]),
                int(node_taken[first]),
                int(given[end - 1]),
            )
            for start, end, first in zip(starts, ends, first_rows, strict=True)
        ]


def pass_names(plan: Plan) -> list[str]:
    """What `AcceleratorLibrary.watch` tells of, in the order of a graph's way."""
    return ["load", *(made.name for made in plan.passes)]


def watched_wires(plan: Plan) -> list[str]:
    """Wires of the top module that are high in one clock a graph: start, last row and done of each pass."""
    return [f"{name}_{what}" for name in pass_names(plan) for what in ("start", "last", "done")]


def build_accelerator(
    sources: dict[str, str], top: str, plan: Plan, folder: Path, break_bypass: int = 0
) -> AcceleratorLibrary:
    """Compile the accelerator's Verilog into a library in `folder`; seconds for few lanes, a minute for many.

    `break_bypass` 1, 2 or 3 leaves out one stage of the accumulators' bypass, for tests that must notice. Raises
    FormUnavailable without Verilator or g++.
    """
    testbench = resources.files("edgetrack.hls_projects").joinpath("rtl/accelerator_sim.cpp").read_text()
    wires = watched_wires(plan)
    seen = "".join(f'public_flat_rd -module "{top}" -var "{wire}"\n' for wire in wires)
    # Verilator writes a doubled underscore of a name so.
    members = ", ".join(f"root->{top}__DOT__{wire.replace('__', '___05F')}" for wire in wires)
    library = build_simulation(
        sources | {"watch.vlt": f"`verilator_config\n{seen}"},
        top,
        f"#define WATCHED(root) {members}\n{testbench}",
        folder,
        options=(*LINT, f"-GBREAK_BYPASS={break_bypass}"),
        parts=[f"{made.name}_pipeline" for made in plan.passes],
    )
    return AcceleratorLibrary(library, plan)


def _chance(probability: float) -> int:
    if not 0 <= probability < 1:
        raise ValueError(f"a stream pauses with chance {probability}, wanted 0 up to below 1")
    return round(probability * 65536)


def _input(stream: Stream, taken: Any, gap: float) -> _Input:
    arrays = (stream.data, stream.keep, stream.last, taken)
    return _Input(*(array.ctypes.data for array in arrays), len(stream.last), stream.data.shape[1], _chance(gap))

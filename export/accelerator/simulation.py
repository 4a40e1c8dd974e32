"""The accelerator under Verilator, clock by clock, with random gaps and stalls on its streams."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.simulated_rows import LogitRows, SentRows, Watch, chance, join_words
from edgetrack.export.accelerator.streams import (
    CodedGraph,
    Packet,
    Received,
    Stream,
    edge_stream,
    node_stream,
    read_logits,
)
from edgetrack.export.rtl.verilator import build_simulation, testbench

NEVER = 2**64 - 1  # no clock comes to that
PATIENCE = 1_000_000  # clocks without any movement that count as a deadlock
SPARE_ROWS = 4096  # of logits, for graphs that were cut off
FAULTS = {
    -1: "stands still: nothing moved for {patience} clocks",
    -2: "changed a row of logits while it was held",
    -3: "gave more rows of logits than it was given edges",
}
LINT = ("--timescale", "1ns/1ps")


@dataclass(frozen=True)
class Stalls:
    """Chance, each clock, that a stream pauses, from 0 to below 1; reproducible by `seed`."""

    nodes: float = 0.0
    edges: float = 0.0
    logits: float = 0.0
    seed: int = 0


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

        Registers and memories start with random values, by the seed of `stalls`. One clock of reset comes before clock
        `reset`, while graphs are inside; then all are sent again, and what left before is forgotten. Raises
        RuntimeError where the accelerator stands still or breaks the stream's rules.
        """
        return self._run(graphs, stalls or Stalls(), None, reset) if graphs else []

    def play(self, nodes: Stream, edges: Stream, stalls: Stalls | None = None, patience: int = 2000) -> list[Packet]:
        """Send any rows, malformed or not, until nothing has moved for `patience` clocks; what left, in order.

        Raises RuntimeError as `run` does, and where a row is not taken.
        """
        rows, _ = self._simulate(nodes, edges, stalls or Stalls(), None, NEVER, 0, patience)
        return self._packets(rows)

    def watch(self, graphs: Sequence[CodedGraph]) -> tuple[list[Received], list[dict[str, PassClocks]]]:
        """`run` without stalls, and for each graph the clocks of every pass as they were seen on its wires."""
        room = len(graphs) * len(watched_wires(self.plan))
        clocks, wires = np.zeros(room, np.uint64), np.zeros(room, np.uint32)
        watch = Watch(clocks.ctypes.data, wires.ctypes.data, room, 0)
        received = self._run(graphs, Stalls(), watch, NEVER)
        seen = [clocks[wires == wire].astype(int) for wire in range(len(watched_wires(self.plan)))]
        return received, [
            {
                name: PassClocks(*(int(seen[3 * place + kind][graph]) for kind in range(3)))
                for place, name in enumerate(pass_names(self.plan))
            }
            for graph in range(len(graphs))
        ]

    def _run(self, graphs: Sequence[CodedGraph], stalls: Stalls, watch: Watch | None, reset: int) -> list[Received]:
        nodes, edges = node_stream(self.plan, graphs), edge_stream(self.plan, graphs)
        rows, taken = self._simulate(nodes, edges, stalls, watch, reset, len(graphs), PATIENCE)
        first_rows = np.concatenate([[0], np.flatnonzero(nodes.last)[:-1] + 1])
        return [
            Received(**vars(packet), first_node=int(taken[first]))
            for packet, first in zip(self._packets(rows), first_rows, strict=True)
        ]

    def _simulate(
        self,
        nodes: Stream,
        edges: Stream,
        stalls: Stalls,
        watch: Watch | None,
        reset: int,
        graphs: int,
        patience: int,
    ) -> tuple[LogitRows, NDArray[np.uint64]]:
        """Rows of logits, and the clock at which each row of nodes was taken."""
        lanes, number_bits = self.plan.config.edge_lanes, self.plan.config.graph_number_bits
        # As many rows as of edges; where graphs are cut off, one more for each.
        room = len(edges.last) if graphs else len(edges.last) + len(nodes.last) + SPARE_ROWS
        rows = LogitRows.with_room(room, self.plan.bits(self.plan.passes[-1].name) * lanes)
        sent = [
            SentRows(stream, number_bits, chance(gap)) for stream, gap in ((nodes, stalls.nodes), (edges, stalls.edges))
        ]
        output = rows.output(graphs, chance(stalls.logits))
        simulate = ctypes.CDLL(str(self.path)).simulate
        simulate.restype = ctypes.c_int64
        simulate.argtypes = [*[ctypes.c_void_p] * 4, *[ctypes.c_uint64] * 3]
        got = simulate(
            *(ctypes.byref(stream.input) for stream in sent),
            ctypes.byref(output),
            None if watch is None else ctypes.byref(watch),
            stalls.seed,
            patience,
            reset,
        )
        if got < 0:
            raise RuntimeError(f"accelerator {FAULTS[got].format(patience=patience)}")
        return rows.first(got), sent[0].taken

    def _packets(self, rows: LogitRows) -> list[Packet]:
        number_bits, user = self.plan.config.graph_number_bits, join_words(rows.user)
        ends = np.flatnonzero(rows.last) + 1
        return [
            Packet(
                read_logits(self.plan, rows.data[start:end], rows.keep[start:end]),
                int(user[end - 1]) & ((1 << number_bits) - 1),
                Flags(int(user[end - 1]) >> number_bits),
                int(rows.given[end - 1]),
            )
            for start, end in zip([0, *ends][: len(ends)], ends, strict=True)
        ]


def pass_names(plan: Plan) -> list[str]:
    """What `AcceleratorLibrary.watch` tells of, in the order of a graph's way."""
    return ["load", *(made.name for made in plan.passes)]


def watched_wires(plan: Plan) -> list[str]:
    """Wires of the top module that are high in one clock a graph: start, last row and done of each pass."""
    return [f"{name}_{what}" for name in pass_names(plan) for what in ("start", "last", "done")]


def build_accelerator(sources: dict[str, str], top: str, plan: Plan, folder: Path) -> AcceleratorLibrary:
    """Compile the accelerator's Verilog into a library in `folder`; seconds for few lanes, a minute for many.

    Raises FormUnavailable without Verilator or g++.
    """
    wires = watched_wires(plan)
    seen = "".join(f'public_flat_rd -module "{top}" -var "{wire}"\n' for wire in wires)
    # Verilator writes a doubled underscore of a name so.
    members = ", ".join(f"root->{top}__DOT__{wire.replace('__', '___05F')}" for wire in wires)
    library = build_simulation(
        sources | {"watch.vlt": f"`verilator_config\n{seen}"},
        top,
        f"#define WATCHED(root) {members}\n{testbench('accelerator_sim.cpp')}",
        folder,
        options=LINT,
        parts=[f"{plan.config.module_prefix}{made.name}_pipeline" for made in plan.passes],
    )
    return AcceleratorLibrary(library, plan)

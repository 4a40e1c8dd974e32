"""The accelerator behind pins in simulation: graphs as words in, logits out of words."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.accelerator.form import AcceleratorForm
from edgetrack.export.accelerator.simulation import LINT
from edgetrack.export.accelerator.streams import CodedGraph, Stream, edge_stream, node_stream, read_logits
from edgetrack.export.rtl.verilator import build_simulation
from edgetrack.export.synthesis.pin_harness import StreamPort, pin_harness, stream_ports

TESTBENCH = Path(__file__).parents[1] / "hls_projects" / "rtl" / "pins_sim.cpp"


class PinSimulation:
    """A compiled simulation of a form's harness; `sources` are another version of it, such as its netlist."""

    def __init__(
        self,
        form: AcceleratorForm,
        sources: Mapping[str, str] | None = None,
        word_bits: int = 16,
        definitions: Sequence[str] = (),
        options: Sequence[str] = LINT,
    ) -> None:
        self.form, self.word_bits = form, word_bits
        top, harness = pin_harness(dict(form.sources), form.top, word_bits)
        self.ports = stream_ports("\n".join(harness.values()), form.top)
        library = build_simulation(
            sources or harness,
            top,
            TESTBENCH.read_text(),
            form.folder / "sim",
            definitions=definitions,
            options=options,
        )
        self.simulate = ctypes.CDLL(str(library)).simulate
        self.simulate.restype = ctypes.c_uint64
        self.simulate.argtypes = [kind for _ in range(3) for kind in (ctypes.c_void_p, ctypes.c_uint64)] + [
            ctypes.c_uint32,
            ctypes.c_uint64,
            ctypes.c_uint64,
        ]

    def run(self, graphs: Sequence[CodedGraph], pause: float) -> list[NDArray[np.int64]]:
        """(E, width) codes of each graph; the streams pause with that chance each clock."""
        plan, (node, edge, logit) = self.form.plan, self.ports
        edges = edge_stream(plan, graphs)
        sent = [
            self._words(node_stream(plan, graphs), node, plan.config.node_lanes),
            self._words(edges, edge, plan.config.edge_lanes),
        ]
        got = np.zeros(len(edges.last) * logit.words(self.word_bits), np.uint32)
        given = self.simulate(
            sent[0].ctypes.data,
            len(sent[0]),
            sent[1].ctypes.data,
            len(sent[1]),
            got.ctypes.data,
            len(got),
            int(pause * 65536),
            1,
            10_000,
        )
        assert given == len(got), f"it stands still, or changes a held word, after {given} of {len(got)} words"
        return self._logits(got, logit)

    def _words(self, stream: Stream, port: StreamPort, lanes: int) -> NDArray[np.uint32]:
        bits, mask, made = dict(port.fields)["tdata"], (1 << self.word_bits) - 1, []
        number_bits = self.form.plan.config.graph_number_bits
        for data, keep, last, number, count in zip(
            stream.data, stream.keep, stream.last, stream.number, stream.count, strict=True
        ):
            row = sum(int(word) << (32 * index) for index, word in enumerate(data))
            user = int(number) | int(count) << number_bits
            row |= (int(keep[0]) | int(last) << lanes | user << (lanes + 1)) << bits
            made += [(row >> (self.word_bits * index)) & mask for index in range(port.words(self.word_bits))]
        return np.array(made, np.uint32)

    def _logits(self, words: NDArray[np.uint32], port: StreamPort) -> list[NDArray[np.int64]]:
        bits, lanes = dict(port.fields)["tdata"], self.form.plan.config.edge_lanes
        rows = [
            sum(int(word) << (self.word_bits * index) for index, word in enumerate(row))
            for row in words.reshape(-1, port.words(self.word_bits))
        ]
        users = [row >> (bits + lanes + 1) for row in rows]
        assert not any(user >> self.form.plan.config.graph_number_bits for user in users)  # no flag, nothing above it
        keep = np.array([[(row >> bits) & ((1 << lanes) - 1), 0] for row in rows], np.uint32)
        data = np.array([[(row >> (32 * i)) & 0xFFFFFFFF for i in range(-(-bits // 32))] for row in rows], np.uint32)
        ends = np.flatnonzero([(row >> (bits + lanes)) & 1 for row in rows]) + 1
        return [
            read_logits(self.form.plan, data[start:end], keep[start:end])
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        ]

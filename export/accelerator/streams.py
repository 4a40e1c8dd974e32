"""Graphs as the accelerator's streams: rows of packed lanes, and logits back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.widths import make_widths
from edgetrack.export.form import InexactForm
from edgetrack.export.rtl.pipelines import pack_columns, unpack_columns
from edgetrack.quantize.fixed_point import Format, IntArray


@dataclass(frozen=True)
class CodedGraph:
    """A graph's quantised inputs by name, and its edges."""

    inputs: Mapping[str, IntArray]
    edge_index: IntArray  # (2, E) source → target


@dataclass(frozen=True)
class Stream:
    """Rows of a stream; every graph ends with `last`, an empty one is one row without lanes."""

    data: NDArray[np.uint32]  # (rows, words)
    keep: NDArray[np.uint32]  # (rows, 2) one bit a lane
    last: NDArray[np.uint8]  # (rows,)
    number: NDArray[np.uint32]  # (rows,) the graph's, the same in all its rows
    count: NDArray[np.uint32]  # (rows,) the graph's nodes or edges

    def take(self, rows: ArrayLike) -> Stream:
        """The rows with these indices, in this order."""
        index = np.asarray(rows, np.int64)
        return Stream(*(getattr(self, one.name)[index] for one in fields(self)))


@dataclass(frozen=True)
class Packet:
    """One graph's logits as they left."""

    codes: IntArray  # (E, width)
    number: int  # the graph's, modulo 2^graph_number_bits
    flags: Flags
    last_logit: int  # clock at which its last row of logits was given


@dataclass(frozen=True)
class Received(Packet):
    """The logits of a graph that came whole."""

    first_node: int  # clock at which its first row of nodes was taken

    def fitting_codes(self, graph: str, output: str) -> IntArray:
        """Codes of `output` for a graph that fits. Raises InexactForm where it is flagged all the same."""
        if self.flags:
            raise InexactForm(f"{graph} is flagged ({self.flags!r}), but came whole and fits", output)
        return self.codes


def node_stream(plan: Plan, graphs: Sequence[CodedGraph]) -> Stream:
    columns = [fmt for value in plan.node_inputs for fmt in plan.model.columns(value.name)]
    names = [value.name for value in plan.node_inputs]
    rows = [np.concatenate([graph.inputs[name] for name in names], axis=1) for graph in graphs]
    widths = make_widths(plan)
    return _stream(rows, columns, plan.config.node_lanes, widths.number, widths.node_count)


def edge_stream(plan: Plan, graphs: Sequence[CodedGraph]) -> Stream:
    """Raises ValueError for an index that the stream's fields cannot hold."""
    widths = make_widths(plan)
    index = Format(widths.index, 0, signed=False)
    columns = [index, index, *(fmt for value in plan.edge_inputs for fmt in plan.model.columns(value.name))]
    names = [value.name for value in plan.edge_inputs]
    rows = [np.concatenate([graph.edge_index.T, *(graph.inputs[name] for name in names)], axis=1) for graph in graphs]
    return _stream(rows, columns, plan.config.edge_lanes, widths.number, widths.edge_count)


def read_logits(plan: Plan, data: NDArray[np.uint32], keep: NDArray[np.uint32]) -> IntArray:
    """(E, width) codes of the kept lanes of rows of logits."""
    columns = plan.model.columns(plan.passes[-1].name)
    lanes = plan.config.edge_lanes
    codes = unpack_columns(data, list(columns) * lanes).reshape(len(data), lanes, len(columns))
    kept = np.unpackbits(keep.astype("<u4").view(np.uint8), axis=1, bitorder="little")[:, :lanes].astype(bool)
    logits: IntArray = codes[kept]
    return logits


def _stream(
    graphs: Sequence[IntArray], columns: Sequence[Format], lanes: int, number_bits: int, count_bits: int
) -> Stream:
    lengths = [max(1, -(-len(codes) // lanes)) for codes in graphs]
    ends = np.cumsum(lengths)
    codes = np.zeros((sum(lengths) * lanes, len(columns)), np.int64)
    keep = np.zeros((sum(lengths) * lanes,), np.uint8)
    for length, end, own in zip(lengths, ends, graphs, strict=True):
        first = (end - length) * lanes
        codes[first : first + len(own)] = own
        keep[first : first + len(own)] = 1
    bits = np.packbits(keep.reshape(-1, lanes), axis=1, bitorder="little")
    masks = np.zeros((sum(lengths), 8), np.uint8)
    masks[:, : bits.shape[1]] = bits
    last = np.zeros(sum(lengths), np.uint8)
    last[ends - 1] = 1
    data = pack_columns(codes.reshape(-1, lanes * len(columns)), list(columns) * lanes)
    numbers = np.repeat(np.arange(len(graphs)), lengths) % (1 << number_bits)
    counts = np.repeat([len(own) for own in graphs], lengths) % (1 << count_bits)
    return Stream(data, masks.view("<u4").astype(np.uint32), last, numbers.astype(np.uint32), counts.astype(np.uint32))

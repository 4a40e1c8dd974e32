"""Streams with one graph that came malformed, in all the ways in which rows and packets are lost or too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from edgetrack.export.accelerator.streams import Stream


class Malformed(NamedTuple):
    """A stream, and the graphs that its fault touches: those whose logits may no longer be right."""

    stream: Stream
    touched: set[int]


Fault = Callable[[Stream, int], Malformed]  # in the stream's packet of this number


@dataclass(frozen=True)
class _Packet:
    """Rows of one graph in a stream whose graphs have the numbers 0, 1, 2, …"""

    stream: Stream
    graph: int

    @property
    def rows(self) -> np.ndarray:
        return np.flatnonzero(self.stream.number == self.graph)

    def without(self, *places: int) -> Stream:
        return self.stream.take(np.delete(np.arange(len(self.stream.last)), self.rows[list(places)]))

    def twice(self, first: int, end: int | None = None) -> Stream:
        rows = self.rows[first:end]
        return self.stream.take(np.insert(np.arange(len(self.stream.last)), rows[-1] + 1, rows))

    def changed(self, name: str, place: int, value: int) -> Stream:
        column = getattr(self.stream, name).copy()
        column[self.rows[place]] = value
        return replace(self.stream, **{name: column})


def lost_last(stream: Stream, graph: int) -> Malformed:
    return Malformed(_Packet(stream, graph).changed("last", -1, 0), {graph})


def early_last(stream: Stream, graph: int) -> Malformed:
    return Malformed(_Packet(stream, graph).changed("last", 1, 1), {graph})


def lost_row(place: int) -> Fault:
    return lambda stream, graph: Malformed(_Packet(stream, graph).without(place), {graph})


def repeated_row(stream: Stream, graph: int) -> Malformed:
    return Malformed(_Packet(stream, graph).twice(1, 2), {graph})


def repeated_last_row(stream: Stream, graph: int) -> Malformed:
    """Discarded: the graph is whole before it comes."""
    return Malformed(_Packet(stream, graph).twice(-1), set())


def lost_packets(count: int) -> Fault:
    def lost(stream: Stream, graph: int) -> Malformed:
        gone = (stream.number >= graph) & (stream.number < graph + count)
        return Malformed(stream.take(np.flatnonzero(~gone)), set(range(graph, graph + count)))

    return lost


def repeated_packet(stream: Stream, graph: int) -> Malformed:
    """Discarded, the second time."""
    return Malformed(_Packet(stream, graph).twice(0), set())


def swapped_packets(stream: Stream, graph: int) -> Malformed:
    """The later one cuts the earlier one off, which is discarded then."""
    rows = np.arange(len(stream.last))
    first, second = _Packet(stream, graph).rows, _Packet(stream, graph + 1).rows
    rows[first[0] : second[-1] + 1] = np.concatenate([second, first])
    return Malformed(stream.take(rows), {graph})


def row_of_the_next_graph(stream: Stream, graph: int) -> Malformed:
    """Before the last row of this one, which it cuts off."""
    rows = np.arange(len(stream.last))
    last = _Packet(stream, graph).rows[-1]
    rows[[last, last + 1]] = rows[[last + 1, last]]
    return Malformed(stream.take(rows), {graph})


def wrong_number(stream: Stream, graph: int) -> Malformed:
    """One row says that it is of the next graph, which then has a row too many."""
    return Malformed(_Packet(stream, graph).changed("number", 1, graph + 1), {graph, graph + 1})


def wrong_count(stream: Stream, graph: int) -> Malformed:
    packet = _Packet(stream, graph)
    return Malformed(packet.changed("count", -1, int(stream.count[packet.rows[-1]]) ^ 1), {graph})


def kept_lanes(place: int, keep: int) -> Fault:
    def kept(stream: Stream, graph: int) -> Malformed:
        changed = stream.keep.copy()
        changed[_Packet(stream, graph).rows[place], 0] = keep
        return Malformed(replace(stream, keep=changed), {graph})

    return kept


FAULTS: dict[str, Fault] = {
    "lost tlast": lost_last,
    "early tlast": early_last,
    "lost first row": lost_row(0),
    "lost row": lost_row(1),
    "lost last row": lost_row(-1),
    "repeated row": repeated_row,
    "repeated last row": repeated_last_row,
    "lost packet": lost_packets(1),
    "three lost packets": lost_packets(3),
    "repeated packet": repeated_packet,
    "swapped packets": swapped_packets,
    "row of the next graph": row_of_the_next_graph,
    "wrong number": wrong_number,
    "wrong count": wrong_count,
}
# The first packet behind a reset says what number is due: where it is lost, nothing tells. Neighbours are swapped once.
NOT_THE_FIRST = ("lost packet", "three lost packets", "swapped packets")
# For rows of four lanes in a packet whose last row has two, lanes 0 and 1.
NODE_FAULTS: dict[str, Fault] = {
    **FAULTS,
    "hole in a full row": kept_lanes(1, 0b1101),
    "full row that is not full": kept_lanes(1, 0b0111),
    "last row not from the lowest lane": kept_lanes(-1, 0b0110),
    "hole in the last row": kept_lanes(-1, 0b0101),
}
EDGE_FAULTS: dict[str, Fault] = {**FAULTS, "lost lane": kept_lanes(1, 0b001)}


def with_faults(stream: Stream, fault: Fault, graphs: Sequence[int]) -> Malformed:
    """The fault in each of `graphs`, the last one first, so that earlier packets still lie where they did."""
    touched: set[int] = set()
    for graph in sorted(graphs, reverse=True):
        stream, more = fault(stream, graph)
        touched |= more
    return Malformed(stream, touched)

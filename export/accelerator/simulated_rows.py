"""Rows in memory as the simulation's C++ takes and leaves them (hls_projects/rtl/accelerator_sim.cpp)."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.accelerator.streams import Stream


class Input(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("data", "keep", "user", "last", "taken")),
        *((name, ctypes.c_uint64) for name in ("rows", "words")),
        ("gap", ctypes.c_uint32),
    )


class Output(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("data", "keep", "user", "last", "given")),
        *((name, ctypes.c_uint64) for name in ("room", "words", "graphs")),
        ("stall", ctypes.c_uint32),
    )


class Watch(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("clocks", "wires")),
        *((name, ctypes.c_uint64) for name in ("room", "count")),
    )


@dataclass(frozen=True)
class LogitRows:
    """Rows of logits, in words of 32 bits, and the clock at which each was given."""

    data: NDArray[np.uint32]  # (rows, words)
    keep: NDArray[np.uint32]  # (rows, 2)
    user: NDArray[np.uint32]  # (rows, 2)
    last: NDArray[np.uint8]  # (rows,)
    given: NDArray[np.uint64]  # (rows,)

    @classmethod
    def with_room(cls, rows: int, bits: int) -> LogitRows:
        """For so many rows of data of so many bits."""
        data, keep, user = (np.zeros((rows, words), np.uint32) for words in (-(-bits // 32), 2, 2))
        return cls(data, keep, user, np.zeros(rows, np.uint8), np.zeros(rows, np.uint64))

    def first(self, rows: int) -> LogitRows:
        return LogitRows(self.data[:rows], self.keep[:rows], self.user[:rows], self.last[:rows], self.given[:rows])

    def output(self, graphs: int, stall: int) -> Output:
        """Where the simulation writes them; 0 graphs: until nothing moves any more."""
        arrays = (self.data, self.keep, self.user, self.last, self.given)
        return Output(*(array.ctypes.data for array in arrays), len(self.last), self.data.shape[1], graphs, stall)


class SentRows:
    """A stream for the simulation, and the clock at which each of its rows is `taken`."""

    def __init__(self, stream: Stream, number_bits: int, gap: int) -> None:
        user = stream.number.astype(np.uint64) | stream.count.astype(np.uint64) << np.uint64(number_bits)
        self.taken = np.zeros(len(stream.last), np.uint64)
        # C++ reads through addresses: the arrays must live as long as `input` does.
        self._arrays = (stream.data, stream.keep, split_words(user), stream.last, self.taken)
        addresses = (array.ctypes.data for array in self._arrays)
        self.input = Input(*addresses, len(stream.last), stream.data.shape[1], gap)


def chance(probability: float) -> int:
    """Of 65,536. Raises ValueError for a chance with which a stream would never go on."""
    if not 0 <= probability < 1:
        raise ValueError(f"a stream pauses with chance {probability}, wanted 0 up to below 1")
    return round(probability * 65536)


def split_words(values: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """(n,) values → (n, 2) words, the lower one first."""
    return np.stack([values & np.uint64(0xFFFFFFFF), values >> np.uint64(32)], axis=1).astype(np.uint32)


def join_words(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """(n, 2) words, the lower one first → (n,) values."""
    return words[:, 0].astype(np.uint64) | words[:, 1].astype(np.uint64) << np.uint64(32)

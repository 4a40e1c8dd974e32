"""A compiled network called from Python: arrays in, arrays out; nothing is copied that need not be."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.native.network_source import NetworkSource
from edgetrack.models.rows import Rows, check_inputs
from edgetrack.quantize.fixed_point import IntArray

DEGREE = 3  # EDGETRACK_DEGREE of native.h


class _Graph(ctypes.Structure):
    _fields_ = (("counts", ctypes.c_void_p), ("features", ctypes.c_void_p), ("ends", ctypes.c_void_p))


class Runtime:
    """One network on one path. Threads of Python may share it: runs wait for each other.

    Memory of the largest graph so far is kept and used again: 4 bytes a plane and element of what passes leave to later
    ones, and sums of the elements summed into, once a thread.
    """

    def __init__(self, source: NetworkSource, library: Path, path: str) -> None:
        self.source, self.path = source, path
        self._library = ctypes.CDLL(str(library))
        self._declare()
        table = getattr(self._library, source.symbol)
        table.restype = ctypes.c_void_p
        self._handle = self._library.edgetrack_open(table(), path.encode())
        if not self._handle:
            raise ValueError(f"native: this processor does not run the path {path!r}; choose another")
        self._lock = threading.Lock()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.edgetrack_close(self._handle)

    @property
    def memory(self) -> int:
        """Bytes that the largest graph so far took, beside what goes in and comes out."""
        return int(self._library.edgetrack_memory(self._handle))

    def run(
        self,
        rows: Rows[NDArray[Any]],
        threads: int = 1,
        codes: NDArray[np.int32] | None = None,
        reals: NDArray[np.float32] | None = None,
        shown: Sequence[NDArray[np.int32]] = (),
    ) -> None:
        """Run one graph into `codes` and `reals` (elements, width), and into one array for each of `source.shown`.

        Raises ValueError for features or ends that the network cannot read, as the integer model does.
        """
        description = self.source.description
        check_inputs(description.inputs, rows)
        counts = np.array([rows.counts[name] for name in self.source.domains], np.int64)
        features = [np.ascontiguousarray(rows.features[value.name], np.float32) for value in description.inputs]
        ends = [np.ascontiguousarray(rows.ends[end], np.int64) for end in self.source.ends]
        tables = [_table(features), _table(ends), _table(shown)]
        graph = _Graph(counts.ctypes.data, *(ctypes.addressof(table) for table in tables[:2]))
        places = ctypes.addressof(tables[2]) if shown else None
        with self._lock:
            error = self._library.edgetrack_run(
                self._handle, ctypes.byref(graph), threads, _address(codes), _address(reals), places
            )
        if error:
            self._refuse(error, rows)

    def kernel(self, number: int, inputs: Sequence[NDArray[np.int32]], width: int) -> NDArray[np.int32]:
        """Codes (n, width) of the kernel of that number on codes of its inputs."""
        count = len(inputs[0])
        output = np.empty((count, width), np.int32)
        table = _table(inputs)
        error = self._library.edgetrack_run_kernel(
            self._handle, number, count, ctypes.addressof(table), output.ctypes.data
        )
        assert error == 0, error
        return output

    def _refuse(self, error: int, rows: Rows[NDArray[Any]]) -> None:
        why = self._library.edgetrack_message(error).decode()
        if error == DEGREE:
            why += f" ({self.source.dialect.max_degree}); give the recipe that max_degree"
        raise ValueError(f"{rows.name}: {why}")

    def _declare(self) -> None:
        lib, pointer = self._library, ctypes.c_void_p
        lib.edgetrack_open.restype = pointer
        lib.edgetrack_open.argtypes = [pointer, ctypes.c_char_p]
        lib.edgetrack_close.argtypes = [pointer]
        lib.edgetrack_memory.restype = ctypes.c_int64
        lib.edgetrack_memory.argtypes = [pointer]
        lib.edgetrack_message.restype = ctypes.c_char_p
        lib.edgetrack_run.argtypes = [pointer, pointer, ctypes.c_int, pointer, pointer, pointer]
        lib.edgetrack_run_kernel.argtypes = [pointer, ctypes.c_int, ctypes.c_int64, pointer, pointer]


def _table(arrays: Sequence[NDArray[Any]]) -> Any:
    return (ctypes.c_void_p * max(len(arrays), 1))(*(array.ctypes.data for array in arrays))


def _address(array: NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


def as_codes(arrays: Mapping[str, NDArray[np.int32]]) -> dict[str, IntArray]:
    """The same integers in the type of the integer model."""
    return {name: array.astype(np.int64) for name, array in arrays.items()}


def result_array(count: int, width: int, out: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """(count,) or, wider than 1, (count, width) float32 to write a result into: `out` where given.

    Raises ValueError for another shape or type, or one that is not contiguous.
    """
    shape = (count,) if width == 1 else (count, width)
    if out is None:
        return np.empty(shape, np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(f"out is {out.dtype} {out.shape}, wanted contiguous float32 {shape}")
    return out

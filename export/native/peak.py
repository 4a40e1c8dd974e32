"""The most multiply-adds a second that this processor's path can do, measured with the layers' own inner loops."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass

from edgetrack.export.native.build import build_library, native_header

BYTE_ROUND = 32 * 4 * 64  # multiply-adds of one round of peak.cpp
FLOAT_ROUND = 32 * 6 * 64


@dataclass(frozen=True)
class Peak:
    """Multiply-adds a second of one thread."""

    bytes: float
    floats: float


def measured_peak(path: str, seconds: float = 0.2, optimise: int = 3) -> Peak:
    """The best of five measurements of `seconds` / 5 each, in time of the processor."""
    place = build_library({"peak.cpp": native_header("peak.cpp")}, "edgetrack_peak", path, (f"-O{optimise}",))
    lib = ctypes.CDLL(str(place))
    rates = []
    for name, size in (("edgetrack_peak_bytes", BYTE_ROUND), ("edgetrack_peak_floats", FLOAT_ROUND)):
        run = getattr(lib, name)
        run.argtypes, run.restype = [ctypes.c_int64], ctypes.c_int32
        rounds, best = 1000, 0.0
        for _ in range(5):
            begin = time.process_time()
            run(rounds)
            taken = max(time.process_time() - begin, 1e-6)
            best = max(best, rounds * size / taken)
            rounds = max(int(best * seconds / 5 / size), 1)
        rates.append(best)
    return Peak(*rates)

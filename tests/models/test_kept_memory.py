"""Memory that is given back stays with the process: counted in page faults."""

from __future__ import annotations

import subprocess
import sys

import pytest

PAGES = 10_000
COUNTED = """
import resource, sys
import numpy as np
from edgetrack.models.kept_memory import keep_memory

kept = keep_memory() if sys.argv[1] == "keep" else False
np.ones({size}, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones({size}, np.uint8)
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> tuple[int, int]:
    """(kept, page faults) of three arrays, one after the other, in a process of its own."""
    code = COUNTED.format(size=4096 * PAGES)
    result = subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True)
    kept, count = result.stdout.split()
    return int(kept), int(count)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_arrays_of_the_same_size_fetch_their_pages_once() -> None:
    kept, with_it = faults("keep")
    if not kept:
        pytest.skip("the C library has no mallopt: keep_memory() says so with False")
    without = faults("give back")[1]
    assert with_it < PAGES // 10
    assert without > PAGES // 10 or without > 10 * with_it  # huge pages count as one

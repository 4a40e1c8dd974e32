"""Memory that is given back stays with the process: tensors of the same sizes come and go in every step."""

from __future__ import annotations

import ctypes

# mallopt: with these, memory that is given back stays with the process, and is not fetched page by page again.
_KEEP = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_TOP_PAD": (-2, 256 << 20), "M_MMAP_MAX": (-4, 0)}


def keep_memory() -> bool:
    """Have the C library keep what is given back, for the whole process; False where it cannot.

    Nothing that is computed changes, but no time goes into page faults (`edgetrack bench training`).
    """
    try:
        library = ctypes.CDLL(None)
        return all(library.mallopt(option, value) == 1 for option, value in _KEEP.values())
    except (OSError, AttributeError):
        return False

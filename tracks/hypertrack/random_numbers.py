"""Random numbers by their place: the n-th draw of a key is a function of both, so no order of work plays a part.

SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), whose n-th state is a
multiple of a constant.
"""

from __future__ import annotations

import numpy as np

from edgetrack.events.compiled import compiled


@compiled()
def mixed(value: np.uint64) -> np.uint64:
    """SplitMix64's output for the state `value` + its constant: all 64 bits depend on all."""
    z = value + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled()
def below(key: np.uint64, draw: int, limit: int) -> np.int64:
    """The draw, a whole number from 0 to `limit` − 1, for limits below 2^32 equally likely to about limit / 2^32."""
    bits = mixed(key + np.uint64(draw) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    return np.int64((bits * np.uint64(limit)) >> np.uint64(32))  # uint64 and int64 together would be float64


@compiled()
def uniform(key: np.uint64, draw: int) -> float:
    """The draw, a multiple of 2^-53 in [0, 1)."""
    bits = mixed(key + np.uint64(draw) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return float(bits) / 9007199254740992.0

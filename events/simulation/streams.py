"""Random streams: one for each purpose in each event, so that no event depends on another."""

from __future__ import annotations

import numpy as np

_PURPOSES = {
    "vertices": 0,
    "hard": 1,
    "soft": 2,
    "transport": 3,
    "interactions": 4,
    "noise": 5,
    "digitization": 6,
    "order": 7,
}


def _sequence(seed: int, event_id: int, purpose: str, generation: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, event_id, _PURPOSES[purpose], generation])


def random_stream(seed: int, event_id: int, purpose: str, generation: int = 0) -> np.random.Generator:
    """The random numbers of `purpose` (a key of the table above) in one event, for one generation of particles."""
    return np.random.default_rng(_sequence(seed, event_id, purpose, generation))


def integer_seed(seed: int, event_id: int, purpose: str, generation: int = 0) -> int:
    """A seed in 1 … 899,999,999 (Pythia's range) for generators that are not numpy's."""
    state = int(_sequence(seed, event_id, purpose, generation).generate_state(1, np.uint64)[0])
    return 1 + state % 899_999_999

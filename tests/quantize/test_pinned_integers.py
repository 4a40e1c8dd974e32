"""The integers of stored quantised checkpoints on the package's sample graphs: SHA-256 over every value.

The digests are those of the version that trained the checkpoints. A change of the golden model, of extraction or of a
checkpoint's weights that moves one integer, in a hidden layer too, changes them: then it is no refactoring.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from integer_networks import flip_lsb

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.models.pretrained_checkpoints import FOLDER
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.integer_model import IntegerModel

TRAINED_TIES = Path(__file__).parents[1] / "export" / "golden" / "trained_hidden4_2bit.safetensors"
# checkpoint → integers on all sample graphs, and their SHA-256
PINS = {
    FOLDER / "in-2gev-quantised.safetensors": (
        4_629_702,
        "806a523e7b64595a330933dc0825e2b654a8c8fbf7a401a2b344e25e95f51d67",
    ),
    FOLDER / "in-1p5gev-quantised.safetensors": (
        4_629_702,
        "cb0b21e2370d8071daca2b5eb8842b3b6dc57c295669648ba7ea91d4bb13972f",
    ),
    FOLDER / "in-1gev-quantised.safetensors": (
        4_629_702,
        "318f2d9528032d5c34714103ba4bf8c94577b31818143984071e0a691a4abdbe",
    ),
    FOLDER / "in-1gev-4bit.safetensors": (
        4_629_702,
        "babafe3cf69d116721f222899f6d53e4acbfcee2fa529def1a310b3317d440af",
    ),
    FOLDER / "in-2gev-4bit.safetensors": (
        4_629_702,
        "7d125f3e485391b69cb7a9a94a559db2d13f01b4b4e2d14ec56b1e405a666d36",
    ),
    TRAINED_TIES: (2_484_030, "276c774da251f293bc312ef097944def4b2eaa5dfa81c582d074f9fbcda3a91f"),
}


def digest(model: IntegerModel) -> tuple[int, str]:
    """How many integers the model has on the sample graphs, and the SHA-256 of their names and int64 bytes."""
    count, found = 0, hashlib.sha256()
    for graph in load_graphs(sample_graphs()):
        for name, codes in model.run_graph(graph, hidden=True).items():
            assert codes.dtype == np.int64
            count += codes.size
            found.update(name.encode() + np.ascontiguousarray(codes).tobytes())
    return count, found.hexdigest()


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.stem)
def test_every_integer_is_that_of_the_version_that_trained_it(path: Path) -> None:
    model = integer_model(load_checkpoint(path))
    assert digest(model) == PINS[path]
    last = model.description.mlps[-1]
    assert digest(flip_lsb(model, last.name, len(last.widths) - 1, (0, 1)))[1] != PINS[path][1]

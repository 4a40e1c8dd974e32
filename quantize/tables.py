"""Contents of `Table` steps: a function of every code that its source can have."""

from __future__ import annotations

import torch

from edgetrack.models.functions import function
from edgetrack.models.steps import Table
from edgetrack.quantize.fixed_point import Format, IntArray


def table_codes(step: Table, source: Format, fmt: Format) -> IntArray:
    """(codes of `source`,) the step's function of each, least code first, in the format `fmt`; float64 before."""
    reals = torch.from_numpy(source.dequantize(source.codes()))
    return fmt.quantize(function(step.function)(reals).numpy())

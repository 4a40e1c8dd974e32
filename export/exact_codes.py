"""What a form computed in floating point, read as the integers that it stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.form import InexactForm
from edgetrack.quantize.fixed_point import IntArray


def exact_codes(layer: str, values: NDArray[np.floating], exponent: int) -> IntArray:
    """Codes of exact multiples of 2^exponent. Raises InexactForm, with `layer` and index, for any other number."""
    scaled = values.astype(np.float64) * 2.0**-exponent
    with np.errstate(invalid="ignore"):
        wrong = ~(np.rint(scaled) == scaled) | ~np.isfinite(scaled)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InexactForm(
            f"{layer}{list(index)} = {values[index]!r} is no multiple of 2^{exponent} "
            f"({np.count_nonzero(wrong)} such values); the form does not compute in the model's formats",
            layer,
            index,
        )
    return scaled.astype(np.int64)

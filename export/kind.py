"""A form as the product knows it: a name, settings, a maker, and its abilities. Each form says its own in its own file.

Nobody outside `export/` knows a form by name: who needs an ability looks whether a form has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress
from edgetrack.export.form import Capacity
from edgetrack.export.hardware import Estimate, Placement
from edgetrack.export.interface import Origin
from edgetrack.export.synthesis.device import Device
from edgetrack.export.synthesis.place_and_route import PlaceConfig
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.network import GraphNetwork
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork

F = TypeVar("F")  # the form, a `Form`
S = TypeVar("S")  # its settings, a frozen dataclass

# PyTorch and ONNX Runtime add up in other orders. A layer rounds sums of at most 41 terms, √41 · 2^-24 = 4e-7 of their
# size; nine layers in quadrature 1.2e-6 of the largest logit.
FLOAT_TOLERANCE = 2e-6


@dataclass(frozen=True)
class NoSettings:
    """Of a form that needs to know nothing beyond the network."""


@dataclass(frozen=True)
class Source:
    """What every form is made from: the trained network, its integers, and the checkpoint that both are from."""

    network: QuantizedNetwork
    model: IntegerModel
    origin: Origin


@dataclass(frozen=True)
class FormKind(Generic[F, S]):
    """A form of a quantised network, which must give the integers of its model. None: an ability that it lacks.

    A form that takes graphs one behind the other is a `StreamingForm`; it needs no entry here.
    """

    name: str
    make: Callable[[Source, Path, S], F]  # writes artefacts into the folder; FormUnavailable where a tool is missing
    settings: Callable[[], S] = NoSettings  # type: ignore[assignment] # the defaults of `settings.NAME`
    writes: bool = True  # artefacts, so `export` offers it
    # the form from artefacts that are there, of which it writes none; ValueError for those that cannot be read
    open: Callable[[Source, Path], F] | None = None
    capacity: Callable[[S], Capacity] | None = None  # the largest graph, for a form of fixed size
    design: Callable[[F, Sequence[HitGraph], int, Device], Mapping[str, Any]] | None = None  # (form, graphs, seed, …) →
    # cycles and resources, plain values that `verify` writes down beside its verdict and the report shows
    estimate: Callable[[F, Progress], Estimate] | None = None
    slow_estimate: bool = False  # minutes: `edgetrack run` leaves it out unless it is asked for
    place: Callable[[F, PlaceConfig], Placement] | None = None


@dataclass(frozen=True)
class FloatKind(Generic[S]):
    """A form of a float network: logits (E,) of a graph, equal to PyTorch's up to `tolerance` of the largest one."""

    name: str
    make: Callable[[GraphNetwork, Path, S], Callable[[HitGraph], NDArray[np.floating]]]
    settings: Callable[[], S] = NoSettings  # type: ignore[assignment]
    writes: bool = True
    # as of a `FormKind`
    open: Callable[[GraphNetwork, Path], Callable[[HitGraph], NDArray[np.floating]]] | None = None
    tolerance: float = FLOAT_TOLERANCE

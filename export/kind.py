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
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import GraphNetwork
from edgetrack.models.steps import Scatter
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork

F = TypeVar("F")  # the form, a `Form`
S = TypeVar("S")  # its settings, a frozen dataclass

NEIGHBOURS = 64  # of a sum over neighbours, as a float form's tolerance takes it


def rounding_tolerance(description: NetworkDescription) -> float:
    """How far a float form may be from PyTorch, relative to the largest logit: both add up in other orders.

    Each layer and each reduction over neighbours rounds sums of n terms, √n · 2^-24 of their size; layers one behind
    the other add in quadrature, and four standard deviations are allowed. 4.4e-6 for the Interaction Network.
    """
    terms = sum(fan_in + 1 for mlp in description.mlps for fan_in, _ in description.layer_widths(mlp))
    terms += sum(NEIGHBOURS for step in description.steps if isinstance(step, Scatter))
    return float(4.0 * 2.0**-24 * np.sqrt(terms))


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
    description: str  # one line, for `--help`
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
    description: str
    settings: Callable[[], S] = NoSettings  # type: ignore[assignment]
    writes: bool = True
    # as of a `FormKind`
    open: Callable[[GraphNetwork, Path], Callable[[HitGraph], NDArray[np.floating]]] | None = None
    tolerance: Callable[[NetworkDescription], float] = rounding_tolerance

"""What the writer of a network asks of an arithmetic: C++ of each kind of step on one tile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from edgetrack.export.native.planes import Plane
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Input, Kernel, Scatter


class StepFunction(NamedTuple):
    """Constants and a function `name(in, out, h0, …)` on planes; planes of each hidden layer h0, ….."""

    text: str
    hidden: tuple[tuple[Plane, ...], ...]


class SumStore(NamedTuple):
    """Numbers at each element that is summed into; see `edgetrack_sum` in native_network.h."""

    columns: int
    bytes: int
    magnitude: int
    first: int


class Sums(NamedTuple):
    """Where the sums of a scatter stand."""

    store: SumStore
    reduce: str
    real: bool = False

    @property
    def kind(self) -> str:
        """C++ type of a number."""
        return "float" if self.real else "int64_t" if self.store.bytes == 8 else "int32_t"


class Dialect(ABC):
    """An arithmetic. In its statements `job`, `at` (first element), `n` (elements of the tile) and `T` are known."""

    @property
    @abstractmethod
    def description(self) -> NetworkDescription: ...

    @property
    @abstractmethod
    def headers(self) -> tuple[str, ...]:
        """Headers of hls_projects/native that a network includes."""

    @property
    @abstractmethod
    def max_degree(self) -> int:
        """The most elements that a mean may be over."""

    @abstractmethod
    def planes(self, name: str) -> tuple[Plane, ...]:
        """Planes of a value."""

    @abstractmethod
    def read(self, value: Input, features: str, out: str) -> list[str]:
        """Statements that make an input of its raw features."""

    @abstractmethod
    def step(self, step: Kernel, name: str) -> StepFunction:
        """The function of an MLP, map or table."""

    @abstractmethod
    def sums(self, step: Scatter) -> Sums: ...

    @abstractmethod
    def scatter(self, step: Scatter, sums: Sums, words: Sequence[str]) -> list[str]:
        """Statements that add one element, one word a plane, to `sum`."""

    @abstractmethod
    def finish(self, step: Scatter, sums: Sums, number: int, degrees: str, out: str) -> list[str]:
        """Statements that make a value of sum `number`, for a mean with `degrees`."""

    @abstractmethod
    def show(self, planes: Sequence[Plane], source: str, rows: str) -> list[str]:
        """Statements that write a value's codes into (elements, width) `rows`."""

    @abstractmethod
    def take(self, planes: Sequence[Plane], rows: str, out: str) -> list[str]:
        """Statements that read codes from (elements, width) `rows`."""

    @abstractmethod
    def reals(self, planes: Sequence[Plane], source: str) -> list[str]:
        """Statements that write the output's numbers into `job->reals`."""

"""C++ of a `Map` step: its operation, traced on expressions, one a column.

Every result of an operator becomes a constant of a type that holds it exactly: `exact_t<bits, integer bits>`, from the
bound of its magnitude. So nothing rests on the types that ap_fixed and ac_fixed give to expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2

from edgetrack.export.hls4ml.types import accumulator, exact
from edgetrack.models.operations import operation
from edgetrack.models.steps import Map
from edgetrack.quantize.exact import Bound
from edgetrack.quantize.fixed_point import signed_bits
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class TracedColumns:
    """A row that an `Operation` can compute with: a C++ expression for each column, and how large it can be."""

    body: list[str]  # the statements so far, shared by all that one trace makes
    columns: tuple[str, ...]
    bound: Bound  # (1, width)

    def __add__(self, other: TracedColumns) -> TracedColumns:
        return self._made(self.bound + other.bound, (f"{a} + {b}" for a, b in self._beside(other)))

    def __sub__(self, other: TracedColumns) -> TracedColumns:
        return self._made(self.bound - other.bound, (f"{a} - {b}" for a, b in self._beside(other)))

    def __mul__(self, other: TracedColumns | float) -> TracedColumns:
        if isinstance(other, TracedColumns):
            return self._made(self.bound * other.bound, (f"{a} * {b}" for a, b in self._beside(other)))
        scaled = self.bound * other
        factor = f"{exact_type(1, int(log2(other)))}({other!r})"
        return self._made(scaled, (f"{column} * {factor}" for column in self.columns))

    def __neg__(self) -> TracedColumns:
        return self._made(-self.bound, (f"-{column}" for column in self.columns))

    def __abs__(self) -> TracedColumns:
        types = self._types(self.bound)
        expressions = (f"nnet::magnitude({made}({column}))" for made, column in zip(types, self.columns, strict=True))
        return self._made(abs(self.bound), expressions)

    def sum(self, axis: int = -1, keepdims: bool = True) -> TracedColumns:
        return self._made(self.bound.sum(axis, keepdims), [_tree(self.columns)])

    def _beside(self, other: TracedColumns) -> Iterable[tuple[str, str]]:
        """Columns of both, one column beside each of the other's."""
        width = max(len(self.columns), len(other.columns))
        return zip(*(side.columns * (width // len(side.columns)) for side in (self, other)), strict=True)

    def _made(self, bound: Bound, expressions: Iterable[str]) -> TracedColumns:
        names = []
        for made, expression in zip(self._types(bound), expressions, strict=True):
            names.append(f"t{len(self.body)}")
            self.body.append(f"const {made} {names[-1]} = {expression};")
        return TracedColumns(self.body, tuple(names), bound)

    @staticmethod
    def _types(bound: Bound) -> list[str]:
        return [exact_type(int(magnitude), bound.exponent) for magnitude in bound.codes[0]]


def exact_type(magnitude: int, exponent: int) -> str:
    """The type of −magnitude … magnitude, as multiples of 2^exponent."""
    return _in_cpp(exact(signed_bits(magnitude), exponent))


def map_body(model: IntegerModel, step: Map) -> list[str]:
    """Statements that compute row `row` of `res` from row `row` of part0, part1, …, the step's different sources."""
    body: list[str] = []
    parts = {name: _part(model, name, index, body) for index, name in enumerate(dict.fromkeys(step.sources))}
    result = operation(step.operation).apply(*(parts[name] for name in step.sources))
    assert isinstance(result, TracedColumns)
    width = len(result.columns)
    bits = signed_bits(result.bound.largest)
    wide = _in_cpp(accumulator(bits, result.bound.exponent, model.formats[step.name]))
    return [*body, *(f"res[row * {width} + {i}] = {wide}({column});" for i, column in enumerate(result.columns))]


def _part(model: IntegerModel, name: str, index: int, body: list[str]) -> TracedColumns:
    width = model.description.shape(name).width
    columns = tuple(f"part{index}[row * {width} + {i}]" for i in range(width))
    return TracedColumns(body, columns, model.bound(name))


def _in_cpp(exact_type: str) -> str:
    """hls4ml's name of an exact type, as the kernels' headers of all backends name it."""
    return f"nnet::exact_t{exact_type.removeprefix('fixed')}"


def _tree(terms: Sequence[str]) -> str:
    """A sum of terms as a balanced tree."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_tree(terms[:half])} + {_tree(terms[half:])})"

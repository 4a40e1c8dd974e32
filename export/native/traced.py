"""C++ of a `Map` step: its operation, traced on expressions, one a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """Numbers that an `Operation` can compute with: a C++ expression for each column of a row."""

    body: list[str]  # the statements so far, shared by all that one trace makes
    kind: str  # C++ type of every number
    columns: tuple[str, ...]

    def __add__(self, other: Columns) -> Columns:
        return self._made(f"{a} + {b}" for a, b in self._beside(other))

    def __sub__(self, other: Columns) -> Columns:
        return self._made(f"{a} - {b}" for a, b in self._beside(other))

    def __mul__(self, other: Columns | float) -> Columns:
        if isinstance(other, Columns):
            return self._made(f"{a} * {b}" for a, b in self._beside(other))
        factor = f"{float(other)!r}f" if self.kind == "float" else f"static_cast<{self.kind}>({other})"
        return self._made(f"{column} * {factor}" for column in self.columns)

    def __neg__(self) -> Columns:
        return self._made(f"-{column}" for column in self.columns)

    def __abs__(self) -> Columns:
        return self._made(f"{column} < 0 ? -{column} : {column}" for column in self.columns)

    def sum(self, axis: int = -1, keepdims: bool = True) -> Columns:
        return self._made([_tree(self.columns)])

    def _beside(self, other: Columns) -> Iterable[tuple[str, str]]:
        """Columns of both, one column beside each of the other's."""
        width = max(len(self.columns), len(other.columns))
        return zip(*(side.columns * (width // len(side.columns)) for side in (self, other)), strict=True)

    def _made(self, expressions: Iterable[str]) -> Columns:
        names = []
        for expression in expressions:
            names.append(f"t{len(self.body)}")
            self.body.append(f"const {self.kind} {names[-1]} = {expression};")
        return Columns(self.body, self.kind, tuple(names))


def _tree(terms: Sequence[str]) -> str:
    """A sum of terms as a balanced tree."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_tree(terms[:half])} + {_tree(terms[half:])})"

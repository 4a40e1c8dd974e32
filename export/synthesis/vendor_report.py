"""What a vendor's tool reports about a design, and the tables that its text reports are made of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edgetrack.export.synthesis.yosys import AMOUNTS, Resources

HLS_ESTIMATE = "estimate before place and route"
ROUTED = "placed and routed"


class ReportError(ValueError):
    """A report that is not what its name says, or is not whole: names the file, what is missing and what to do."""

    def __init__(
        self, path: Path, missing: str, remedy: str = "it may be cut off or of another kind; let the tool write it anew"
    ) -> None:
        super().__init__(f"{path}: {missing}; {remedy}")


@dataclass(frozen=True)
class VendorReport:
    """Figures of one report. A figure that the report does not have is None, or missing in `amounts`; never 0."""

    path: Path
    tool: str  # "Vivado 2024.2"
    design: str  # the top module
    part: str
    basis: str  # "Vivado, placed and routed" only where the report says so
    amounts: Mapping[str, float] = field(default_factory=dict)  # as in Resources; Intel's ALM, M20K and MLAB besides
    latency_cycles: tuple[int, int] | None = None  # least, greatest
    interval_cycles: tuple[int, int] | None = None
    clock_period_ns: float | None = None  # asked for
    achieved_period_ns: float | None = None  # reached, or estimated, as `basis` says
    timing_met: bool | None = None  # setup and hold

    @property
    def resources(self) -> Resources:
        """The amounts as a row of the project's own table. Raises ValueError where the report lacks one of them."""
        missing = [name for name in AMOUNTS if name not in self.amounts]
        if missing:
            raise ValueError(
                f"{self.path}: {self.basis} has no {', '.join(missing)}; read `amounts`, or a report of "
                "utilisation after placement"
            )
        whole = {name: int(self.amounts[name]) for name in AMOUNTS if name != "bram36"}
        return Resources(**whole, bram36=self.amounts["bram36"], basis=self.basis)


class Table(NamedTuple):
    """A table drawn with + - | characters: all its rows of equal length, titles among them."""

    rows: tuple[tuple[str, ...], ...]

    def row(self, first: str) -> tuple[str, ...] | None:
        """The row whose first cell is `first`, a footnote's asterisk apart."""
        return next((row for row in self.rows if row[0].rstrip("*") == first), None)


def tables(text: str) -> Iterator[Table]:
    """All whole tables of a text report, in order: from one border to another, without a broken row in between."""
    rows: list[tuple[str, ...]] = []
    closed = False
    for line in [*(line.strip() for line in text.splitlines()), ""]:
        if re.fullmatch(r"\+(-+\+)+", line):
            closed = True
        elif line.startswith("|") and line.endswith("|") and len(line) > 1:
            rows.append(tuple(cell.strip() for cell in line[1:-1].split("|")))
            closed = False
        elif rows:
            # A row of other length than the most ends the table: titles over several columns count for nothing.
            width = max(len(row) for row in rows)
            if closed and not line.startswith(("|", "+")):
                yield Table(tuple(row for row in rows if len(row) == width))
            rows, closed = [], False
    return


def number(path: Path, name: str, text: str | None) -> float:
    """A figure of a report. Raises ReportError where it is missing or is no number."""
    try:
        value = float(text.replace(",", "")) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ReportError(path, f"{name} is {text!r}, wanted a number" if text is not None else f"no {name}")
    return value


def amount(path: Path, name: str, text: str | None) -> float:
    """A number of primitives."""
    value = number(path, name, text)
    if value < 0:
        raise ReportError(path, f"{name} is {text!r}, wanted a number from 0")
    return value


def cycles(path: Path, name: str, texts: Sequence[str | None]) -> tuple[int, int] | None:
    """Least and greatest number of clock cycles; None where the tool does not know ("?", "undef", "-")."""
    if any(text in ("?", "undef", "-", "N/A") for text in texts):
        return None
    least, greatest = (int(amount(path, name, text)) for text in texts)
    return least, greatest


def first(pattern: str, text: str) -> str | None:
    """The first group of the first match, line by line."""
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else None

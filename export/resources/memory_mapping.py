"""What Yosys makes of a memory: LUTs, block RAM or UltraRAM, chosen by cost as its pass `memory_libmap` does.

A memory of one write and one read port is cut into pieces of each kind of cell in turn, and the cheapest cut is taken.
Costs are those of Yosys' descriptions of UltraScale+ (lutrams_xcu.txt, brams_xc4v.txt, urams.txt).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

# Costs of the logic around the cells, per bit of a result chosen among cells and per write enable (memory_libmap.cc).
MUX_COST = 0.5
ENABLE_COST = 0.5
LUTS_PER_LUTRAM = 8  # RAM32M16 and RAM64M8 take a slice of eight LUTs
LUTRAM_COST, LUTRAM_WIDTH = 16, 14  # of 32 rows; 64 rows are half as wide

Kind = Literal["registers", "lutram", "bram36", "uram"]


@dataclass(frozen=True)
class Cell:
    """A kind of memory cell: `widths` holds (bits a row, rows); data are cut into `granule` bits before they are laid
    side by side (none: a row of the cell is never shared by two rows of the memory)."""

    kind: Kind
    size: float  # in units of its kind: LUTs, 36 kbit blocks, UltraRAMs
    cost: float
    widths: tuple[tuple[int, int], ...]
    granule: int
    by_width: bool = False  # a cell that is used in part costs in proportion


CELLS = (
    Cell("lutram", LUTS_PER_LUTRAM, LUTRAM_COST, ((LUTRAM_WIDTH, 32),), LUTRAM_WIDTH, by_width=True),
    Cell("lutram", LUTS_PER_LUTRAM, LUTRAM_COST, ((LUTRAM_WIDTH // 2, 64),), LUTRAM_WIDTH // 2, by_width=True),
    Cell("bram36", 0.5, 129, ((36, 1 << 9), (18, 1 << 10), (9, 1 << 11), (4, 1 << 12), (2, 1 << 13), (1, 1 << 14)), 9),
    Cell(
        "bram36",
        1.0,
        257,
        ((72, 1 << 9), (36, 1 << 10), (18, 1 << 11), (9, 1 << 12), (4, 1 << 13), (2, 1 << 14), (1, 1 << 15)),
        9,
    ),
    Cell("uram", 1.0, 1024, ((72, 1 << 12),), 9),
)


@dataclass(frozen=True)
class Mapping:
    """The cells of one memory: `amount` LUTs, 36 kbit blocks (halves too) or UltraRAMs, in `banks` one after the
    other in the address."""

    kind: Kind
    amount: float
    banks: int


def map_memory(bits: int, rows: int, registered: bool = True) -> Mapping:
    """Cells of a memory of `rows` rows of `bits`, one write and one read port.

    Only LUTs can be read without a register (not `registered`).
    """
    best = Mapping("registers", bits * rows, 1)
    lowest = float(bits * rows)
    for cell in (cell for cell in CELLS if registered or cell.kind == "lutram"):
        for width, depth in cell.widths:
            banks = ceil(rows / depth)
            granule = min(cell.granule, width)
            count = ceil(banks * granule * ceil(bits / granule) / width)
            used = banks * bits / width if cell.by_width else count
            cost = 2 + cell.cost * used + MUX_COST * (banks - 1) * bits + ENABLE_COST * banks * (banks > 1)
            if cost < lowest:
                lowest, best = cost, Mapping(cell.kind, count * cell.size, banks)
    return best

"""Memories as Yosys maps them: counted by hand, and the choices that its pass made on the same sizes."""

import pytest

from edgetrack.export.resources.memory_mapping import Mapping, map_memory


@pytest.mark.parametrize(
    ("bits", "rows", "wanted"),
    [
        (24, 32, Mapping("lutram", 2 * 8, 1)),  # two RAM32M16 of 14 bits
        (24, 64, Mapping("lutram", 4 * 8, 1)),  # four RAM64M8 of 7 bits
        (24, 128, Mapping("lutram", 2 * 4 * 8, 2)),  # the same, twice in the address
        (8, 166, Mapping("lutram", 3 * 2 * 8, 3)),
        (36, 512, Mapping("bram36", 0.5, 1)),  # one half block of 512 × 36
        (72, 512, Mapping("bram36", 1.0, 1)),
        (24, 2048, Mapping("bram36", 1.5, 1)),  # three halves of 2048 × 9
        (40, 256, Mapping("bram36", 1.0, 1)),  # a whole block costs less than two halves
        (192, 128, Mapping("bram36", 3.0, 1)),
        (72, 3960, Mapping("uram", 1.0, 1)),
        (144, 2048, Mapping("uram", 2.0, 1)),
        (14, 3960, Mapping("bram36", 2.0, 1)),
        (4, 1, Mapping("registers", 4, 1)),
    ],
)
def test_the_cheapest_cells_are_those_of_yosys(bits: int, rows: int, wanted: Mapping) -> None:
    assert map_memory(bits, rows) == wanted


def test_what_is_read_in_the_same_clock_stays_in_luts() -> None:
    assert map_memory(72, 512).kind == "bram36"
    assert map_memory(72, 512, registered=False) == Mapping("lutram", 8 * 11 * 8, 8)

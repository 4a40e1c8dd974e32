"""The memories in an accelerator's written Verilog, down to the `row_memory` that each is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from edgetrack.export.resources.part_instances import read_instances
from edgetrack.export.resources.part_resources import PARTS, Inner

ROW_MEMORY = "row_memory"
HOLDERS = (ROW_MEMORY, "gather", "scatter_sum")  # modules of the top whose memories hold values of the network


@dataclass(frozen=True)
class RowMemories:
    """`count` memories of `rows` rows of `bits` each."""

    count: int
    rows: int
    bits: int

    @property
    def total_bits(self) -> int:
        return self.count * self.rows * self.bits


def written_memories(verilog: str) -> dict[str, tuple[RowMemories, ...]]:
    """By name of the instance in the top module, all instances of that name together; the largest first."""
    found: dict[str, list[RowMemories]] = {}
    for instance in read_instances(verilog):
        if instance.module in HOLDERS:
            part = Inner(instance.module, instance.parameters, instance.count)
            found.setdefault(instance.name, []).extend(_inside(part))
    return {name: join_memories(memories) for name, memories in found.items()}


def join_memories(memories: Iterable[RowMemories]) -> tuple[RowMemories, ...]:
    """Those of one shape counted together; the shape with most bits in one memory first."""
    shapes: Counter[tuple[int, int]] = Counter()
    for memory in memories:
        shapes[memory.rows, memory.bits] += memory.count
    counted = [RowMemories(count, rows, bits) for (rows, bits), count in shapes.items()]
    return tuple(sorted(counted, key=lambda memory: (memory.rows * memory.bits, memory.bits), reverse=True))


def _inside(part: Inner) -> Iterator[RowMemories]:
    if part.module == ROW_MEMORY:
        yield RowMemories(part.count, part.parameters["DEPTH"], part.parameters["BITS"])
        return
    for inner in PARTS[part.module](part.parameters)[1]:
        for memory in _inside(inner):
            yield replace(memory, count=memory.count * part.count)

"""Estimates of designs with many equal parts: each distinct module is mapped once and counted as often as it stands.

Flattened, every lane of an accelerator is mapped anew, and the time grows with the lanes. Here every clocked module
keeps its boundary (what has no clock is logic of whoever uses it, and is flattened into it), so that the time is that
of one lane. Nothing is merged across a boundary: registers that follow each other in two modules do not become one
shift register, and logic behind an unused output stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.export.synthesis.yosys import NOTHING, SYNTHESIS, Resources, count_primitives, source_hash, synthesise

KEEP_CLOCKED = "setattr -mod -set keep_hierarchy 1 i:clk %m"


@dataclass(frozen=True)
class PartResources:
    """A module of the design without the modules inside it, which are parts of their own.

    `name` is the way down to it by module names, "scatter_sum/accumulator_lane/row_memory"; the top module's own logic
    has its name alone. Modules of one name and different parameters are parts of their own.
    """

    name: str
    instances: int
    each: Resources

    @property
    def total(self) -> Resources:
        return self.each * self.instances


@dataclass(frozen=True)
class DesignResources:
    """A design and its parts: `total` is the sum of all of them. An estimate without place and route."""

    total: Resources
    parts: tuple[PartResources, ...]

    def inside(self, name: str) -> Resources:
        """All of the parts `name` with everything inside them."""
        return sum((part.total for part in self.parts if f"{part.name}/".startswith(f"{name}/")), NOTHING)

    def blocks(self) -> dict[str, tuple[int, Resources]]:
        """Module that the top module uses (or itself) → instances, and all of them with everything inside."""
        names = dict.fromkeys(part.name.partition("/")[0] for part in self.parts)
        return {
            name: (sum(part.instances for part in self.parts if part.name == name), self.inside(name)) for name in names
        }


def estimate_hierarchy(sources: Mapping[str, str], top: str, folder: Path) -> DesignResources:
    """Resources of the module `top` of Verilog `sources` (file name → text), and of its parts.

    The answer is kept in `folder` under the hash of all sources: synthesis takes minutes, whatever the number of
    lanes. Raises FormUnavailable where Yosys is not installed, RuntimeError with its words where it fails.
    """
    commands = hierarchy_commands(top)
    answer = folder / f"{top}-hierarchy-{source_hash(sources, commands)}.json"
    if answer.is_file():
        kept = json.loads(answer.read_text())
        return _design(
            tuple(PartResources(part["name"], part["instances"], Resources(**part["each"])) for part in kept["parts"])
        )
    design = _design(count_parts(synthesise(sources, top, commands, folder), top))
    write_text(answer, json.dumps(asdict(design), indent=1) + "\n")
    return design


def hierarchy_commands(top: str) -> str:
    """Yosys' commands for a synthesis that keeps each clocked module apart."""
    return f"hierarchy -top {top}; {KEEP_CLOCKED}; {SYNTHESIS} -top {top}"


def count_parts(statistics: Mapping[str, Any], top: str) -> tuple[PartResources, ...]:
    """Parts of the module `top` from what `stat -json` says of each module."""
    cells: dict[str, dict[str, int]] = {
        name.removeprefix("\\"): {
            cell.removeprefix("\\"): int(number) for cell, number in module["num_cells_by_type"].items()
        }
        for name, module in statistics["modules"].items()
    }
    instances = {(top, top): 1}
    for module, path, number in _below(cells, top):
        instances[path, module] = instances.get((path, module), 0) + number
    parts = [
        PartResources(path, number, count_primitives(cells[module])) for (path, module), number in instances.items()
    ]
    return tuple(sorted(parts, key=lambda part: (part.name, -part.each.lut, -part.each.ff, -part.each.bram36)))


def _below(cells: Mapping[str, Mapping[str, int]], module: str, above: str = "") -> Iterator[tuple[str, str, int]]:
    """(module, way to it, instances) of all modules inside `module`."""
    for inner, times in cells[module].items():
        if inner in cells:
            # Yosys calls a module with parameters $paramod$hash\name or $paramod\name\parameter=value.
            path = above + (inner.split("\\")[1] if inner.startswith("$paramod") else inner)
            yield inner, path, times
            for deeper, way, number in _below(cells, inner, f"{path}/"):
                yield deeper, way, times * number


def _design(parts: tuple[PartResources, ...]) -> DesignResources:
    return DesignResources(sum((part.total for part in parts), NOTHING), parts)

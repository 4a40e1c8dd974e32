"""The step list read as passes: each a pipelined kernel over all nodes or edges of a graph.

Gathers and concatenations are ways to read a value and cost no pass. MLPs and maps are kernels. A sum or a mean is
read straight from its accumulators where one node pass reads it, once; where it is gathered, or read by several, a pass
of its own copies it into node memories first (reading empties the accumulators). What is summed without being a
kernel's result (an input, a gathered node) is copied through a pass over the edges. What the output does not need is
left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import EDGE, NODE, Concat, Gather, Input, Kernel, Map, Mlp, Scatter, Table, refuse_step


class Operand(NamedTuple):
    """A value as one pass reads it: `end` is the edge's end for a gathered node value."""

    value: str
    kind: Literal["node", "edge", "gather", "sum"]
    end: str | None = None


@dataclass(frozen=True)
class Pass:
    """One kernel over all nodes or edges of a graph."""

    name: str
    value: str  # what it makes; its own name, but for copies of edge values
    kernel: Literal["mlp", "map", "table", "copy"]
    domain: str
    operands: tuple[Operand, ...]  # whose columns the kernel takes, in order
    sums: tuple[Scatter, ...]  # what its results are summed into
    streamed: bool  # takes its rows from the edge stream, as the first edge pass
    final: bool  # its results leave
    chained: bool  # starts with the first result of the pass before, which walks over the same rows and never waits

    @property
    def reads(self) -> tuple[Operand, ...]:
        """The operands, each once."""
        return tuple(dict.fromkeys(self.operands))


class _Leaf(NamedTuple):
    """A value made by a kernel, a scatter or an input, read directly or at one end of each edge."""

    value: str
    end: str | None


class _Kernel(NamedTuple):
    name: str
    value: str
    kind: Literal["mlp", "map", "table", "copy"]
    leaves: tuple[_Leaf, ...]


def check_domains(description: NetworkDescription) -> None:
    """Raises ValueError for a network on more than the nodes and edges of a graph."""
    if description.domains != (NODE, EDGE):
        others = [domain.name for domain in description.domains if domain not in (NODE, EDGE)]
        raise ValueError(f"accelerator: it streams nodes and edges, and has no place for domains {others}")


def read_passes(description: NetworkDescription) -> tuple[Pass, ...]:
    """The passes that make the output, in the order of the steps. Cost: steps squared."""
    needed = description.needed
    kernels = _kernels(description, needed)
    direct = _read_directly(description, kernels)
    kernels = [kernel for kernel in kernels if kernel.name not in direct]
    domains = [description.shape(kernel.value).domain for kernel in kernels]
    first_edge = domains.index("edge") if "edge" in domains else len(domains)
    scatters = [step for step in description.steps if isinstance(step, Scatter) and step.name in needed]
    return tuple(
        Pass(
            kernel.name,
            kernel.value,
            kernel.kind,
            domain,
            tuple(_operand(description, leaf, direct | {kernel.name}) for leaf in kernel.leaves),
            tuple(step for step in scatters if _summed(description, step) == kernel.name),
            streamed=place == first_edge,
            final=kernel.value == description.output,
            chained=place > 0 and domains[place - 1] == domain and place - 1 != first_edge,
        )
        for place, (kernel, domain) in enumerate(zip(kernels, domains, strict=True))
    )


def _kernels(description: NetworkDescription, needed: frozenset[str]) -> list[_Kernel]:
    """Every step that makes the output as kernels; a copy for each sum, those that prove to need none included."""
    kernels: dict[str, _Kernel] = {}
    for step in description.steps:
        if step.name not in needed:
            continue
        match step:
            case Mlp():
                kernels[step.name] = _Kernel(step.name, step.name, "mlp", _leaves(description, step.source))
            case Map() | Table():
                leaves = tuple(leaf for part in step.sources for leaf in _leaves(description, part))
                kernels[step.name] = _Kernel(step.name, step.name, step.kind, leaves)
            case Scatter():
                summed = _summed(description, step)
                if summed not in kernels:
                    kernels[summed] = _Kernel(summed, step.source, "copy", _leaves(description, step.source))
                kernels[step.name] = _Kernel(step.name, step.name, "copy", (_Leaf(step.name, None),))
            case Gather() | Concat():
                pass  # leaves of the kernels that read them
            case _:
                refuse_step(step, "accelerator")
    return list(kernels.values())


def _read_directly(description: NetworkDescription, kernels: list[_Kernel]) -> set[str]:
    """Sums that one node pass alone reads, not gathered: they go from the accumulators into its kernel."""
    readings: dict[str, set[tuple[str, str | None]]] = {}
    for kernel in kernels:
        for leaf in kernel.leaves:
            if leaf.value != kernel.name and isinstance(description.step(leaf.value), Scatter):
                readings.setdefault(leaf.value, set()).add((kernel.name, leaf.end))
    return {value for value, seen in readings.items() if len(seen) == 1 and next(iter(seen))[1] is None}


def _summed(description: NetworkDescription, scatter: Scatter) -> str:
    """Name of the pass whose results a scatter takes."""
    made_by_kernel = isinstance(description.step(scatter.source), Kernel)
    return scatter.source if made_by_kernel else f"{scatter.source}_copy"


def _leaves(description: NetworkDescription, source: str, end: str | None = None) -> tuple[_Leaf, ...]:
    """What a value is joined from, first column first."""
    step = description.step(source)
    match step:
        case Concat():
            return tuple(leaf for part in step.parts for leaf in _leaves(description, part, end))
        case Gather():
            return _leaves(description, step.source, step.end)
        case Input() | Mlp() | Map() | Table() | Scatter():
            return (_Leaf(source, end),)
        case _:
            refuse_step(step, "accelerator")


def _operand(description: NetworkDescription, leaf: _Leaf, from_accumulators: set[str]) -> Operand:
    if leaf.end is not None:
        return Operand(leaf.value, "gather", leaf.end)
    if leaf.value in from_accumulators:
        return Operand(leaf.value, "sum")
    return Operand(leaf.value, "edge" if description.shape(leaf.value).domain == EDGE.name else "node")

"""What a network's C++ and its caller agree on: numbers of values, domains and ends, and what a run can show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from edgetrack.export.native.dialect import Dialect
from edgetrack.export.native.schedule import Schedule, leaves, schedule
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Mlp, Scatter


@dataclass(frozen=True)
class Shown:
    """A value, or a hidden layer of an MLP ("phi_r1.0"), as a run can show it: (elements of its domain, width)."""

    name: str
    domain: str
    width: int


@dataclass(frozen=True)
class NetworkLayout:
    """A network in the statements of a dialect. Values are numbers in C++, so that any name is allowed."""

    dialect: Dialect

    @property
    def description(self) -> NetworkDescription:
        return self.dialect.description

    @cached_property
    def schedule(self) -> Schedule:
        return schedule(self.description)

    @cached_property
    def shown(self) -> tuple[Shown, ...]:
        """What runs can show, in the order of the steps; a concatenation only joins what is shown."""
        values: list[Shown] = []
        for value in (*self.description.inputs, *self.description.steps):
            shape = self.description.shape(value.name)
            if value.name not in self.made_in or isinstance(value, Concat):
                continue
            if isinstance(value, Mlp):
                hidden = value.widths[:-1]
                values += [Shown(f"{value.name}.{index}", shape.domain, width) for index, width in enumerate(hidden)]
            values.append(Shown(value.name, shape.domain, shape.width))
        return tuple(values)

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """Ends, in the order in which a graph gives them."""
        return tuple(end.name for domain in self.description.domains for end in domain.ends)

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Domains, in the order in which a graph gives their counts."""
        return tuple(domain.name for domain in self.description.domains)

    @cached_property
    def number(self) -> dict[str, int]:
        """Numbers of values in C++."""
        return {name: index for index, name in enumerate(self.description.names)}

    @cached_property
    def made_in(self) -> dict[str, int]:
        """The first pass that makes a value."""
        first: dict[str, int] = {}
        for index, one in enumerate(self.schedule.passes):
            for name in one.made:
                first.setdefault(name, index)
        return first

    @cached_property
    def scatters(self) -> tuple[Scatter, ...]:
        """Scatters that the output needs, in the order of their sums."""
        return tuple(step for step in self.description.steps if isinstance(step, Scatter) and step.name in self.made_in)

    @cached_property
    def output_leaves(self) -> tuple[str, ...]:
        """What the output joins; itself, if it is no concatenation."""
        return leaves(self.description, self.description.output)

    @property
    def symbol(self) -> str:
        """The network's name in C. Raises ValueError for one that cannot stand there."""
        name = self.description.name
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(f"native: the network's name {name!r} cannot stand in C, wanted letters, digits and _")
        return f"edgetrack_{name}"

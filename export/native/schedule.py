"""In which passes over which elements a network runs, and what has to be kept between them.

A pass goes over the elements of one domain, tile by tile; all that its steps make lives in the tile. What another pass
needs is stored: values that are gathered, sums, and what a later pass over the same elements reads. A gather waits
until its source is complete, so every scatter and every gather from computed values ends a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Step, Table, refuse_step


@dataclass(frozen=True)
class Pass:
    """One loop over the elements of a domain.

    Values are made in the order `made`; those `loaded` were stored by an earlier pass. Behind that, `stored` values are
    kept, and each of `scattered` is added to its sums.
    """

    level: int
    domain: str
    made: tuple[str, ...]
    loaded: tuple[str, ...]
    stored: tuple[str, ...]
    scattered: tuple[str, ...]


@dataclass(frozen=True)
class Schedule:
    """Passes in order; each starts when the one before it is done."""

    description: NetworkDescription
    passes: tuple[Pass, ...]
    stored: tuple[str, ...]

    def leaves(self, name: str) -> tuple[str, ...]:
        """The values that a concatenation joins, by way of other ones too; of any other value itself."""
        return leaves(self.description, name)


def leaves(description: NetworkDescription, name: str) -> tuple[str, ...]:
    """As `Schedule.leaves`."""
    step = description.step(name)
    if not isinstance(step, Concat):
        return (name,)
    return tuple(leaf for part in step.parts for leaf in leaves(description, part))


def schedule(description: NetworkDescription) -> Schedule:
    """Steps that the output needs, as early as they can be; inputs, and what is made of them alone, as late."""
    levels = _levels(description)
    needed = [value for value in (*description.inputs, *description.steps) if value.name in description.needed]
    stored = _stored(description, levels)
    places = sorted({(levels[value.name], description.shape(value.name).domain) for value in needed}, key=_order)
    passes = [_pass(description, levels, stored, level, domain) for level, domain in places]
    return Schedule(description, tuple(one for one in passes if one.stored or one.scattered or one.made), stored)


def _order(place: tuple[int, str]) -> tuple[int, str]:
    return place


def _levels(description: NetworkDescription) -> dict[str, int]:
    levels = {value.name: 0 for value in description.inputs}
    for step in description.steps:
        match step:
            case Gather() | Scatter():
                levels[step.name] = levels[step.source] + 1
            case Concat() | Mlp() | Map() | Table():
                levels[step.name] = max(levels[source] for source in step.sources)
            case _:
                refuse_step(step, "native")
    return _late(description, levels)


def _late(description: NetworkDescription, levels: dict[str, int]) -> dict[str, int]:
    """What is made of inputs alone is made where it is first read, so that it need not be kept until then."""
    for value in reversed((*description.inputs, *description.steps)):
        readers = [step for step in description.steps if value.name in step.sources and step.name in description.needed]
        waiting = levels[value.name] == 0 and value.name != description.output and readers
        if waiting and not any(isinstance(step, Gather | Scatter) for step in readers):
            levels[value.name] = min(levels[step.name] for step in readers)
    return levels


def _stored(description: NetworkDescription, levels: dict[str, int]) -> tuple[str, ...]:
    stored: set[str] = set()
    for step in description.steps:
        if step.name not in description.needed or isinstance(step, Concat):
            continue
        for source in step.sources:
            for leaf in leaves(description, source):
                again = isinstance(description.step(leaf), Gather)  # gathered once more, where it is read again
                later = levels[leaf] < (levels[source] if isinstance(step, Scatter) else levels[step.name])
                if isinstance(step, Gather) or (later and not again):
                    stored.add(leaf)
    return tuple(name for name in description.names if name in stored)


def _pass(
    description: NetworkDescription, levels: dict[str, int], stored: tuple[str, ...], level: int, domain: str
) -> Pass:
    here = [
        value
        for value in (*description.inputs, *description.steps)
        if value.name in description.needed
        and (levels[value.name], description.shape(value.name).domain) == (level, domain)
        and not isinstance(value, Concat)
    ]
    kept = tuple(value.name for value in here if value.name in stored)
    scatters = [
        step
        for step in description.steps
        if isinstance(step, Scatter)
        and step.name in description.needed
        and (levels[step.source], description.shape(step.source).domain) == (level, domain)
    ]
    roots = [value.name for value in here if not isinstance(value, Gather) or value.name in kept]
    roots += [leaf for step in scatters for leaf in leaves(description, step.source)]
    roots += [name for name in (description.output,) if name in {value.name for value in here}]
    if description.shape(description.output).domain == domain and levels[description.output] == level:
        roots += leaves(description, description.output)
    made, loaded = _closure(description, levels, level, roots)
    return Pass(level, domain, made, loaded, kept, tuple(step.name for step in scatters))


def _closure(
    description: NetworkDescription, levels: dict[str, int], level: int, roots: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a pass makes, and what it loads, so that all of `roots` are there."""
    made: set[str] = set()
    loaded: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        step = description.step(name)
        if name in made or name in loaded:
            continue
        if levels[name] < level and not isinstance(step, Gather):
            loaded.add(name)
            continue
        made.add(name)
        waiting += _read_in_place(description, step)
    return tuple(n for n in description.names if n in made), tuple(n for n in description.names if n in loaded)


def _read_in_place(description: NetworkDescription, step: Input | Step) -> Iterator[str]:
    """Values of the same elements that a step reads: a gather and a sum read memory."""
    if isinstance(step, Mlp | Map | Table):
        for source in step.sources:
            yield from leaves(description, source)

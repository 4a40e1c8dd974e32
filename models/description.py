"""A network as a short list of steps: the one thing that every later room reads.

Training, quantisation, the integer model, each exporter and `verify` walk over the same `NetworkDescription`; none of
them knows a network by name. The kinds of steps are in `edgetrack.models.steps`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Annotated

from pydantic import Field, TypeAdapter

from edgetrack.models.functions import function
from edgetrack.models.operations import operation
from edgetrack.models.steps import (
    EDGE,
    NODE,
    Concat,
    Domain,
    Gather,
    Input,
    Kernel,
    Map,
    Mlp,
    Scatter,
    Shape,
    Step,
    Table,
    is_kernel,
    keeps_codes,
    refuse_step,
)


@dataclass(frozen=True)
class NetworkDescription:
    """Inputs, steps in order, and the name of the value that is the result (for an edge classifier: the logit).

    `domains` are those that its values live in; names of ends are unique among them.
    """

    name: str
    inputs: tuple[Input, ...]
    steps: tuple[Annotated[Step, Field(discriminator="kind")], ...]
    output: str
    domains: tuple[Domain, ...] = (NODE, EDGE)
    _shapes: dict[str, Shape] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_domains()
        for value in self.inputs:
            self.domain(value.domain)
            self._define(value.name, Shape(value.domain, value.width))
        for step in self.steps:
            self._define(step.name, self._shape_made_by(step))
        if self.output not in self._shapes:
            raise ValueError(f"network {self.name!r}: output {self.output!r} is made by no step: {self.names}")
        self._check_shared_weights()

    @property
    def names(self) -> list[str]:
        """Names of all values, in the order in which they come into being."""
        return list(self._shapes)

    def shape(self, name: str) -> Shape:
        """Domain and width of a value. Raises ValueError for an unknown name."""
        if name not in self._shapes:
            raise ValueError(f"network {self.name!r}: value {name!r} is used but not made before; known: {self.names}")
        return self._shapes[name]

    def domain(self, name: str) -> Domain:
        """The domain of that name. Raises ValueError for an unknown one."""
        for domain in self.domains:
            if domain.name == name:
                return domain
        raise ValueError(
            f"network {self.name!r}: unknown domain {name!r}, wanted one of {[domain.name for domain in self.domains]}"
        )

    def end(self, name: str) -> tuple[Domain, Domain]:
        """The domain that has the end `name`, and the domain that it lies in. Raises ValueError for an unknown end."""
        for domain in self.domains:
            for end in domain.ends:
                if end.name == name:
                    return domain, self.domain(end.domain)
        known = [end.name for domain in self.domains for end in domain.ends]
        raise ValueError(f"network {self.name!r}: unknown end {name!r}, wanted one of {known}")

    @cached_property
    def mlps(self) -> tuple[Mlp, ...]:
        return tuple(step for step in self.steps if isinstance(step, Mlp))

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """The steps that compute, row by row: what stands as one pipeline in hardware, and is verified on its own."""
        return tuple(step for step in self.steps if is_kernel(step))

    @cached_property
    def parameters(self) -> dict[str, Mlp]:
        """The first MLP with each set of weights."""
        first: dict[str, Mlp] = {}
        for mlp in self.mlps:
            first.setdefault(mlp.parameters, mlp)
        return first

    @cached_property
    def formatted(self) -> tuple[Input | Step, ...]:
        """Inputs and steps that are rounded to a format of their own when quantised; all others keep their sources'."""
        return tuple(value for value in (*self.inputs, *self.steps) if not keeps_codes(value))

    @cached_property
    def needed(self) -> frozenset[str]:
        """The output, and all values that it is made from."""
        needed = {self.output}
        for step in reversed(self.steps):
            if step.name in needed:
                needed |= set(step.sources)
        return frozenset(needed)

    @property
    def ends_used(self) -> tuple[str, ...]:
        """Ends that steps gather from or scatter to, in the order of the domains."""
        used = {step.end for step in self.steps if isinstance(step, Gather | Scatter)}
        return tuple(end.name for domain in self.domains for end in domain.ends if end.name in used)

    def step(self, name: str) -> Input | Step:
        """The input or step that makes the value `name`."""
        self.shape(name)
        return next(value for value in (*self.inputs, *self.steps) if value.name == name)

    def layer_widths(self, mlp: Mlp) -> list[tuple[int, int]]:
        """(fan in, fan out) of each linear layer."""
        return list(pairwise((self.shape(mlp.source).width, *mlp.widths)))

    def num_parameters(self) -> int:
        """Weights and biases of all MLPs, shared ones counted once."""
        return sum(
            (fan_in + 1) * fan_out for mlp in self.parameters.values() for fan_in, fan_out in self.layer_widths(mlp)
        )

    def submodel(self, kernel: str) -> NetworkDescription:
        """One MLP, map or table as a network of its own: what feeds its concatenations becomes the inputs."""
        step = self.step(kernel)
        if not isinstance(step, Kernel):
            raise ValueError(
                f"network {self.name!r}: {kernel!r} is a {type(step).__name__}, wanted an MLP, map or table"
            )
        inputs: dict[str, Input] = {}
        steps: list[Step] = []
        for source in dict.fromkeys(step.sources):
            self._feed(source, inputs, steps)
        domain = self.domain(self.shape(kernel).domain)
        alone = Domain(domain.name)
        return NetworkDescription(f"{self.name}_{kernel}", tuple(inputs.values()), (*steps, step), kernel, (alone,))

    def to_json(self) -> str:
        return TypeAdapter(NetworkDescription).dump_json(self, exclude={"_shapes"}).decode()

    @staticmethod
    def from_json(text: str) -> NetworkDescription:
        return TypeAdapter(NetworkDescription).validate_json(text)

    def _feed(self, source: str, inputs: dict[str, Input], steps: list[Step]) -> None:
        feeding = self.step(source)
        shape = self.shape(source)
        if not isinstance(feeding, Concat):
            inputs.setdefault(source, Input(source, shape.domain, (1.0,) * shape.width))
            return
        for part in feeding.parts:
            self._feed(part, inputs, steps)
        if feeding not in steps:
            steps.append(feeding)

    def _define(self, name: str, shape: Shape) -> None:
        if not name.isidentifier():
            raise ValueError(f"network {self.name!r}: value name {name!r} must be an identifier (it names layers)")
        if name in self._shapes:
            raise ValueError(f"network {self.name!r}: two steps make {name!r}; give each value a name of its own")
        if shape.width < 1:
            raise ValueError(f"network {self.name!r}: {name!r} has width {shape.width}, wanted at least 1")
        self._shapes[name] = shape

    def _shape_made_by(self, step: Step) -> Shape:
        match step:
            case Gather():
                domain, among = self.end(step.end)
                self._require(step.name, step.source, among.name)
                return Shape(domain.name, self.shape(step.source).width)
            case Scatter():
                domain, among = self.end(step.end)
                self._require(step.name, step.source, domain.name)
                return Shape(among.name, self.shape(step.source).width)
            case Mlp():
                if not step.widths:
                    raise ValueError(f"network {self.name!r}: MLP {step.name!r} has no layer; give widths")
                return Shape(self.shape(step.source).domain, step.widths[-1])
            case Concat():
                if len(set(step.parts)) != len(step.parts):
                    raise ValueError(f"network {self.name!r}: {step.name!r} joins {step.parts}; join each value once")
                shapes = [self.shape(part) for part in step.parts]
                return Shape(self._one_domain(step.name, step.parts), sum(shape.width for shape in shapes))
            case Map():
                return Shape(self._one_domain(step.name, step.parts), self._mapped_width(step))
            case Table():
                function(step.function)
                return self.shape(step.source)
            case _:
                refuse_step(step, f"network {self.name!r}")

    def _mapped_width(self, step: Map) -> int:
        op = operation(step.operation)
        widths = [self.shape(part).width for part in step.parts]
        if len(widths) != op.arity:
            raise ValueError(
                f"network {self.name!r}: {step.name!r} gives {step.operation} {len(widths)} values, wanted {op.arity}"
            )
        try:
            return op.width(*widths)
        except ValueError as error:
            raise ValueError(f"network {self.name!r}: {step.name!r} ({step.operation}): {error}") from error

    def _one_domain(self, name: str, parts: Iterable[str]) -> str:
        shapes = [self.shape(part) for part in parts]
        if len({shape.domain for shape in shapes}) != 1:
            raise ValueError(f"network {self.name!r}: {name!r} joins {shapes}, wanted one domain")
        return shapes[0].domain

    def _require(self, name: str, source: str, domain: str) -> None:
        if self.shape(source).domain != domain:
            raise ValueError(
                f"network {self.name!r}: {name!r} needs a value on {domain}s, "
                f"got {source!r} on {self.shape(source).domain}s"
            )

    def _check_domains(self) -> None:
        names = [domain.name for domain in self.domains]
        ends = [end.name for domain in self.domains for end in domain.ends]
        for kind, known in (("domain", names), ("end", ends)):
            twice = sorted({name for name in known if known.count(name) > 1})
            if twice:
                raise ValueError(f"network {self.name!r}: {kind} {twice[0]!r} is named twice; give each its own name")
        for domain in self.domains:
            for end in domain.ends:
                self.domain(end.domain)

    def _check_shared_weights(self) -> None:
        for mlp in self.mlps:
            first = self.parameters[mlp.parameters]
            if self.layer_widths(first) != self.layer_widths(mlp):
                raise ValueError(
                    f"network {self.name!r}: MLPs {first.name!r} and {mlp.name!r} share weights {mlp.parameters!r} but "
                    f"have layers {self.layer_widths(first)} and {self.layer_widths(mlp)}; give them one size"
                )

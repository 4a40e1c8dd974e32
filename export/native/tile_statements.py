"""C++ of a network's steps on one tile: where its values lie, and statements that make, show, add and write them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from edgetrack.export.native.dialect import StepFunction
from edgetrack.export.native.network_layout import NetworkLayout
from edgetrack.export.native.schedule import Pass, leaves
from edgetrack.models.steps import Concat, Gather, Input, Kernel, Map, Mlp, Scatter, Step, Table, refuse_step


@dataclass(frozen=True)
class TileStatements:
    """Statements in which `job`, `at`, `n` and `T` are known; see `Dialect`."""

    layout: NetworkLayout

    @cached_property
    def functions(self) -> dict[str, StepFunction]:
        """The function of each MLP, map and table."""
        return {
            step.name: self.layout.dialect.step(step, f"step_{self.layout.number[step.name]}")
            for step in self.layout.description.kernels
        }

    def steps(self, names: Iterable[str]) -> list[Input | Step]:
        """Inputs and steps by name."""
        return [self.layout.description.step(name) for name in names]

    def buffer(self, name: str) -> str:
        """The planes of a value in the tile."""
        return f"v{self.layout.number[name]}"

    def hidden(self, step: Mlp, index: int) -> str:
        """The planes of a hidden layer."""
        return f"v{self.layout.number[step.name]}_{index}"

    def store(self, name: str) -> str:
        """The planes of a value in memory."""
        return f"job->stores[{self.layout.schedule.stored.index(name)}]"

    def indices(self, one: Pass) -> list[str]:
        """Rows at the ends that a pass uses."""
        steps = [step for step in self.steps([*one.made, *one.scattered]) if isinstance(step, Gather | Scatter)]
        used = {step.end for step in steps if isinstance(step, Gather) or step.name in one.scattered}
        lines = []
        for number, end in enumerate(self.layout.ends):
            if end in used:
                among = self.layout.domains.index(self.layout.description.end(end)[1].name)
                lines.append(f"alignas(64) int32_t i{number}[T];")
                lines.append(
                    f"if (!read_end(job->ends[{number}], at, n, job->counts[{among}], i{number})) "
                    "return EDGETRACK_INDEX;"
                )
        return lines

    def make(self, step: Input | Step) -> list[str]:
        """Statements that make a value."""
        out = self.buffer(step.name)
        match step:
            case Input():
                number = self.layout.description.inputs.index(step)
                return self.layout.dialect.read(step, f"job->features[{number}]", out)
            case Gather():
                lines, at = [], 0
                for leaf in leaves(self.layout.description, step.source):
                    planes = len(self.layout.dialect.planes(leaf))
                    index = f"i{self.layout.ends.index(step.end)}"
                    lines.append(f"gather<{planes}>({self.store(leaf)}, {index}, {out} + {at} * T);")
                    at += planes
                return lines
            case Mlp() | Map() | Table():
                return self.call(step, out)
            case Scatter():
                number = self.layout.scatters.index(step)
                degrees = f"job->degrees[{self.layout.ends.index(step.end)}]"
                return [
                    "{",
                    *self.layout.dialect.finish(step, self.layout.dialect.sums(step), number, degrees, out),
                    "}",
                ]
            case Concat():
                raise AssertionError(f"{step.name} is no value of its own")
            case _:
                refuse_step(step, "native")

    def call(self, step: Kernel, out: str) -> list[str]:
        """Statements that call the function of a step."""
        words = [word for source in step.sources for word in self._words(source)]
        hidden = [self.hidden(step, i) for i in range(len(step.widths) - 1)] if isinstance(step, Mlp) else []
        arguments = ", ".join(["in", out, *hidden])
        name = f"step_{self.layout.number[step.name]}"
        return ["{", f"const u32 *const in[] = {{{', '.join(words)}}};", f"{name}({arguments});", "}"]

    def _words(self, name: str) -> list[str]:
        """Where each plane of a value begins."""
        return [
            f"{self.buffer(leaf)} + {place} * T"
            for leaf in leaves(self.layout.description, name)
            for place in range(len(self.layout.dialect.planes(leaf)))
        ]

    def show(self, step: Input | Step) -> list[str]:
        """Statements that show a value and its hidden layers to who wants them."""
        values = [(step.name, self.buffer(step.name), self.layout.dialect.planes(step.name))]
        if isinstance(step, Mlp):
            hidden = enumerate(self.functions[step.name].hidden)
            values = [(f"{step.name}.{i}", self.hidden(step, i), planes) for i, planes in hidden] + values
        places = {value.name: number for number, value in enumerate(self.layout.shown)}
        lines = []
        for name, buffer, planes in values:
            rows = f"job->shown[{places[name]}]"
            lines += [f"if (job->shown && {rows}) {{", *self.layout.dialect.show(planes, buffer, rows), "}"]
        return lines

    def scatter(self, step: Scatter) -> list[str]:
        """Statements that add a tile's elements to their sums."""
        sums, number = self.layout.dialect.sums(step), self.layout.scatters.index(step)
        words = [f"({word})[l]" for word in self._words(step.source)]
        place = f"job->sums[{number}] + job->strides[{number}] * thread"
        row = f"static_cast<int64_t>(i{self.layout.ends.index(step.end)}[l]) * {sums.store.columns}"
        return [
            f"for (int l = 0; l < n; ++l) {{ // {step.name}",
            f"{sums.kind} *const sum = reinterpret_cast<{sums.kind} *>({place}) + {row};",
            *self.layout.dialect.scatter(step, sums, words),
            "}",
        ]

    def output(self) -> list[str]:
        """Statements that write the result. Raises ValueError for one that is a concatenation."""
        lines = []
        parts = self.layout.output_leaves
        if len(parts) > 1:
            raise ValueError(
                f"native: the output {self.layout.description.output!r} joins {parts}; wanted a value that a "
                "step computes: end the network with an MLP, a map or a table"
            )
        planes, buffer = self.layout.dialect.planes(self.layout.description.output), self.buffer(parts[0])
        lines += ["if (job->codes) {", *self.layout.dialect.show(planes, buffer, "job->codes"), "}"]
        return [*lines, "if (job->reals) {", *self.layout.dialect.reals(planes, buffer), "}"]

"""The C++ of a network: one function a pass, one a kernel, and the table that the driver reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from edgetrack.export.native.dialect import Dialect, StepFunction
from edgetrack.export.native.schedule import Pass, Schedule, leaves, schedule
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Kernel, Map, Mlp, Scatter, Step, Table, refuse_step


@dataclass(frozen=True)
class Shown:
    """A value, or a hidden layer of an MLP ("phi_r1.0"), as a run can show it: (elements of its domain, width)."""

    name: str
    domain: str
    width: int


@dataclass(frozen=True)
class NetworkSource:
    """A network in the statements of a dialect. Values are numbers in C++, so that any name is allowed."""

    dialect: Dialect

    @property
    def description(self) -> NetworkDescription:
        return self.dialect.description

    @cached_property
    def schedule(self) -> Schedule:
        return schedule(self.description)

    @cached_property
    def text(self) -> str:
        """network.cpp: to be compiled once a path."""
        includes = [f'#include "{header}"' for header in self.dialect.headers]
        functions = [self._functions[step.name].text for step in self.description.kernels]
        passes = [self._pass(index, one) for index, one in enumerate(self.schedule.passes)]
        kernels = [self._kernel(index, step) for index, step in enumerate(self.description.kernels)]
        return "\n\n".join(
            [
                f"// The network {self.description.name}, written by edgetrack. Compile it once for each path.",
                "\n".join(includes),
                "namespace {",
                *functions,
                *passes,
                *kernels,
                "} // namespace",
                self._table(),
                "",
            ]
        )

    @cached_property
    def shown(self) -> tuple[Shown, ...]:
        """What runs can show, in the order of the steps; a concatenation only joins what is shown."""
        values: list[Shown] = []
        for value in (*self.description.inputs, *self.description.steps):
            shape = self.description.shape(value.name)
            if value.name not in self._made_in or isinstance(value, Concat):
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
    def _functions(self) -> dict[str, StepFunction]:
        return {
            step.name: self.dialect.step(step, f"step_{self._number[step.name]}") for step in self.description.kernels
        }

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.description.names)}

    @cached_property
    def _made_in(self) -> dict[str, int]:
        """The first pass that makes a value."""
        first: dict[str, int] = {}
        for index, one in enumerate(self.schedule.passes):
            for name in one.made:
                first.setdefault(name, index)
        return first

    @cached_property
    def _scatters(self) -> tuple[Scatter, ...]:
        return tuple(
            step for step in self.description.steps if isinstance(step, Scatter) and step.name in self._made_in
        )

    # Passes

    def _pass(self, index: int, one: Pass) -> str:
        names = [*one.loaded, *one.made]
        lines = [f"alignas(64) u32 {self._buffer(name)}[{len(self.dialect.planes(name))} * T];" for name in names]
        for step in self._steps(one.made):
            if isinstance(step, Mlp):
                hidden = self._functions[step.name].hidden
                lines += [f"alignas(64) u32 {self._hidden(step, i)}[{len(p)} * T];" for i, p in enumerate(hidden)]
        lines += ["for (int64_t at = first; at < last; at += T) {"]
        lines += ["const int n = static_cast<int>(least(T, last - at));", *self._indices(one)]
        for name in one.loaded:
            lines.append(
                f"load_planes<{len(self.dialect.planes(name))}>({self._store(name)}, at, n, {self._buffer(name)});"
            )
        for step in self._steps(one.made):
            lines += [f"// {step.name}", *self._make(step)]
            if self._made_in[step.name] == index:
                lines += self._show(step)
        for name in one.stored:
            lines.append(
                f"store_planes<{len(self.dialect.planes(name))}>({self._buffer(name)}, at, n, {self._store(name)});"
            )
        for step in self._steps(one.scattered):
            assert isinstance(step, Scatter)
            lines += self._scatter(step)
        if self._gives_output(one):
            lines += self._output()
        lines += ["}", "return EDGETRACK_OK;"]
        head = f"static int pass_{index}(const edgetrack_job *job, int thread, int64_t first, int64_t last) {{"
        return "\n".join([f"// {one.domain}s", head, "(void)thread;", *lines, "}"])

    def _steps(self, names: Iterable[str]) -> list[Input | Step]:
        return [self.description.step(name) for name in names]

    def _buffer(self, name: str) -> str:
        return f"v{self._number[name]}"

    def _hidden(self, step: Mlp, index: int) -> str:
        return f"v{self._number[step.name]}_{index}"

    def _store(self, name: str) -> str:
        return f"job->stores[{self.schedule.stored.index(name)}]"

    def _indices(self, one: Pass) -> list[str]:
        """Rows at the ends that a pass uses."""
        steps = [step for step in self._steps([*one.made, *one.scattered]) if isinstance(step, Gather | Scatter)]
        used = {step.end for step in steps if isinstance(step, Gather) or step.name in one.scattered}
        lines = []
        for number, end in enumerate(self.ends):
            if end in used:
                among = self.domains.index(self.description.end(end)[1].name)
                lines.append(f"alignas(64) int32_t i{number}[T];")
                lines.append(
                    f"if (!read_end(job->ends[{number}], at, n, job->counts[{among}], i{number})) "
                    "return EDGETRACK_INDEX;"
                )
        return lines

    def _make(self, step: Input | Step) -> list[str]:
        out = self._buffer(step.name)
        match step:
            case Input():
                number = self.description.inputs.index(step)
                return self.dialect.read(step, f"job->features[{number}]", out)
            case Gather():
                lines, at = [], 0
                for leaf in leaves(self.description, step.source):
                    planes = len(self.dialect.planes(leaf))
                    index = f"i{self.ends.index(step.end)}"
                    lines.append(f"gather<{planes}>({self._store(leaf)}, {index}, {out} + {at} * T);")
                    at += planes
                return lines
            case Mlp() | Map() | Table():
                return self._call(step, out)
            case Scatter():
                number = self._scatters.index(step)
                degrees = f"job->degrees[{self.ends.index(step.end)}]"
                return ["{", *self.dialect.finish(step, self.dialect.sums(step), number, degrees, out), "}"]
            case Concat():
                raise AssertionError(f"{step.name} is no value of its own")
            case _:
                refuse_step(step, "native")

    def _call(self, step: Kernel, out: str) -> list[str]:
        words = [word for source in step.sources for word in self._words(source)]
        hidden = [self._hidden(step, i) for i in range(len(step.widths) - 1)] if isinstance(step, Mlp) else []
        arguments = ", ".join(["in", out, *hidden])
        name = f"step_{self._number[step.name]}"
        return ["{", f"const u32 *const in[] = {{{', '.join(words)}}};", f"{name}({arguments});", "}"]

    def _words(self, name: str) -> list[str]:
        """Where each plane of a value begins."""
        return [
            f"{self._buffer(leaf)} + {place} * T"
            for leaf in leaves(self.description, name)
            for place in range(len(self.dialect.planes(leaf)))
        ]

    def _show(self, step: Input | Step) -> list[str]:
        values = [(step.name, self._buffer(step.name), self.dialect.planes(step.name))]
        if isinstance(step, Mlp):
            hidden = enumerate(self._functions[step.name].hidden)
            values = [(f"{step.name}.{i}", self._hidden(step, i), planes) for i, planes in hidden] + values
        places = {value.name: number for number, value in enumerate(self.shown)}
        lines = []
        for name, buffer, planes in values:
            rows = f"job->shown[{places[name]}]"
            lines += [f"if (job->shown && {rows}) {{", *self.dialect.show(planes, buffer, rows), "}"]
        return lines

    def _scatter(self, step: Scatter) -> list[str]:
        sums, number = self.dialect.sums(step), self._scatters.index(step)
        words = [f"({word})[l]" for word in self._words(step.source)]
        place = f"job->sums[{number}] + job->strides[{number}] * thread"
        row = f"static_cast<int64_t>(i{self.ends.index(step.end)}[l]) * {sums.store.columns}"
        return [
            f"for (int l = 0; l < n; ++l) {{ // {step.name}",
            f"{sums.kind} *const sum = reinterpret_cast<{sums.kind} *>({place}) + {row};",
            *self.dialect.scatter(step, sums, words),
            "}",
        ]

    def _gives_output(self, one: Pass) -> bool:
        there = {*one.made, *one.loaded}
        passes = [each for each in self.schedule.passes if set(self._output_leaves) <= {*each.made, *each.loaded}]
        return set(self._output_leaves) <= there and one == passes[0]

    @cached_property
    def _output_leaves(self) -> tuple[str, ...]:
        return leaves(self.description, self.description.output)

    def _output(self) -> list[str]:
        lines = []
        if len(self._output_leaves) > 1:
            raise ValueError(
                f"native: the output {self.description.output!r} joins {self._output_leaves}; wanted a value that a "
                "step computes: end the network with an MLP, a map or a table"
            )
        planes, buffer = self.dialect.planes(self.description.output), self._buffer(self._output_leaves[0])
        lines += ["if (job->codes) {", *self.dialect.show(planes, buffer, "job->codes"), "}"]
        return [*lines, "if (job->reals) {", *self.dialect.reals(planes, buffer), "}"]

    # One kernel alone

    def _kernel(self, index: int, step: Kernel) -> str:
        sources = list(dict.fromkeys(leaf for source in step.sources for leaf in leaves(self.description, source)))
        declared = [(self._buffer(name), self.dialect.planes(name)) for name in (*sources, step.name)]
        if isinstance(step, Mlp):
            hidden = self._functions[step.name].hidden
            declared += [(self._hidden(step, i), planes) for i, planes in enumerate(hidden)]
        lines = [f"alignas(64) u32 {buffer}[{len(planes)} * T];" for buffer, planes in declared]
        lines += ["for (int64_t at = 0; at < rows; at += T) {", "const int n = static_cast<int>(least(T, rows - at));"]
        for number, name in enumerate(sources):
            lines += self.dialect.take(self.dialect.planes(name), f"inputs[{number}]", self._buffer(name))
        lines += self._call(step, self._buffer(step.name))
        lines += self.dialect.show(self.dialect.planes(step.name), self._buffer(step.name), "output")
        head = f"static int kernel_{index}(int64_t rows, const int32_t *const *inputs, int32_t *output) {{"
        return "\n".join([f"// {step.name} alone", head, *lines, "}", "return EDGETRACK_OK;", "}"])

    # What the driver reads

    def _table(self) -> str:
        domain = {name: number for number, name in enumerate(self.domains)}
        stores = [
            f"{{{domain[self.description.shape(name).domain]}, {len(self.dialect.planes(name))}}}"
            for name in self.schedule.stored
        ]
        sums = []
        for step in self._scatters:
            store = self.dialect.sums(step).store
            among = domain[self.description.shape(step.name).domain]
            first = {-(1 << 63): "INT64_MIN"}.get(store.first, f"INT64_C({store.first})")
            end = self.ends.index(step.end)
            sums.append(f"{{{among}, {store.columns}, {store.bytes}, {end}, {store.magnitude}, {first}}}")
        ends = [self._end(end, domain) for end in self.ends]
        passes = [f"{{{domain[one.domain]}, pass_{index}}}" for index, one in enumerate(self.schedule.passes)]
        kernels = [f"kernel_{index}" for index in range(len(self.description.kernels))]
        tables = {"store": stores, "sum": sums, "end": ends, "pass": passes}
        lines = [_rows(f"edgetrack_{kind}", f"{kind}_table", rows) for kind, rows in tables.items()]
        lines.append(_rows("edgetrack_kernel", "kernel_table", kernels))
        sizes = ", ".join(str(len(each)) for each in (self.domains, stores, sums, ends, passes, kernels))
        places = ", ".join(f"{kind}_table" for kind in (*tables, "kernel"))
        return "\n".join(
            [
                "namespace {",
                *lines,
                "} // namespace",
                "#define EDGETRACK_JOIN(name, path) name##_##path",
                "#define EDGETRACK_NAME(name, path) EDGETRACK_JOIN(name, path)",
                "#define EDGETRACK_TEXT(path) EDGETRACK_WORD(path)",
                "#define EDGETRACK_WORD(path) #path",
                'extern "C" {',
                f"extern const edgetrack_network EDGETRACK_NAME({self.symbol}, EDGETRACK_PATH);",
                f"const edgetrack_network EDGETRACK_NAME({self.symbol}, EDGETRACK_PATH) = {{",
                f"EDGETRACK_TEXT(EDGETRACK_PATH), {sizes},",
                f"{places}}};",
                "}",
            ]
        )

    @property
    def symbol(self) -> str:
        """The network's name in C. Raises ValueError for one that cannot stand there."""
        name = self.description.name
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(f"native: the network's name {name!r} cannot stand in C, wanted letters, digits and _")
        return f"edgetrack_{name}"

    def _end(self, end: str, domain: dict[str, int]) -> str:
        elements, among = self.description.end(end)
        means = any(step.reduce == "mean" and step.end == end for step in self._scatters)
        return f"{{{domain[elements.name]}, {domain[among.name]}, {self.dialect.max_degree if means else 0}}}"


def _rows(kind: str, name: str, rows: Sequence[str]) -> str:
    """A table; C++ has none without rows."""
    return f"const {kind} {name}[] = {{{', '.join(rows) or '{}'}}};"

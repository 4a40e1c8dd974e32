"""C++ of steps in the integers of an `IntegerModel`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from edgetrack.export.native.dialect import Dialect, StepFunction, Sums, SumStore
from edgetrack.export.native.integer_layers import (
    INT32,
    Layer,
    code_in,
    layer_function,
    literal,
    number_type,
)
from edgetrack.export.native.planes import Plane, joined, planes_of
from edgetrack.export.native.schedule import leaves
from edgetrack.export.native.traced import Columns
from edgetrack.models.description import NetworkDescription
from edgetrack.models.operations import operation
from edgetrack.models.steps import Concat, Input, Kernel, Map, Mlp, Scatter, Table, keeps_codes
from edgetrack.quantize.exact import Exact
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel

REAL = 1 << 51  # float64 rounds integers and fractions of them below this, by adding 1.5 · 2^52
SMALLEST = {4: -(1 << 31), 8: -(1 << 63)}  # what a maximum starts from


@dataclass(frozen=True)
class IntegerDialect(Dialect):
    """Codes in planes of bytes or words; see `edgetrack.export.native.planes`."""

    model: IntegerModel

    @property
    def description(self) -> NetworkDescription:
        return self.model.description

    @property
    def headers(self) -> tuple[str, ...]:
        return ("native_layers.h",)

    @property
    def max_degree(self) -> int:
        return self.model.max_degree

    @cached_property
    def _planes(self) -> dict[str, tuple[Plane, ...]]:
        return {}

    def planes(self, name: str) -> tuple[Plane, ...]:
        """Planes of a value."""
        if name not in self._planes:
            self._planes[name] = self._find_planes(name)
        return self._planes[name]

    def _find_planes(self, name: str) -> tuple[Plane, ...]:
        step = self.description.step(name)
        if keeps_codes(step):
            parts = leaves(self.description, name if isinstance(step, Concat) else step.sources[0])
            return joined([(self.description.shape(part).width, self.planes(part)) for part in parts])
        return planes_of(self.description.shape(name).width, self.model.formats[name])

    # Steps of a tile

    def read(self, value: Input, features: str, out: str) -> list[str]:
        fmt = self.model.formats[value.name]
        scale = ", ".join(f"{float(factor)!r}f" for factor in value.scale)
        lines = [f"static const float scale_{out}[] = {{{scale}}};"]
        for place, plane in enumerate(self.planes(value.name)):
            grid = f"{2.0**-fmt.exponent!r}"
            if plane.narrow:
                call = f"read_bytes<{value.width}, {plane.first}, {plane.count}>"
                numbers = f"{grid}f, {fmt.lowest}, {fmt.highest}, {plane.zero}"
            else:
                call = f"read_word<{value.width}, {plane.first}>"
                numbers = f"{grid}, {fmt.lowest}., {fmt.highest}."
            target = f"{out} + {place} * T"
            lines.append(f"if (!{call}({features}, at, n, scale_{out}, {numbers}, {target})) return EDGETRACK_NAN;")
        return lines

    def step(self, step: Kernel, name: str) -> StepFunction:
        match step:
            case Mlp():
                return self._mlp(step, name)
            case Map():
                return StepFunction(self._map(step, name), ())
            case Table():
                return StepFunction(self._table(step, name), ())

    def _mlp(self, step: Mlp, name: str) -> StepFunction:
        planes = self.planes(step.source)
        functions, calls, hidden = [], [], []
        source = "in"
        layers = self.model.layers[step.name]
        for index, one in enumerate(layers):
            layer = Layer(one, planes, self.model.bounds[f"{step.name}.{index}"].largest)
            functions.append(layer_function(f"{name}_{index}", layer))
            target = "out" if index == len(layers) - 1 else f"h{index}"
            calls.append(f"{name}_{index}({source}, {target});")
            planes = layer.output
            if index < len(layers) - 1:
                hidden.append(planes)
                source = f"in{index}"
                places = ", ".join(f"h{index} + {place} * T" for place in range(len(planes)))
                calls.append(f"const u32 *const {source}[] = {{{places}}};")
        arguments = "".join(f", u32 *h{index}" for index in range(len(hidden)))
        head = f"static __attribute__((noinline)) void {name}(const u32 *const *in, u32 *out{arguments}) {{"
        return StepFunction("\n".join([*functions, head, *calls, "}"]), tuple(hidden))

    def _map(self, step: Map, name: str) -> str:
        bound, fmt = self.model.bounds[step.name], self.model.formats[step.name]
        shift = fmt.exponent - bound.exponent
        kind = number_type(bound.largest + (1 << min(max(shift, 0), 62)), fmt)
        body: list[str] = []
        parts: list[Exact] = []
        place = 0
        for part in step.parts:
            exponent = self.model.exponent(part)
            columns = []
            for plane in self.planes(part):
                factor = 1 << (plane.fmt.exponent - exponent)
                for byte in range(plane.count):
                    columns.append(f"t{len(body)}")
                    code = code_in(plane, byte, f"p{place}[l]")
                    scaled = f"({kind})({code})" + (f" * {literal(factor)}" if factor > 1 else "")
                    body.append(f"const {kind} {columns[-1]} = {scaled};")
                place += 1
            parts.append(Exact(Columns(body, kind, tuple(columns)), exponent))
        result = operation(step.operation).apply(*parts)
        codes = [_settled(column, shift, fmt, kind) for column in result.codes.columns]
        pointers = [f"const u32 *__restrict p{index} = in[{index}];" for index in range(place)]
        loop = [*body, *_into_planes(codes, self.planes(step.name), "out")]
        return _function(name, [*pointers, "for (int l = 0; l < T; ++l) {", *loop, "}"])

    def _table(self, step: Table, name: str) -> str:
        contents = self.model.tables[step.name]
        source, output = self.planes(step.source), self.planes(step.name)
        add = output[0].zero if output[0].narrow else 0
        numbers = [int(code) + add for code in contents]
        first = source[0].fmt.lowest
        if source[0].narrow:  # bytes that no code has are never looked at, but read
            before = first + source[0].zero
            numbers = ([numbers[0]] * before + numbers + [numbers[-1]] * 256)[:256]
        kind = "uint8_t" if output[0].narrow else "int32_t"
        constants = f"static const {kind} C_{name}[] = {{{', '.join(map(str, numbers))}}};"
        codes = []
        for place, plane in enumerate(source):
            for byte in range(plane.count):
                word = f"in[{place}][l]"
                row = f"byte_of<{byte}>({word})" if plane.narrow else f"static_cast<int32_t>({word}) - ({first})"
                codes.append(f"C_{name}[{row}]")
        lines = _into_planes(codes, output, "out", biased=True)
        return constants + "\n" + _function(name, ["for (int l = 0; l < T; ++l) {", *lines, "}"])

    # Sums

    def sums(self, step: Scatter) -> Sums:
        planes = self.planes(step.source)
        columns = sum(4 if plane.narrow else 1 for plane in planes)
        magnitude = max(plane.fmt.magnitude for plane in planes)
        if step.reduce == "max":
            wide = any(plane.fmt.bits == 32 for plane in planes)
            return Sums(SumStore(columns, 8 if wide else 4, 0, SMALLEST[8 if wide else 4]), step.reduce)
        wide = magnitude * self.model.max_degree >= INT32
        return Sums(SumStore(columns, 8 if wide else 4, 0 if wide else magnitude, 0), step.reduce)

    def scatter(self, step: Scatter, sums: Sums, words: Sequence[str]) -> list[str]:
        lines, at = [], 0
        for plane, word in zip(self.planes(step.source), words, strict=True):
            if plane.narrow:
                add = "raise4" if step.reduce == "max" else "add4"
                lines.append(f"{add}(sum + {at}, {word}, {plane.zero});")
            elif step.reduce == "max":
                lines.append(f"raise1<{sums.kind}>(sum + {at}, static_cast<int32_t>({word}));")
            else:
                lines.append(f"sum[{at}] += static_cast<int32_t>({word});")
            at += 4 if plane.narrow else 1
        return lines

    def finish(self, step: Scatter, sums: Sums, number: int, degrees: str, out: str) -> list[str]:
        lines = [
            f"{sums.kind} total[{sums.store.columns} * T];",
            f"collect<{sums.store.columns}, {str(step.reduce == 'max').lower()}, {sums.kind}>"
            f"(job, {number}, at, n, total);",
        ]
        totals, at = [], 0
        for plane in self.planes(step.source):
            totals += [f"total[{at + byte} * T + l]" for byte in range(plane.count)]
            at += 4 if plane.narrow else 1
        if step.reduce == "mean":
            lines += self._reciprocals(degrees)
        codes = [self._finished(step, sums, total, index) for index, total in enumerate(totals)]
        return [*lines, "for (int l = 0; l < T; ++l) {", *_into_planes(codes, self.planes(step.name), out), "}"]

    def _reciprocals(self, degrees: str) -> list[str]:
        power = f"{2.0**self.model.reciprocal_bits!r}"
        rounded = f"{power} / {degrees}[at + l] + 6755399441055744.0 - 6755399441055744.0"
        return [
            "double reciprocal[T];",
            f"for (int l = 0; l < T; ++l) reciprocal[l] = l < n && {degrees}[at + l] > 0 ? {rounded} : 0.0;",
        ]

    def _finished(self, step: Scatter, sums: Sums, total: str, column: int) -> str:
        """The code of one column of a sum."""
        if step.reduce == "max":
            return f"static_cast<int32_t>({total} == {_least(sums)} ? 0 : {total})"
        fmt, exponent = self.model.formats[step.name], self.model.exponent(step.source)
        columns = self.model.columns(step.source)
        factor = 1 << (columns[column].exponent - exponent)
        if step.reduce == "sum":
            bound = self.model.bounds[step.name].largest
            shift = fmt.exponent - exponent
            kind = (
                "int64_t"
                if factor > 1 or sums.kind == "int64_t"
                else number_type(bound + (1 << min(max(shift, 0), 62)), fmt)
            )
            return _settled(f"({kind})({total}) * {literal(factor)}", shift, fmt, kind)
        bound = self.model.bounds[step.name].largest
        shift = fmt.exponent - exponent + self.model.reciprocal_bits
        if bound < REAL:
            real = f"(double)({total}) * reciprocal[l] * {factor * 2.0**-shift!r}"
            kind = "int32_t" if fmt.bits < 32 else "int64_t"
            return f"settled_real<{kind}>({real}, {fmt.lowest}.0, {fmt.highest}.0)"
        return _settled(f"(int64_t)({total}) * (int64_t)reciprocal[l] * {literal(factor)}", shift, fmt, "int64_t")

    # Rows that leave and enter

    def show(self, planes: Sequence[Plane], source: str, rows: str) -> list[str]:
        width = sum(plane.count for plane in planes)
        lines = []
        for place, plane in enumerate(planes):
            if plane.narrow:
                call = f"show_bytes<{width}, {plane.first}, {plane.count}>"
                lines.append(f"{call}({source} + {place} * T, at, n, {plane.zero}, {rows});")
            else:
                lines.append(f"show_word<{width}, {plane.first}>({source} + {place} * T, at, n, {rows});")
        return lines

    def take(self, planes: Sequence[Plane], rows: str, out: str) -> list[str]:
        width = sum(plane.count for plane in planes)
        lines = []
        for place, plane in enumerate(planes):
            if plane.narrow:
                call = f"take_bytes<{width}, {plane.first}, {plane.count}>"
                lines.append(f"{call}({rows}, at, n, {plane.zero}, {out} + {place} * T);")
            else:
                lines.append(f"take_word<{width}, {plane.first}>({rows}, at, n, {out} + {place} * T);")
        return lines

    def reals(self, planes: Sequence[Plane], source: str) -> list[str]:
        width, lines = sum(plane.count for plane in planes), []
        for place, plane in enumerate(planes):
            for byte in range(plane.count):
                code = code_in(plane, byte, f"{source}[{place} * T + l]")
                number = f"static_cast<float>({code}) * {plane.fmt.step!r}f"
                lines.append(f"job->reals[(at + l) * {width} + {plane.first + byte}] = {number};")
        return ["for (int l = 0; l < n; ++l) {", *lines, "}"]


def _settled(expression: str, shift: int, fmt: Format, kind: str) -> str:
    return f"settled<{shift}, {literal(fmt.lowest)}, {literal(fmt.highest)}, {kind}>({expression})"


def _least(sums: Sums) -> str:
    return "INT64_MIN" if sums.kind == "int64_t" else "INT32_MIN"


def _into_planes(codes: Sequence[str], planes: Sequence[Plane], out: str, biased: bool = False) -> list[str]:
    """Statements that bring codes of lane l, one a column, into planes; `biased`: the zero is in them already."""
    lines, rest = [], iter(codes)
    for place, plane in enumerate(planes):
        words = [f"static_cast<u32>({next(rest)})" for _ in range(plane.count)]
        if plane.narrow:
            add = 0 if biased else plane.zero
            words = [f"{word} + {add}" for word in words] + ["0"] * (4 - len(words))
            lines.append(f"{out}[{place} * T + l] = joined({', '.join(words)});")
        else:
            lines.append(f"{out}[{place} * T + l] = {words[0]};")
    return lines


def _function(name: str, lines: Iterable[str]) -> str:
    head = f"static __attribute__((noinline)) void {name}(const u32 *const *in, u32 *__restrict out) {{"
    return "\n".join([head, *lines, "}"])

"""C++ of steps in float32: the arithmetic of a `GraphNetwork`, sums in other orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.native.dialect import Dialect, StepFunction, Sums, SumStore
from edgetrack.export.native.planes import Plane
from edgetrack.export.native.traced import Columns
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import GraphNetwork
from edgetrack.models.operations import operation
from edgetrack.models.steps import Input, Kernel, Map, Mlp, Scatter, Table
from edgetrack.quantize.fixed_point import Format

WORD = Format(32, 0)
BLOCK = 6  # neurons at a time: FR of native_floats.h
LOWEST = -8388608  # bits of minus infinity
MOST = (1 << 31) - 1

# C++ of `edgetrack.models.functions`, of the number x
FUNCTIONS: Mapping[str, str] = {
    "silu": "x / (1.f + std::exp(-x))",
    "sigmoid": "1.f / (1.f + std::exp(-x))",
    "exponential": "std::exp(x)",
    "reciprocal": "x > 0.f ? 1.f / x : 0.f",
    "reciprocal_square_root": "x > 0.f ? 1.f / std::sqrt(x) : 0.f",
    "square_root": "x > 0.f ? std::sqrt(x) : 0.f",
}


@dataclass(frozen=True)
class FloatDialect(Dialect):
    """A number a plane."""

    network: NetworkDescription
    weights: Mapping[str, NDArray[np.float32]]  # the network's state dict

    @staticmethod
    def of(network: GraphNetwork) -> FloatDialect:
        """Of a network with its weights."""
        state = network.state_dict().items()
        weights = {name: np.ascontiguousarray(tensor.detach().cpu().float().numpy()) for name, tensor in state}
        return FloatDialect(network.description, weights)

    @property
    def description(self) -> NetworkDescription:
        return self.network

    @property
    def headers(self) -> tuple[str, ...]:
        return ("native_floats.h",)

    @property
    def max_degree(self) -> int:
        return MOST

    def planes(self, name: str) -> tuple[Plane, ...]:
        return tuple(Plane(column, 1, WORD) for column in range(self.network.shape(name).width))

    def read(self, value: Input, features: str, out: str) -> list[str]:
        scale = ", ".join(f"{float(factor)!r}f" for factor in value.scale)
        floats = f"reinterpret_cast<float *>({out})"
        return [
            f"static const float scale_{out}[] = {{{scale}}};",
            f"read_floats<{value.width}>({features}, at, n, scale_{out}, {floats});",
        ]

    def step(self, step: Kernel, name: str) -> StepFunction:
        match step:
            case Mlp():
                return self._mlp(step, name)
            case Map():
                return StepFunction(self._map(step, name), ())
            case Table():
                return StepFunction(self._table(step, name), ())

    def _mlp(self, step: Mlp, name: str) -> StepFunction:
        constants, calls, hidden = [], [], []
        source, last = "reinterpret_cast<const float *const *>(in)", len(step.widths) - 1
        for index, (fan_in, fan_out) in enumerate(pairwise((self.network.shape(step.source).width, *step.widths))):
            # the modules of the Sequential alternate between Linear and ReLU
            weight, bias = (self.weights[f"mlps.{step.parameters}.{2 * index}.{part}"] for part in ("weight", "bias"))
            constants += [_array(f"W_{name}_{index}", _blocks(weight)), _array(f"B_{name}_{index}", bias)]
            target = "out" if index == last else f"h{index}"
            sizes = f"{fan_in}, {fan_out}, {str(index < last).lower()}"
            weights = f"W_{name}_{index}, B_{name}_{index}"
            calls.append(f"float_layer<{sizes}>({source}, {weights}, reinterpret_cast<float *>({target}));")
            if index < last:
                hidden.append(tuple(Plane(column, 1, WORD) for column in range(fan_out)))
                places = ", ".join(f"(const float *)h{index} + {column} * T" for column in range(fan_out))
                source = f"in{index}"
                calls.append(f"const float *const {source}[] = {{{places}}};")
        arguments = "".join(f", u32 *h{index}" for index in range(last))
        head = f"static __attribute__((noinline)) void {name}(const u32 *const *in, u32 *out{arguments}) {{"
        return StepFunction("\n".join([*constants, head, *calls, "}"]), tuple(hidden))

    def _map(self, step: Map, name: str) -> str:
        body: list[str] = []
        parts, place = [], 0
        for part in step.parts:
            columns = []
            for _ in self.planes(part):
                columns.append(f"t{len(body)}")
                body.append(f"const float {columns[-1]} = real_of(p{place}[l]);")
                place += 1
            parts.append(Columns(body, "float", tuple(columns)))
        result = operation(step.operation).apply(*parts)
        pointers = [f"const u32 *__restrict p{index} = in[{index}];" for index in range(place)]
        return _function(name, pointers, [*body, *_written(result.columns, "out")])

    def _table(self, step: Table, name: str) -> str:
        if step.function not in FUNCTIONS:
            raise ValueError(
                f"native: {step.name} is the function {step.function!r}, which has no C++ here; wanted one of "
                f"{', '.join(FUNCTIONS)}"
            )
        lines = [f"static inline float function_{name}(float x) {{ return {FUNCTIONS[step.function]}; }}"]
        values = [f"function_{name}(real_of(in[{place}][l]))" for place in range(len(self.planes(step.source)))]
        return "\n".join([*lines, _function(name, [], _written(values, "out"))])

    def sums(self, step: Scatter) -> Sums:
        first = LOWEST if step.reduce == "max" else 0
        return Sums(SumStore(len(self.planes(step.source)), 4, 0, first), step.reduce, real=True)

    def scatter(self, step: Scatter, sums: Sums, words: Sequence[str]) -> list[str]:
        if step.reduce == "max":
            return [f"raise1<float>(sum + {column}, real_of({word}));" for column, word in enumerate(words)]
        return [f"sum[{column}] += real_of({word});" for column, word in enumerate(words)]

    def finish(self, step: Scatter, sums: Sums, number: int, degrees: str, out: str) -> list[str]:
        columns, is_max = sums.store.columns, step.reduce == "max"
        values = []
        for column in range(columns):
            total = f"total[{column} * T + l]"
            if is_max:
                total = f"({total} == -INFINITY ? 0.f : {total})"
            values.append(f"{total} / degree[l]" if step.reduce == "mean" else total)
        lines = [f"float total[{columns} * T];"]
        lines.append(f"collect<{columns}, {str(is_max).lower()}, float>(job, {number}, at, n, total);")
        if step.reduce == "mean":
            degree = f"l < n && {degrees}[at + l] > 1 ? (float){degrees}[at + l] : 1.f"
            lines += ["float degree[T];", f"for (int l = 0; l < T; ++l) degree[l] = {degree};"]
        return [*lines, "for (int l = 0; l < T; ++l) {", *_written(values, out), "}"]

    def show(self, planes: Sequence[Plane], source: str, rows: str) -> list[str]:
        width = len(planes)
        return [f"show_word<{width}, {c}>({source} + {c} * T, at, n, {rows});" for c in range(width)]

    def take(self, planes: Sequence[Plane], rows: str, out: str) -> list[str]:
        width = len(planes)
        return [f"take_word<{width}, {c}>({rows}, at, n, {out} + {c} * T);" for c in range(width)]

    def reals(self, planes: Sequence[Plane], source: str) -> list[str]:
        width = len(planes)
        lines = [f"job->reals[(at + l) * {width} + {c}] = real_of({source}[{c} * T + l]);" for c in range(width)]
        return ["for (int l = 0; l < n; ++l) {", *lines, "}"]


def _blocks(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (fan_out, fan_in) as layers read them: block by block of neurons, column by column."""
    return np.concatenate([weight[first : first + BLOCK].T.ravel() for first in range(0, len(weight), BLOCK)])


def _array(name: str, numbers: NDArray[np.float32]) -> str:
    text = ", ".join(f"{float(number).hex()}f" for number in numbers)
    return f"alignas(64) static const float {name}[] = {{{text}}};"


def _written(values: Iterable[str], out: str) -> list[str]:
    return [f"{out}[{place} * T + l] = bits_of({value});" for place, value in enumerate(values)]


def _function(name: str, before: Sequence[str], loop: Sequence[str]) -> str:
    head = f"static __attribute__((noinline)) void {name}(const u32 *const *in, u32 *__restrict out) {{"
    return "\n".join([head, *before, "for (int l = 0; l < T; ++l) {", *loop, "}", "}"])

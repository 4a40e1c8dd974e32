"""One kernel of the integer model, an MLP or a map, as shift-add Verilog, traced by alkaid.

alkaid turns each matrix into a graph of shifted additions (no multiplier), cut into stages of equal delay: a new
vector every clock. What it can prove about ranges makes its own ports narrower than the formats that the network
declares, so a wrapper with the declared widths goes around it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.export.rtl.delays import scheduled
from edgetrack.models.operations import operation
from edgetrack.models.steps import Concat, Map, Mlp
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel

# alkaid computes ranges in float64, and its simulation carries values in 64-bit integers.
WIDEST_ACCUMULATOR = 48


@dataclass(frozen=True)
class RtlKernel:
    """One kernel as Verilog. `sources` maps file names to text; the module `top` has ports clk, model_inp, model_out.

    Ports pack one field a column, the first column in the lowest bits, each as wide as its format. A result stands
    `latency_cycles` clock edges after the edge that took its vector; the initiation interval is 1.
    """

    top: str
    parts: tuple[str, ...]  # the values whose columns the input port holds, in order
    inputs: tuple[Format, ...]
    outputs: tuple[Format, ...]
    sources: dict[str, str]
    latency_cycles: int
    register_bits: int
    estimated_luts: int  # alkaid's own cost model, before any synthesis


def trace_mlp(model: IntegerModel, mlp: str) -> Any:
    """alkaid's graph of one MLP. Raises ValueError, naming the layer, where an accumulator is too wide for it."""
    from alkaid.trace import FVArrayInput, trace

    for index, bits in enumerate(model.accumulator_bits(mlp)):
        if bits > WIDEST_ACCUMULATOR:
            raise ValueError(
                f"rtl: layer {mlp}.{index} has a {bits}-bit accumulator, wanted at most "
                f"{WIDEST_ACCUMULATOR}; use fewer bits for its weights or inputs"
            )
    (source,) = kernel_sources(model, mlp)
    columns = model.columns(source)
    inputs = FVArrayInput(len(columns))
    value = _on_their_grids(inputs, columns)
    exponent = model.exponent(source)
    for layer in model.layers[mlp]:
        accumulator = exponent + layer.weight_format.exponent
        value = _in_format(
            value @ (layer.weight.T * layer.weight_format.step) + layer.bias * 2.0**accumulator, layer.activation
        )
        exponent = layer.activation.exponent
    return trace(inputs, value)


def trace_map(model: IntegerModel, name: str) -> Any:
    """alkaid's graph of one map: the columns of its parts in, the operation's exact result in its format out."""
    from alkaid.trace import FVArrayInput, trace

    step = model.description.step(name)
    assert isinstance(step, Map)
    parts = [model.columns(part) for part in step.parts]
    inputs = FVArrayInput(sum(map(len, parts)))
    values = _on_their_grids(inputs, [fmt for columns in parts for fmt in columns])
    ends = np.cumsum([len(columns) for columns in parts])[:-1]
    exact = operation(step.operation).apply(*np.split(values, ends))
    return trace(inputs, _in_format(exact, model.formats[name]))


def kernel_sources(model: IntegerModel, name: str) -> tuple[str, ...]:
    """The values whose columns a kernel takes, in order."""
    step = model.description.step(name)
    if not isinstance(step, Mlp | Map):
        raise ValueError(f"rtl: {name!r} is a {type(step).__name__}, for which there is no pipeline")
    return step.sources


def make_kernel(model: IntegerModel, name: str, latency_cutoff: float, clock_period_ns: float) -> RtlKernel:
    """Verilog of one MLP or map, stages cut where the delay passes `latency_cutoff` (alkaid's units: about one
    adder each).

    Cost: below a second at 8 hidden units, several at 40.
    """
    from alkaid.codegen import RTLModel

    if not name.isascii():
        raise ValueError(f"rtl: step {name!r} cannot name a Verilog module, wanted ASCII; rename the step")
    graph = trace_mlp(model, name) if isinstance(model.description.step(name), Mlp) else trace_map(model, name)
    top, inner = f"{name}_pipeline", f"{name}_kernel"
    sources = {}
    delayed, stages = scheduled(graph, latency_cutoff)
    with tempfile.TemporaryDirectory() as folder:
        rtl = RTLModel(
            delayed,
            folder,
            prj_name=inner,
            flavor="verilog",
            n_stages=stages,
            ternary_fuse=False,
            clock_period=clock_period_ns,
            print_latency=False,
        )
        rtl.write()
        for path in sorted((Path(folder) / "src").rglob("*.v")):
            if path.stem == f"{inner}_wrapper":
                continue
            module = re.sub(r"^logic(\d+)$", rf"{inner}_logic\1", path.stem)
            # Kernels of one network share a design, and alkaid calls the stages of each of them logic0, logic1, …
            text = re.sub(r"\blogic(\d+)\b", rf"{inner}_logic\1", path.read_text())
            # Nothing waits for a time here, and a design has a timescale in all of its files or in none.
            sources[f"{module}.v"] = re.sub(r"^`timescale.*\n", "", text, flags=re.MULTILINE)
    taken = kernel_sources(model, name)
    inputs = tuple(fmt for source in taken for fmt in model.columns(source))
    outputs = model.columns(name)
    fields = [
        [tuple(int(bits) for bits in column) for column in signal.precisions]
        for signal in (rtl.fsm.inp_signals[0], rtl.fsm.out_signals[0])
    ]
    if not all(sum(map(sum, columns)) for columns in fields):
        raise ValueError(
            f"rtl: {name} gives the same result for every input, which is no pipeline; "
            "train it again or leave the step out"
        )
    sources[f"{top}.v"] = wrapper(top, inner, inputs, outputs, fields[0], fields[1])
    latency = rtl.latency
    assert latency is not None
    return RtlKernel(
        top, _parts(model, taken), inputs, outputs, sources, int(latency), int(rtl.reg_bits), round(float(graph.cost))
    )


Field = tuple[int, ...]  # signed (0 or 1), integer bits without sign, fractional bits


def wrapper(
    name: str,
    inner: str,
    inputs: Sequence[Format],
    outputs: Sequence[Format],
    inner_inputs: Sequence[Field],
    inner_outputs: Sequence[Field],
) -> str:
    """Verilog of a module with fields of the declared formats around one whose fields may be narrower."""
    width_in, width_out = (sum(fmt.bits for fmt in formats) for formats in (inputs, outputs))
    inner_in, inner_out = (sum(map(sum, fields)) for fields in (inner_inputs, inner_outputs))
    lines = [
        f"// {name}: {len(inputs)} columns in, {len(outputs)} out, first column in the lowest bits.",
        "",
        f"module {name} (",
        "    input clk,",
        f"    input wire [{width_in - 1}:0] model_inp,",
        f"    output wire [{width_out - 1}:0] model_out",
        ");",
        f"    wire [{inner_in - 1}:0] narrow_inp;",
        f"    wire [{inner_out - 1}:0] narrow_out;",
        f"    {inner} kernel (.clk(clk), .model_inp(narrow_inp), .model_out(narrow_out));",
    ]
    wide = narrow = 0
    for fmt, field in zip(inputs, inner_inputs, strict=True):
        bits, low = sum(field), fmt.fractional_bits - field[2]
        assert bits == 0 or (low >= 0 and low + bits <= fmt.bits), (name, fmt, field)
        if bits:
            lines.append(
                f"    assign narrow_inp[{narrow + bits - 1}:{narrow}] = "
                f"model_inp[{wide + low + bits - 1}:{wide + low}];"
            )
        wide, narrow = wide + fmt.bits, narrow + bits
    wide = narrow = 0
    for fmt, field in zip(outputs, inner_outputs, strict=True):
        bits, low = sum(field), fmt.fractional_bits - field[2]
        lines.append(f"    assign model_out[{wide + fmt.bits - 1}:{wide}] = {_widened(fmt, field, narrow, low)};")
        wide, narrow = wide + fmt.bits, narrow + bits
    return "\n".join([*lines, "endmodule", ""])


def _widened(fmt: Format, field: Field, start: int, low: int) -> str:
    """Verilog expression of a field in its declared width: sign or zeros above it, `low` zeros below."""
    bits = sum(field)
    if bits == 0:
        return f"{fmt.bits}'b0"
    above = fmt.bits - bits - low
    assert min(low, above) >= 0, (fmt, field)
    top = f"narrow_out[{start + bits - 1}]" if field[0] else "1'b0"
    parts = [f"{{{above}{{{top}}}}}"] * (above > 0) + [f"narrow_out[{start + bits - 1}:{start}]"]
    return "{" + ", ".join(parts + [f"{low}'b0"] * (low > 0)) + "}"


def _parts(model: IntegerModel, sources: tuple[str, ...]) -> tuple[str, ...]:
    """What a kernel's sources are joined from."""
    steps = [model.description.step(source) for source in sources]
    return tuple(part for step in steps for part in (step.parts if isinstance(step, Concat) else (step.name,)))


def _on_their_grids(inputs: Any, columns: Sequence[Format]) -> Any:
    """alkaid's inputs in their formats: on the grid and in range already, dropping and wrapping change nothing."""
    return np.concatenate(
        [inputs[index : index + 1].quantize(*_signed_integer_fractional(fmt)) for index, fmt in enumerate(columns)]
    )


def _in_format(value: Any, fmt: Format) -> Any:
    """The contract's requantisation: to nearest, ties to even, then clipped."""
    return value.quantize(*_signed_integer_fractional(fmt), "SAT_SYM" if fmt.narrow else "SAT", "RND_CONV")


def _signed_integer_fractional(fmt: Format) -> tuple[int, int, int]:
    return int(fmt.signed), fmt.integer_bits - int(fmt.signed), fmt.fractional_bits

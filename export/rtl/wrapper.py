"""The module around a kernel: fields of the declared widths, where alkaid makes narrower ones or none."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrack.quantize.fixed_point import Format

Field = tuple[int, int, int]  # signed (0 or 1), integer bits without sign, fractional bits


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


def constant_module(name: str, inputs: Sequence[Format], outputs: Sequence[Format], codes: Sequence[int]) -> str:
    """Verilog of a kernel whose result is `codes` whatever it takes: no logic, no clock."""
    width_in, width_out = (sum(fmt.bits for fmt in formats) for formats in (inputs, outputs))
    fields = [f"{fmt.bits}'d{code % (1 << fmt.bits)}" for fmt, code in zip(outputs, codes, strict=True)]
    return f"""\
// {name}: {len(outputs)} columns that are the same for every input.

module {name} (
    input clk,
    input wire [{width_in - 1}:0] model_inp,
    output wire [{width_out - 1}:0] model_out
);
    assign model_out = {{{", ".join(reversed(fields))}}};
endmodule
"""

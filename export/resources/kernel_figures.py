"""What a pipeline is made of, read from the Verilog that alkaid wrote: adders, multipliers, tables, registers.

A register that only hands a bit on to the next stage's register becomes part of a shift-register LUT, from three stages
on; every other register is a flip-flop. Both are counted bit by bit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgetrack.export.resources.part_resources import SHIFT_REGISTER
from edgetrack.export.rtl.kernel import RtlKernel

_OPERATION = re.compile(r"\b(shift_adder|ternary_adder|negative) #\(([-\d,]+)\)")
_MULTIPLIER = re.compile(r"\bmultiplier #")
_TABLE = re.compile(r"module (\w+_table\d+)\(input \[(\d+):0\] in, output reg \[(\d+):0\] out\)")
LUT_INPUTS = 6
_SLICE = r"(v\d+)\[(\d+):(\d+)\] = "
_TAKEN = re.compile(rf"assign {_SLICE}model_inp\[(\d+):(\d+)\];")
_GIVEN = re.compile(r"assign model_out\[(\d+):(\d+)\] = (v\d+)\[(\d+):(\d+)\];")
_NAME = re.compile(r"\bv\d+\b")


@dataclass(frozen=True)
class KernelFigures:
    """One pipeline: bits added two or three at once, registers, clocks to the result."""

    adder_bits: int
    ternary_bits: int
    flip_flops: int
    shift_registers: int  # LUTs that carry a bit on over several stages
    cycles: int  # from the input to its result
    multipliers: int = 0  # of two values: a DSP each
    table_luts: int = 0  # LUTs of six inputs that hold the contents of tables


WIRES = KernelFigures(0, 0, 0, 0, 0)  # a copy: no logic, no clock


def kernel_figures(kernel: RtlKernel) -> KernelFigures:
    """Figures of a pipeline's Verilog. Cost: its text, a few milliseconds."""
    stages = _stages(kernel)
    adders = ternary = 0
    for text in stages:
        for operation, parameters in _OPERATION.findall(text):
            numbers = [int(number) for number in parameters.split(",")]
            match operation:
                case "shift_adder":
                    adders += _added_bits(numbers)
                case "ternary_adder":
                    pads = sorted((numbers[3], numbers[7], numbers[11]))
                    ternary += numbers[12] + numbers[13] - pads[1]
                case "negative":
                    adders += numbers[1]
    flip_flops, shifted = registers(stages, sum(fmt.bits for fmt in kernel.inputs))
    multipliers = sum(len(_MULTIPLIER.findall(text)) for text in stages)
    cycles = kernel.latency_cycles + 1
    return KernelFigures(adders, ternary, flip_flops, shifted, cycles, multipliers, _table_luts(kernel, stages))


def _table_luts(kernel: RtlKernel, stages: list[str]) -> int:
    """A LUT for each output bit and 64 entries, times the places where a table stands; wide choosers are apart."""
    luts = 0
    for text in kernel.sources.values():
        if table := _TABLE.search(text):
            name, inputs, outputs = table[1], int(table[2]) + 1, int(table[3]) + 1
            places = sum(len(re.findall(rf"\b{name} op_", stage)) for stage in stages)
            luts += places * outputs * (1 << max(inputs - LUT_INPUTS, 0))
    return luts


def registers(stages: list[str], input_bits: int) -> tuple[int, int]:
    """(flip-flops, shift-register LUTs) of the registers before, between and after the `stages` of logic."""
    # Age of each bit of the register in front of a stage: how many registers it has gone through untouched.
    ages = dict.fromkeys(range(input_bits), 1)
    flip_flops = shifted = 0
    for text in stages:
        untouched = _handed_on(text)
        following: dict[int, int] = {}
        for high, low in ((int(a), int(b)) for a, b, *_ in _GIVEN.findall(text)):
            following |= dict.fromkeys(range(low, high + 1), 1)
        carried = set()
        for given, taken in untouched.items():
            following[given] = ages.get(taken, 1) + 1
            carried.add(taken)
        ended = [age for bit, age in ages.items() if bit not in carried]
        flip_flops += sum(age for age in ended if age < SHIFT_REGISTER)
        shifted += sum(age >= SHIFT_REGISTER for age in ended)
        ages = following
    flip_flops += sum(age for age in ages.values() if age < SHIFT_REGISTER)
    shifted += sum(age >= SHIFT_REGISTER for age in ages.values())
    return flip_flops, shifted


def _handed_on(text: str) -> dict[int, int]:
    """Bit of a stage's output → bit of its input, where the stage only hands it on and uses it nowhere else."""
    uses: dict[str, int] = {}
    for name in _NAME.findall(text):
        uses[name] = uses.get(name, 0) + 1
    taken = {name: (int(start), int(end), int(high)) for name, high, _, start, end in _TAKEN.findall(text)}
    handed: dict[int, int] = {}
    for high, low, name, _, name_low in _GIVEN.findall(text):
        # Declared, taken from the input, given to the output: three times its name.
        if name in taken and uses[name] == 3:
            start = taken[name][1] + int(name_low)
            handed |= {int(low) + bit: start + bit for bit in range(int(high) - int(low) + 1)}
    return handed


def _stages(kernel: RtlKernel) -> list[str]:
    """Logic between the registers, in order."""
    numbered = {
        int(found[1]): text for name, text in kernel.sources.items() if (found := re.search(r"_logic(\d+)\.v$", name))
    }
    return [numbered[index] for index in sorted(numbered)]


def _added_bits(numbers: list[int]) -> int:
    """Bits of a `shift_adder` where both operands stand."""
    width0, width1, signed0, signed1, out, dropped, shift, subtract = numbers
    # One operand ends, and has no sign to extend, below where the other begins: they stand side by side.
    apart = (shift >= width0 and not signed0) or (-shift >= width1 and not signed1)
    if apart and shift and not subtract:
        return 0
    return out + dropped - (abs(shift) if shift > 0 or not subtract else 0)

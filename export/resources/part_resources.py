"""Closed-form resources of the accelerator's parts: one function a module of hls_projects/rtl/accelerator.

Each takes the module's own Verilog parameters by their names and gives one instance: the primitives of its own logic,
and the modules inside it with their parameters. Flip-flops, carries and memories are counted; so are LUTs of adders,
choosers and memories. Control logic, which Yosys optimises as it likes, has constants that were measured
(`edgetrack bench resources`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log2

from edgetrack.export.resources.memory_mapping import map_memory

Parameters = Mapping[str, int]

SHIFT_REGISTER = 3  # stages from which Yosys takes shift-register LUTs instead of flip-flops
SHIFT_REGISTER_STAGES = 32  # of one LUT
SLICE_BITS = 17  # of a number that a DSP slice of `wide_multiplier` takes, beside a sign


@dataclass(frozen=True)
class Amount:
    """Primitives of a part's own logic. `lutram` is those of `lut` that are memory."""

    lut: float = 0
    ff: float = 0
    carry4: float = 0
    lutram: float = 0
    bram36: float = 0
    uram: float = 0
    dsp: float = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.lut + other.lut,
            self.ff + other.ff,
            self.carry4 + other.carry4,
            self.lutram + other.lutram,
            self.bram36 + other.bram36,
            self.uram + other.uram,
            self.dsp + other.dsp,
        )

    def __mul__(self, times: float) -> Amount:
        return Amount(
            self.lut * times,
            self.ff * times,
            self.carry4 * times,
            self.lutram * times,
            self.bram36 * times,
            self.uram * times,
            self.dsp * times,
        )


@dataclass(frozen=True)
class Inner:
    """`count` instances of a module inside a part."""

    module: str
    parameters: Parameters
    count: int = 1


Part = tuple[Amount, tuple[Inner, ...]]


def chooser_luts(inputs: int) -> int:
    """LUTs of an n:1 multiplexer of single bits: a LUT of six inputs is a 4:1 one."""
    return ceil((inputs - 1) / 3)


def carries(bits: int) -> int:
    """CARRY4 of a counter or an adder; below three bits Yosys uses LUTs alone."""
    return ceil(bits / 4) if bits > 2 else 0


def row_memory(p: Parameters) -> Part:
    bits, depth = p["BITS"], p["DEPTH"]
    cells = map_memory(bits, depth)
    choice = Amount(bits * chooser_luts(cells.banks) + cells.banks * (cells.banks > 1))
    match cells.kind:
        case "registers":
            return Amount(bits * chooser_luts(depth) + depth, bits * (depth + 1)), ()
        case "lutram":
            return Amount(cells.amount, bits, lutram=cells.amount) + choice, ()
        case "bram36":
            return Amount(bram36=cells.amount) + choice, ()
        case "uram":
            return Amount(uram=cells.amount) + choice, ()


def gather(p: Parameters) -> Part:
    bank_bits = ceil(log2(p["BANKS"]))
    own = Amount(
        p["BITS"] * chooser_luts(p["BANKS"]) + p["INDEX_BITS"] - bank_bits,
        p["BITS"] + 2 * bank_bits + p["ADDRESS_BITS"],
        carries(p["ADDRESS_BITS"]),
    )
    row = {"BITS": p["BANKS"] * p["BITS"], "DEPTH": p["DEPTH"]}
    return own, (Inner("row_memory", row),)


def delay_line(p: Parameters) -> Part:
    bits, cycles = p["BITS"], p["CYCLES"]
    if p.get("RESET", 0) or cycles < SHIFT_REGISTER:
        return Amount(ff=bits * cycles), ()
    return Amount(bits * ceil(cycles / SHIFT_REGISTER_STAGES)), ()


def accumulator_lane(p: Parameters) -> Part:
    banks, buffers, columns = p["BANKS"], p["BUFFERS"], p["COLUMNS"]
    word, key = columns * p["SUM_BITS"], p["BUFFER_BITS"] * (buffers > 1) + p["INDEX_BITS"]
    marks = 5 * banks if banks > 1 else 0  # one bank's marks are always set
    ff = (
        11
        + 3 * key
        + 2 * columns * p["VALUE_BITS"]
        + 3 * word
        + marks
        + p["BUFFER_BITS"] * (buffers > 1)
        + p["ROW_BITS"]
        + banks * word
    )
    combined = word * (1 + p["MAXIMUM"] / 2)  # the adder, or the comparison of two bits a LUT and the choice
    sums = combined + word * (1 + chooser_luts(banks))  # and its old sum: of a bank, a register or zero
    # Measured: with two buffers, or two banks, Yosys makes gates of marks that else reset registers.
    sums += word * 2 if banks > 1 and buffers > 1 and 2 in (banks, buffers) else word // 4
    comparisons = 3 * ceil(key / 2)
    of_marks = buffers * (2 * p["ROW_BITS"] + banks + 3) + banks * (2 * chooser_luts(buffers) + 4)
    own = Amount(sums + comparisons + of_marks, ff, columns * carries(p["SUM_BITS"]))
    return own, (
        Inner("row_memory", {"BITS": word, "DEPTH": buffers << p["ROW_BITS"]}, 2 * banks),
        Inner("row_memory", {"BITS": banks, "DEPTH": p["ROWS"]}, buffers),
    )


def adder_tree(p: Parameters) -> Part:
    own, terms, width = Amount(), p["TERMS"], p["TERM_BITS"]
    for _ in range(p["LEVELS"]):
        wider = min(width + 1, p["SUM_BITS"])
        adders = terms // 2
        own += Amount(
            adders * width * (1 + p["MAXIMUM"] / 2), adders * wider + terms % 2 * width, adders * ceil(wider / 4)
        )
        terms, width = ceil(terms / 2), wider
    return own, ()


def scatter_sum(p: Parameters) -> Part:
    ff = p["ROW_BITS"] + 1 + 2 * p["BUFFER_BITS"] * (p["BUFFERS"] > 1)
    lane = {"ROWS": p["ROWS"], "SUM_BITS": p["LANE_BITS"]} | {
        name: p[name]
        for name in ("BANKS", "ROW_BITS", "INDEX_BITS", "BUFFERS", "BUFFER_BITS", "COLUMNS", "VALUE_BITS", "MAXIMUM")
    }
    tree = {
        "TERMS": p["LANES"],
        "LEVELS": p["TREE_LEVELS"],
        "TERM_BITS": p["LANE_BITS"],
        "SUM_BITS": p["SUM_BITS"],
        "MAXIMUM": p["MAXIMUM"],
    }
    return Amount(ceil(0.65 * ff), ff, carries(p["ROW_BITS"] + 1)), (
        Inner("accumulator_lane", lane, p["LANES"]),
        Inner("adder_tree", tree, p["BANKS"] * p["COLUMNS"]),
    )


def requantize(p: Parameters) -> Part:
    shift, bits = p["SHIFT"], p["IN_BITS"]
    rounded = bits - shift + 1 if shift > 0 else bits
    lut = p["OUT_BITS"] + ceil(max(rounded + max(-shift, 0) - p["OUT_BITS"], 0) / 2) + (rounded if shift > 0 else 0)
    return Amount(lut, rounded + p["OUT_BITS"], ceil(rounded / 4) if shift > 0 else 0), ()


def maximum_code(p: Parameters) -> Part:
    return Amount(p["BITS"], 2 * p["BITS"] + 1), ()


def multiply(p: Parameters) -> Part:
    if p.get("DSP", 0):
        return _multiply_in_slices(p)
    late = {"BITS": p["COLUMNS"] * p["BITS"], "CYCLES": 1}
    terms, own = [*range(p["FACTOR_BITS"])], Amount()  # the lowest bit of each that is not always zero
    for level in range(p["LEVELS"]):
        for left in terms[: len(terms) // 2 * 2 : 2]:
            own += Amount(p["OUT_BITS"] - left, p["OUT_BITS"] - left, carries(p["OUT_BITS"] - left))
        if len(terms) % 2:  # waits for the next level; masks are in the LUTs of the first level's adders, but this one
            own += Amount(ff=p["OUT_BITS"] - terms[-1]) if level else Amount(p["BITS"], p["BITS"])
        terms = terms[::2]
    # Measured from 17 × 17 to 24 × 26 bits, to 7 %: Yosys shares signs, and has LUTs for masks that do not fit.
    own = Amount(1.07 * own.lut, 0.9 * own.ff, 0.75 * own.carry4)
    return own * p["COLUMNS"], (Inner("delay_line", late),)


def _multiply_in_slices(p: Parameters) -> Part:
    """`wide_multiplier` for each column. What Yosys leaves outside of the slices: the products' registers, and adders
    that Vivado takes into the slices; all columns share the factor's delays."""
    factor, out = p["FACTOR_BITS"], p["OUT_BITS"]
    slices = ceil((p["BITS"] - 1) / SLICE_BITS)
    wait = p["LEVELS"] - slices - 1
    column = Amount(dsp=slices)
    for index in range(slices):
        piece = SLICE_BITS if index < slices - 1 else p["BITS"] - index * SLICE_BITS
        column += delay_line({"BITS": piece, "CYCLES": 1 + wait + index})[0]
        if index:
            column += Amount(factor, carry4=carries(out - index * SLICE_BITS))
        if index < slices - 1:  # its low bits wait for the last slice, its high ones go to the next
            column += delay_line({"BITS": SLICE_BITS, "CYCLES": slices + 1 - index})[0] + Amount(ff=2 * factor)
        else:
            column += Amount(ff=2 * (out - index * SLICE_BITS))
    if slices > 1:  # read at several ages, so no shift register
        return column * p["COLUMNS"] + Amount(ff=factor * (wait + slices - 1)), ()
    return column * p["COLUMNS"], (Inner("delay_line", {"BITS": factor, "CYCLES": wait}),)


def sequencer(p: Parameters) -> Part:
    # The first row of a slot is a multiple of the rows of a slot: its lowest bits never change.
    slot = p["SLOT_BITS"] * (p["SLOTS"] > 1)
    fields = [
        p["ROW_BITS"],
        p["ADDRESS_BITS"],
        slot,
        slot,
        _changing(p["ROWS"], p["ADDRESS_BITS"]) * (slot > 0),
        _changing(p["NODE_ROWS"], p["NODE_BITS"]) * (slot > 0),
    ]
    if not p["STREAMED"]:
        fields.append(p["ROW_BITS"])
    ff = 3 + sum(fields) + (not p["STREAMED"])
    return Amount(ceil((1.15 if p["STREAMED"] else 1.42) * ff), ff, sum(carries(bits) for bits in fields)), ()


def semaphore(p: Parameters) -> Part:
    bits = p["BITS"]
    return Amount(2 * bits + 2 if bits > 2 else 2 * bits - 1, bits + 1, 2 * carries(bits)), ()


def output_fifo(p: Parameters) -> Part:
    memory = {"BITS": p["BITS"], "DEPTH": p["DEPTH"]}
    (rows, _), counters = row_memory(memory), 2 * (p["ADDRESS_BITS"] + 1)
    return rows + Amount(p["ADDRESS_BITS"] + 3, counters + 1, 2 * carries(p["ADDRESS_BITS"] + 1)), ()


def stream_guard(p: Parameters) -> Part:
    number, timer = p["NUMBER_BITS"], p["TIMER_BITS"] * (p["TIMEOUT"] > 0)
    return Amount(2 * number - 1 + timer, timer, carries(number) + carries(timer)), ()


def graph_number(p: Parameters) -> Part:
    return Amount(2 * p["BITS"], p["BITS"], carries(p["BITS"])), ()


def lane_count(p: Parameters) -> Part:
    lanes, count, ordered = p["LANES"], p["COUNT_BITS"], p["ORDERED"]
    filled = lanes.bit_length() + (lanes > 3)  # Yosys adds the lanes up in a row, which carries into one bit more
    ff = filled + 3 * count + 3 + 2 * ordered
    return Amount(2 * (lanes + count + ordered), ff, carries(count) + (lanes > 2)), ()


def slot_flag(p: Parameters) -> Part:
    return Amount(1.3 * (p["RAISERS"] + 1) * p["SLOTS"], p["SLOTS"]), ()


PARTS: dict[str, Callable[[Parameters], Part]] = {
    function.__name__: function
    for function in (
        row_memory,
        gather,
        delay_line,
        accumulator_lane,
        adder_tree,
        scatter_sum,
        requantize,
        maximum_code,
        multiply,
        sequencer,
        semaphore,
        output_fifo,
        stream_guard,
        graph_number,
        lane_count,
        slot_flag,
    )
}


def _changing(rows: int, bits: int) -> int:
    """Bits of multiples of `rows` that are not always zero."""
    return bits - (rows & -rows).bit_length() + 1

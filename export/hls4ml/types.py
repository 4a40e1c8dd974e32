"""Fixed-point types of the integer model, as hls4ml writes them (ap_fixed of Vitis HLS)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrack.quantize.fixed_point import Format, joint_type


def requantized(fmt: Format) -> str:
    """The type of a value in `fmt`: assigning to it rounds half to even and saturates, as the contract does."""
    sign = "" if fmt.signed else "u"
    overflow = "SAT_SYM" if fmt.narrow else "SAT"
    return f"{sign}fixed<{fmt.bits},{fmt.integer_bits},RND_CONV,{overflow}>"


def exact(bits: int, exponent: int) -> str:
    """A signed type of `bits` bits on the grid 2^exponent, for values that never need rounding or saturation."""
    return f"fixed<{bits},{bits + exponent}>"


def accumulator(bits: int, exponent: int, result: Format) -> str:
    """As `exact`, for values that are then brought to `result`.

    It reaches up to the bit that decides the rounding: ap_fixed breaks off where that lies beyond its own bits, as it
    does where all values are far below the step of `result` (a layer of zeros).
    """
    return exact(max(bits, result.exponent - exponent), exponent)


def common(formats: Sequence[Format]) -> str:
    """The narrowest type that holds every value of all `formats` exactly."""
    bits, exponent, signed = joint_type(formats)
    return f"{'' if signed else 'u'}fixed<{bits},{bits + exponent}>"


def unsigned(largest: int) -> str:
    """An integer type for 0 … largest."""
    return f"uint<{max(int(largest).bit_length(), 1)}>"

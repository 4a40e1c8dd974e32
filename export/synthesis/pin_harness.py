"""A design with wide streams behind few pins, so that all of it can be placed on a real device, and works there.

Each stream of the design (ports NAME_tvalid, NAME_tready, NAME_tdata, NAME_tkeep, …) becomes a stream of words at the
pins, with valid and ready: a row's fields, tdata lowest, then the others in the order of the ports, are cut into words,
the lowest first. Nothing is joined or left out: every bit that the design takes comes from a pin, every bit that it
gives reaches one, so synthesis can trim no logic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

PORT = re.compile(
    r"^\s*(input|output)\s+(?:(?:wire|reg)\s+)?(?:\[([^:\]]+):0\]\s+)?(\w+)\s*,?\s*(?://.*)?$", re.MULTILINE
)


@dataclass(frozen=True)
class StreamPort:
    """One stream of a module: its fields (port suffix, bits), tvalid and tready apart."""

    name: str
    inward: bool
    fields: tuple[tuple[str, int], ...]

    @property
    def row_bits(self) -> int:
        return sum(bits for _, bits in self.fields)

    def words(self, word_bits: int) -> int:
        """Words that a row takes."""
        return -(-self.row_bits // word_bits)


def stream_ports(verilog: str, module: str) -> tuple[StreamPort, ...]:
    """The streams of a module with one port a line: clk, rst, and streams.

    Raises ValueError, naming the port, for a module with others, or widths that are no numbers.
    """
    head = re.search(rf"\bmodule\s+{re.escape(module)}\b(?:\s*#\(.*?\n\s*\))?\s*\((.*?)\n\s*\);", verilog, re.DOTALL)
    if head is None:
        raise ValueError(f"pin harness: no module {module!r} with a list of ports, one a line, in the Verilog")
    ports = {name: (direction, _bits(high, name)) for direction, high, name in PORT.findall(head.group(1))}
    streams = []
    for name in (port.removesuffix("_tvalid") for port in ports if port.endswith("_tvalid")):
        own = {port.removeprefix(f"{name}_"): ports[port] for port in ports if port.startswith(f"{name}_")}
        direction, _ = own.pop("tvalid")
        if own.pop("tready", (direction,))[0] == direction:
            raise ValueError(f"pin harness: stream {name!r} of {module} has no {name}_tready in the other direction")
        wrong = [field for field, (way, _) in own.items() if way != direction]
        if wrong or not own:
            raise ValueError(f"pin harness: stream {name!r} of {module} wants fields, all {direction}, got {wrong}")
        streams.append(StreamPort(name, direction == "input", tuple((field, bits) for field, (_, bits) in own.items())))
    others = [port for port in ports if not any(port.startswith(f"{stream.name}_") for stream in streams)]
    if sorted(others) != ["clk", "rst"] or not streams:
        raise ValueError(
            f"pin harness: {module} has {len(streams)} streams, and {others} beside them; wanted clk, rst "
            "and streams with tvalid and tready"
        )
    return tuple(streams)


def pin_harness(sources: Mapping[str, str], module: str, word_bits: int = 16) -> tuple[str, dict[str, str]]:
    """(name of the harness' module, sources with it): `module` with streams of words of `word_bits` at its pins."""
    if not 1 <= word_bits <= 64:
        raise ValueError(f"pin harness: words of {word_bits} bits, wanted 1 to 64")
    streams = stream_ports("\n".join(sources.values()), module)
    parts = resources.files("edgetrack.hls_projects").joinpath("rtl/pins")
    harness_parts = {part.name: part.read_text() for part in sorted(parts.iterdir(), key=lambda part: part.name)}
    top = f"{module}_pins"
    return top, {**sources, **harness_parts, f"{top}.v": _top(top, module, streams, word_bits)}


def _top(top: str, module: str, streams: Sequence[StreamPort], word_bits: int) -> str:
    ports = ["    input wire clk", "    input wire rst"]
    for stream in streams:
        here, there = ("input", "output") if stream.inward else ("output", "input")
        ports += [
            f"    {here} wire {stream.name}_tvalid",
            f"    {there} wire {stream.name}_tready",
            f"    {here} wire [{word_bits - 1}:0] {stream.name}_tdata",
        ]
    connections = [".clk(clk)", ".rst(rst)"]
    body = []
    for stream in streams:
        name, words, low = stream.name, stream.words(word_bits), 0
        unit = "words_to_row" if stream.inward else "row_to_words"
        body += [
            f"    wire {name}_row_tvalid, {name}_row_tready;",
            f"    wire [{stream.row_bits - 1}:0] {name}_row;",
            f"    {unit} #(.WORD_BITS({word_bits}), .ROW_BITS({stream.row_bits}), .WORDS({words}), "
            f".COUNT_BITS({max(1, (words - 1).bit_length())})) {name}_words (",
            f"        .clk(clk), .rst(rst), .word_tvalid({name}_tvalid), .word_tready({name}_tready), "
            f".word_tdata({name}_tdata),",
            f"        .row_tvalid({name}_row_tvalid), .row_tready({name}_row_tready), .row({name}_row));",
        ]
        connections += [f".{name}_tvalid({name}_row_tvalid)", f".{name}_tready({name}_row_tready)"]
        for field, bits in stream.fields:
            connections.append(f".{name}_{field}({name}_row[{low + bits - 1}:{low}])")
            low += bits
    shown = ",\n        ".join(connections)
    return "\n".join(
        [
            f"// {module} with its streams cut into words of {word_bits} bits, for a device with few pins. Generated.",
            f"module {top} (",
            ",\n".join(ports),
            ");",
            *body,
            f"    {module} wide (\n        {shown});",
            "endmodule",
            "",
        ]
    )


def _bits(high: str, name: str) -> int:
    if not high:
        return 1
    if not high.strip().isdigit():
        raise ValueError(f"pin harness: port {name} is [{high}:0] wide, wanted a number")
    return int(high) + 1

"""Vivado's text reports: `report_utilization` and `report_timing_summary`, after any step of the flow.

Formats seen: Vivado 2019.2 to 2025.2, 7-series and UltraScale+.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgetrack.export.synthesis.vendor_report import (
    HLS_ESTIMATE,
    ROUTED,
    ReportError,
    Table,
    VendorReport,
    amount,
    first,
    number,
    tables,
)

ROUTED_STATES = ("Routed", "Physopt postRoute")
NAMES = {  # amount → its row for UltraScale, its row for 7-series
    "lut": ("CLB LUTs", "Slice LUTs"),
    "lutram": ("LUT as Memory", "LUT as Memory"),
    "ff": ("CLB Registers", "Slice Registers"),
    "bram36": ("Block RAM Tile", "Block RAM Tile"),
    "dsp": ("DSPs", "DSPs"),
}


def read_utilization(path: Path) -> VendorReport:
    """`report_utilization`: the primitives in use. LUTs as memory count the shift registers among them."""
    text = path.read_text(errors="replace")
    found = list(tables(text))
    amounts = {name: amount(path, rows[0], _used(path, found, rows)) for name, rows in NAMES.items()}
    carry8, carry4 = (_cell(found, name) for name in ("CARRY8", "CARRY4"))
    primitives = any("Functional Category" in table.rows[0] and len(table.rows) > 1 for table in found)
    if carry8 is not None and _cell(found, "CLB LUTs") is not None:
        amounts["carry4"] = 2 * amount(path, "CARRY8", carry8)
    elif primitives:
        amounts["carry4"] = amount(path, "CARRY4", carry4) if carry4 is not None else 0
    else:
        raise ReportError(path, "no table of primitives, which has the carry chains")
    blocks = next(table for table in found if table.row("Block RAM Tile"))
    if blocks.row("URAM"):
        amounts["uram"] = amount(path, "URAM", _cell([blocks], "URAM"))
    elif _cell(found, "Slice LUTs") is not None:
        amounts["uram"] = 0  # no device of 7-series has any
    return VendorReport(path, *_header(path, text), _basis(path, text), amounts)


def read_timing_summary(path: Path) -> VendorReport:
    """`report_timing_summary`: the period of the critical clock, and that period less its worst setup slack."""
    text = path.read_text(errors="replace")
    design = _after(path, text, "Design Timing Summary", r"^ +(-?[\d.]+|NA) +(?:-?[\d.]+|NA) +\S+ +\S+ +")
    if design == "NA":
        raise ReportError(path, "WNS is NA: no path has a timing constraint", "constrain the clock (create_clock)")
    if "All user specified timing constraints are met." in text:
        met = True
    elif "Timing constraints are not met." in text:
        met = False
    else:
        raise ReportError(path, "no statement whether the timing constraints are met")
    periods = dict(re.findall(r"^ *(\S+) +\{[\d. ]+\} +([\d.]+) +[\d.]+", _section(path, text, "Clock Summary"), re.M))
    slacks = dict(
        re.findall(r"^ *(\S+) +(-?[\d.]+) +-?[\d.]+ +\d+ +\d+ ", _section(path, text, "Intra Clock Table"), re.M)
    )
    if not slacks or not periods.keys() >= slacks.keys():
        raise ReportError(path, "no clock with a period and a slack of its own")
    critical = min(slacks, key=lambda clock: number(path, "WNS", slacks[clock]))
    period = number(path, "clock period", periods[critical])
    return VendorReport(
        path,
        *_header(path, text),
        _basis(path, text),
        clock_period_ns=period,
        achieved_period_ns=round(period - number(path, "WNS", slacks[critical]), 6),
        timing_met=met,
    )


def _used(path: Path, found: list[Table], names: tuple[str, ...]) -> str:
    cell = next((cell for name in names if (cell := _cell(found, name)) is not None), None)
    if cell is None:
        raise ReportError(path, f"no row {' or '.join(dict.fromkeys(names))}")
    return cell


def _cell(found: list[Table], name: str) -> str | None:
    """The number in use of one kind of primitive."""
    for table in found:
        if "Used" in table.rows[0] and (row := table.row(name)):
            return row[table.rows[0].index("Used")]
    return None


def _header(path: Path, text: str) -> tuple[str, str, str]:
    """Tool, design and part."""
    header = [
        first(pattern, text)
        for pattern in (
            r"^\| Tool Version +: +Vivado v[.]([\d.]+)",
            r"^\| Design +: +(\S+) *$",
            r"^\| Device +: +(\S+) *$",
        )
    ]
    for name, value in zip(("tool version", "design", "device"), header, strict=True):
        if value is None:
            raise ReportError(path, f"no {name} in its header")
    version, design, device = (str(value) for value in header)
    return f"Vivado {version}", design, device


def _basis(path: Path, text: str) -> str:
    """How far the design had come. Timing reports of older versions do not say; there the nets of the paths do."""
    state = first(r"^\| Design State +: +(.+?) *$", text)
    if state in ROUTED_STATES:
        return f"Vivado, {ROUTED}"
    if state == "Synthesized":
        return f"Vivado, synthesised, {HLS_ESTIMATE}"
    if state is not None:
        return f"Vivado, {state.lower()}, not routed"
    nets = set(re.findall(r"net \(fo=\d+, (\w+)\)", text))
    if "routed" in nets and not nets & {"estimated", "unplaced"}:
        return f"Vivado, {ROUTED}"
    return "Vivado, not known to be routed"


def _section(path: Path, text: str, title: str) -> str:
    """What stands below a title, up to the next one."""
    found = re.search(rf"^\| {title}\n\| -+\n-+\n(.*?)^-{{20,}}$", text, re.M | re.S)
    if found is None:
        raise ReportError(path, f"no section {title!r}, or no end of it")
    return found.group(1)


def _after(path: Path, text: str, title: str, pattern: str) -> str:
    value = first(pattern, _section(path, text, title))
    if value is None:
        raise ReportError(path, f"no figures below {title!r}")
    return value

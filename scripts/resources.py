"""`edgetrack resources`: a vendor's synthesis and timing reports → the project's resource table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgetrack.export.synthesis.device import Device, load_device
from edgetrack.export.synthesis.find_reports import find_reports, read_report
from edgetrack.export.synthesis.vendor_report import VendorReport
from edgetrack.export.synthesis.yosys import AMOUNTS
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required


@dataclass(frozen=True)
class ResourcesConfig:
    """Reports to read, and the device that shares are of."""

    report: str = required("a report of Vitis HLS, Vivado or oneAPI, or a project folder with such")
    part: str = option("", "device for the shares, for instance xcvu9p; empty: the one that each report names")


def resources(config: ResourcesConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Bring a vendor's synthesis and timing reports into one table, with shares of the device and what stands behind
    each figure.

    Reads csynth.xml and csynth.rpt, report_utilization, report_timing_summary, export_impl.xml, and oneAPI's
    summary.ndjson and quartus.ndjson. What a report does not say is null, never zero.
    """
    path = Path(config.report)
    wanted = load_device(config.part) if config.part else None
    reports = find_reports(path) if path.is_dir() else [read_report(path)]
    rows = []
    for report in reports:
        device = (wanted or known_device(report.part)) if report.part else None  # Intel's primitives are others
        shares = {} if device is None else shares_of(device, report)
        rows.append(as_row(report) | {"shares": shares, "device": device.part if device else None})
    show(rows, console)
    return {"reports": rows}


def known_device(part: str) -> Device | None:
    """The device that a report names, where hls_projects/targets describes it."""
    try:
        return load_device(part)
    except ValueError:
        return None


def shares_of(device: Device, report: VendorReport) -> dict[str, float]:
    """Fraction of the device's primitives, of those that both know."""
    holds = asdict(device)
    return {name: value / holds[name] for name, value in report.amounts.items() if name in AMOUNTS and holds.get(name)}


def as_row(report: VendorReport) -> dict[str, Any]:
    """A report as JSON has it: null for what it does not say."""
    row: dict[str, Any] = {
        "report": str(report.path),
        "tool": report.tool,
        "design": report.design,
        "part": report.part or None,
        "basis": report.basis,
    }
    row["resources"] = {name: report.amounts.get(name) for name in (*AMOUNTS, *report.amounts)}
    for name, cycles in (("latency_cycles", report.latency_cycles), ("interval_cycles", report.interval_cycles)):
        row[name] = None if cycles is None else {"min": cycles[0], "max": cycles[1]}
    achieved = report.achieved_period_ns
    row |= {
        "clock_period_ns": report.clock_period_ns,
        "achieved_period_ns": achieved,
        "achieved_mhz": 1000 / achieved if achieved else None,
        "timing_met": report.timing_met,
    }
    return row


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """The table for people: a report a column, since there are few reports and many figures."""
    names = dict.fromkeys(name for row in rows for name, value in row["resources"].items() if value is not None)

    def amount(row: dict[str, Any], name: str) -> str:
        value, share = row["resources"].get(name), row["shares"].get(name)
        return "–" if value is None else f"{value:g}" + (f" ({share:.2%})" if share is not None else "")

    def span(cycles: dict[str, int] | None) -> str:
        return "–" if cycles is None else " … ".join(str(value) for value in dict.fromkeys(cycles.values()))

    def clock(row: dict[str, Any]) -> str:
        if row["achieved_period_ns"] is None:
            return "–"
        met = {True: ", met", False: ", not met", None: ""}[row["timing_met"]]
        target = f" of {row['clock_period_ns']:g}" if row["clock_period_ns"] else ""
        return f"{row['achieved_period_ns']:g} ns{target} ({row['achieved_mhz']:.0f} MHz{met})"

    lines: list[tuple[str, ...]] = [
        ("basis", *(row["basis"] for row in rows)),
        ("tool", *(row["tool"] for row in rows)),
        ("design", *(row["design"] or "–" for row in rows)),
        ("device", *(row["device"] or row["part"] or "–" for row in rows)),
        *((name, *(amount(row, name) for row in rows)) for name in names),
        ("latency, cycles", *(span(row["latency_cycles"]) for row in rows)),
        ("interval, cycles", *(span(row["interval_cycles"]) for row in rows)),
        ("clock", *(clock(row) for row in rows)),
    ]
    console.table(
        "vendor reports; in brackets: share of the device", ("", *(Path(row["report"]).name for row in rows)), lines
    )

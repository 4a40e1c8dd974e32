"""Reports of C synthesis by Vitis HLS and Vivado HLS, and of the implementation that it starts.

Formats seen: Vivado HLS 2019.1, 2019.2, 2020.1; Vitis HLS 2020.2 to 2025.2.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from edgetrack.export.synthesis.vendor_report import (
    HLS_ESTIMATE,
    ROUTED,
    ReportError,
    Table,
    VendorReport,
    amount,
    cycles,
    first,
    number,
    tables,
)

BLOCK_RAMS = 2  # C synthesis counts blocks of 18 kbit, two in one of 36


def read_csynth_xml(path: Path) -> VendorReport:
    """`csynth.xml`, or `<module>_csynth.xml`, of C synthesis: latency, interval, clock and resources, all estimates."""
    root = _xml(path)
    estimates = "PerformanceEstimates/"
    latency, area = f"{estimates}SummaryOfOverallLatency/", "AreaEstimates/Resources/"
    version = _text(root, path, "ReportVersion/Version")
    tool = _tool(version)
    dsp = "DSP" if root.find(f"{area}DSP") is not None else "DSP48E"
    amounts = {
        name: amount(path, tag, _text(root, path, area + tag))
        for name, tag in {"lut": "LUT", "ff": "FF", "dsp": dsp, "bram36": "BRAM_18K"}.items()
    }
    amounts["bram36"] /= BLOCK_RAMS
    if root.find(f"{area}URAM") is not None:
        amounts["uram"] = amount(path, "URAM", _text(root, path, f"{area}URAM"))
    return VendorReport(
        path,
        f"{tool} {version}",
        _text(root, path, "UserAssignments/TopModelName"),
        _text(root, path, "UserAssignments/Part"),
        f"{tool}, {HLS_ESTIMATE}",
        amounts,
        cycles(path, "latency", [_text(root, path, f"{latency}{end}-caseLatency") for end in ("Best", "Worst")]),
        cycles(path, "interval", [_text(root, path, f"{latency}Interval-{end}") for end in ("min", "max")]),
        number(path, "TargetClockPeriod", _text(root, path, "UserAssignments/TargetClockPeriod")),
        number(
            path, "EstimatedClockPeriod", _text(root, path, f"{estimates}SummaryOfTimingAnalysis/EstimatedClockPeriod")
        ),
    )


def read_csynth_text(path: Path) -> VendorReport:
    """`<module>_csynth.rpt` of C synthesis: the figures of its XML twin."""
    text = path.read_text(errors="replace")
    performance, _, utilisation = text.partition("== Utilization Estimates")
    tool = f"{first(r'^== (Vivado|Vitis) HLS Report for', text)} HLS"
    found = list(tables(performance))
    clock = next((row for table in found if table.rows[0][0] == "Clock" for row in table.rows[1:]), None)
    latency = _latency(found)
    summary = next((table for table in tables(utilisation) if table.rows[0][0] == "Name"), None)
    if clock is None or latency is None or summary is None:
        parts = {"clock": clock, "latency": latency, "utilization": summary}
        raise ReportError(path, f"no summary of {', '.join(name for name, part in parts.items() if part is None)}")
    total = summary.row("Total")
    if total is None:
        raise ReportError(path, "no total in the summary of utilization")
    used = dict(zip(summary.rows[0], total, strict=True))
    amounts = {
        name: amount(path, tag, used.get(tag, used.get(f"{tag}48E")))
        for name, tag in {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM_18K"}.items()
    }
    amounts["bram36"] /= BLOCK_RAMS
    if "URAM" in used:
        amounts["uram"] = amount(path, "URAM", used["URAM"])
    return VendorReport(
        path,
        f"{tool} {first(r'^[*] Version: +([0-9.]+)', text) or ''}".strip(),
        _named(path, text, "the design", r"^== \w+ HLS Report for '(.+)'"),
        _named(path, text, "the target device", r"^[*] Target device: +(\S+)"),
        f"{tool}, {HLS_ESTIMATE}",
        amounts,
        cycles(path, "latency", latency[:2]),
        cycles(path, "interval", latency[2:]),
        number(path, "target clock", clock[1].removesuffix("ns").strip()),
        number(path, "estimated clock", clock[2].removesuffix("ns").strip()),
    )


def read_implementation_xml(path: Path) -> VendorReport:
    """`export_impl.xml` or `export_syn.xml` of `export_design -flow impl` (or syn): Vivado's figures, as HLS keeps
    them."""
    root = _xml(path)
    kind = _text(root, path, "RunData/RUN_TYPE")
    if kind not in ("impl", "syn"):
        raise ReportError(path, f"RUN_TYPE is {kind!r}, wanted impl or syn")
    area = "AreaReport/Resources/"
    amounts = {
        name: amount(path, tag, _text(root, path, area + tag))
        for name, tag in {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM", "uram": "URAM"}.items()
    }
    amounts["bram36"] /= BLOCK_RAMS
    routed = kind == "impl" and bool(_text(root, path, "TimingReport/CP_ROUTE"))
    general = {item.get("NAME"): item.get("VALUE", "") for item in root.findall("GeneralInfo/item")}
    return VendorReport(
        path,
        f"Vivado {_text(root, path, 'RunData/VIVADO_VERSION').removeprefix('v.')}",
        next((module.get("MODULENAME", "") for module in root.findall("RtlModules/RtlModule[@IS_TOP='1']")), ""),
        general.get("Target device", ""),
        f"Vivado, {ROUTED if routed else 'synthesised, ' + HLS_ESTIMATE}",
        amounts,
        clock_period_ns=number(path, "CP_TARGET", _text(root, path, "TimingReport/CP_TARGET")),
        achieved_period_ns=number(path, "CP_FINAL", _text(root, path, "TimingReport/CP_FINAL")),
        timing_met=_text(root, path, "TimingReport/TIMING_MET") == "TRUE" if routed else None,
    )


def _latency(found: list[Table]) -> list[str] | None:
    """Latency and interval, least and greatest of each, from the first table of performance that has a pipeline type:
    seven columns with absolute times in between, or five without (up to 2019.1)."""
    for table in found:
        titles, *rows = table.rows
        if titles[0] == "min" and titles[-1] == "Type" and rows:
            return [*rows[0][:2], *rows[0][-3:-1]]
    return None


def _xml(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError as error:
        raise ReportError(path, f"no whole XML ({error})") from error
    if root.tag != "profile":
        raise ReportError(path, f"XML of <{root.tag}>, wanted <profile> of Vitis HLS")
    return root


def _text(root: ElementTree.Element, path: Path, tag: str) -> str:
    found = root.findtext(tag)
    if not found or not found.strip():
        raise ReportError(path, f"no {tag}")
    return found.strip()


def _named(path: Path, text: str, what: str, pattern: str) -> str:
    found = first(pattern, text)
    if found is None:
        raise ReportError(path, f"no name of {what}")
    return found


def _tool(version: str) -> str:
    """Vivado HLS became Vitis HLS in 2020.2."""
    year = re.match(r"(\d+)[.](\d+)", version)
    return "Vivado HLS" if year and (int(year[1]), int(year[2])) < (2020, 2) else "Vitis HLS"

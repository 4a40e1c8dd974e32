"""Reports of a oneAPI FPGA build (`<project>.report.prj` or `<project>.fpga.prj`, reports/resources/json).

Format seen: oneAPI 2024 and 2025, as hls4ml 1.3 reads it. Intel's primitives are not AMD's: a LUT here is an ALUT, RAMs
are M20K of 20 kbit and stand under that name, MLABs are LUT memories of 640 bit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgetrack.export.synthesis.vendor_report import HLS_ESTIMATE, ROUTED, ReportError, VendorReport, amount, number

COLUMNS = ("lut", "ff", "m20k", "dsp", "mlab")  # of "Estimated Resource Usage", after the name


def read_summary(path: Path) -> VendorReport:
    """`summary.ndjson`, the compiler's estimate: one JSON object a line."""
    lines = [_object(path, line) for line in path.read_text().splitlines() if line.strip()]
    total = next(
        (line for line in lines if line.get("parent") == "estimatedResources" and line.get("name") == "Total"), None
    )
    kernels = [str(line["name"]) for line in lines if line.get("parent") == "performanceSummary" and "name" in line]
    if total is None or not isinstance(total.get("data"), list) or len(total["data"]) < len(COLUMNS):
        raise ReportError(path, "no total of the estimated resources")
    return VendorReport(
        path,
        "oneAPI",
        kernels[-1] if kernels else "",
        "",
        f"oneAPI, {HLS_ESTIMATE}",
        {name: amount(path, name, str(value)) for name, value in zip(COLUMNS, total["data"], strict=False)},
    )


def read_quartus(path: Path) -> VendorReport:
    """`quartus.ndjson`, the fitter's figures after a build for hardware: a single JSON object."""
    report = _object(path, path.read_text())
    usage, clocks = (
        report.get(key, {}).get("nodes", []) for key in ("quartusFitResourceUsageSummary", "quartusFitClockSummary")
    )
    kernel = next((node for node in usage if node.get("type") == "kernel"), None)
    if kernel is None or not clocks:
        raise ReportError(path, "no usage of a kernel or no clock", "build for hardware first (make fpga)")
    frequency = number(path, "clock fmax", clocks[0].get("clock fmax"))
    if frequency <= 0:
        raise ReportError(path, f"clock fmax is {frequency} MHz")
    names = {"lut": "alut", "ff": "reg", "dsp": "dsp", "m20k": "ram", "mlab": "mlab", "alm": "alm"}
    return VendorReport(
        path,
        "Quartus",
        str(kernel.get("name", "")),
        "",
        f"Quartus, {ROUTED}",
        {name: amount(path, key, kernel.get(key)) for name, key in names.items()},
        achieved_period_ns=round(1000 / frequency, 4),
    )


def _object(path: Path, text: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReportError(path, f"no whole JSON ({error})") from error
    if not isinstance(table, dict):
        raise ReportError(path, f"JSON of {type(table).__name__}, wanted an object")
    return table

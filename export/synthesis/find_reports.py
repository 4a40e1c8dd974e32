"""Vendor reports found and read: from one file, or from all that a project folder holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from edgetrack.export.synthesis.vendor_hls import read_csynth_text, read_csynth_xml, read_implementation_xml
from edgetrack.export.synthesis.vendor_oneapi import read_quartus, read_summary
from edgetrack.export.synthesis.vendor_report import ReportError, VendorReport, first
from edgetrack.export.synthesis.vendor_vivado import read_timing_summary, read_utilization

# What stands in a report and in no other → its reader.
KINDS: dict[str, Callable[[Path], VendorReport]] = {
    "<RunData>": read_implementation_xml,
    "<PerformanceEstimates>": read_csynth_xml,
    " HLS Report for '": read_csynth_text,
    "Utilization Design Information": read_utilization,
    "Timing Summary Report": read_timing_summary,
    "quartusFitResourceUsageSummary": read_quartus,
    '"estimatedResources"': read_summary,
}
OTHER = "Utilization by Hierarchy"  # report_utilization -hierarchical: figures of the parts
PATTERNS = ("*.rpt", "*.xml", "*.ndjson")


def read_report(path: Path) -> VendorReport:
    """One report, of whatever kind its text shows. Raises ReportError, naming what is missing."""
    reader = _reader(path.read_text(errors="replace"))
    if reader is None:
        raise ReportError(
            path,
            "none of the reports that are known here",
            "wanted Vitis HLS csynth.xml or csynth.rpt, "
            "Vivado report_utilization or report_timing_summary, or oneAPI summary.ndjson or "
            "quartus.ndjson",
        )
    return reader(path)


def find_reports(folder: Path) -> list[VendorReport]:
    """All reports below `folder`, of the whole design: C synthesis reports of its parts are left out.

    Raises ValueError where there is none, ReportError for a broken one.
    """
    paths = sorted(
        {
            path
            for pattern in PATTERNS
            for path in folder.rglob(pattern)
            if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        }
    )
    kinds = {path: reader for path in paths if (reader := _reader(path.read_text(errors="replace"))) is not None}
    synthesis = [path for path, reader in kinds.items() if reader in (read_csynth_xml, read_csynth_text)]
    tops = set(_tops(synthesis))
    found = [reader(path) for path, reader in kinds.items() if path not in synthesis or path in tops]
    if not found:
        raise ValueError(
            f"{folder}: no report in {len(paths)} files of {', '.join(PATTERNS)}; run the vendor's tool "
            "first (vitis-run --mode hls --tcl build_prj.tcl), or give a file"
        )
    return found


def _reader(text: str) -> Callable[[Path], VendorReport] | None:
    return None if OTHER in text else next((reader for mark, reader in KINDS.items() if mark in text), None)


def _tops(synthesis: Iterable[Path]) -> Iterable[Path]:
    """In each folder of C synthesis reports, that of the top module: csynth.xml, or what it or project.tcl names."""
    folders: dict[Path, list[Path]] = {}
    for path in synthesis:
        folders.setdefault(path.parent, []).append(path)
    for folder, paths in folders.items():
        by_name = {path.name: path for path in paths}
        top = _project_name(folder)
        wanted = ["csynth.xml", *([f"{top}_csynth.xml", f"{top}_csynth.rpt"] if top else [])]
        chosen = next((by_name[name] for name in wanted if name in by_name), None)
        if chosen is None and len({path.stem for path in paths}) == 1:
            chosen = max(paths, key=lambda path: path.suffix == ".xml")
        if chosen is None:
            raise ValueError(
                f"{folder}: {len(paths)} C synthesis reports, and none is known as the top module's; give "
                f"one of {', '.join(sorted(by_name))}"
            )
        yield chosen


def _project_name(folder: Path) -> str | None:
    """The top module of the hls4ml project around `folder`."""
    for parent in (folder, *folder.parents):
        script = parent / "project.tcl"
        if script.is_file():
            return first(r'^set project_name "(.+)"', script.read_text())
    return None

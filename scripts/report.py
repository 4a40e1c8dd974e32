"""`edgetrack report`: a run folder → one self-contained HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.report.collect import collect
from edgetrack.report.page import render
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option


@dataclass(frozen=True)
class ReportConfig:
    """What the page shows beyond what the run folder decides."""

    event: str = option("", "held-out event to display, by name; default: a typical one")


def report(config: ReportConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Show a run folder as one HTML page, report.html in that folder: pictures first, viewable without a network.

    Everything on it is computed from the files of the run. A section whose inputs are not there says so, and names the
    command that makes them.
    """
    page = render(collect(folder), config.event)
    path = folder / "report.html"
    write_text(path, page.html)
    console.say(f"report: {path} ({len(page.html.encode()) / 1e6:.1f} MB)")
    if page.missing:
        console.say(f"not in this run: {', '.join(page.missing)}")
    return {"report": str(path), "missing": list(page.missing)}

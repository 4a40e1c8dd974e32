"""`RunRecord` → one self-contained HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from edgetrack.report import sections
from edgetrack.report.accelerator_section import FIGURES, accelerator_section
from edgetrack.report.collect import RunRecord
from edgetrack.report.hypertrack_section import hypertrack_section
from edgetrack.report.recompute import evaluation_of, tracks_of_events
from edgetrack.report.tables import COLUMNS, Missing, headline, number

TITLES = {
    "event": "Event display",
    "tracking": "Tracking efficiency",
    "scores": "Edge classification",
    "training": "Training",
    "forms": "All forms",
    "verification": "Bit accuracy",
    "accelerator": "Accelerator",
    "ranges": "Ranges and widths",
    "resources": "Hardware estimates",
    "data": "Collisions and graphs",
    "provenance": "Provenance",
}


@dataclass(frozen=True)
class Page:
    """The finished page, and the titles of the sections that lack their inputs."""

    html: str
    missing: tuple[str, ...]


def render(record: RunRecord, event: str = "") -> Page:
    """The page of a run; `event` names the held-out graph to display, by default a typical one.

    The same record gives the same page. Raises ValueError for an event that is not held out.
    Cost: one forward pass of the integers over the held-out graphs, and seconds of drawing.
    """
    evaluation = evaluation_of(record)
    events = {
        form: tracks_of_events(record, form, evaluation)
        for form in (record.reference, record.integers)
        if form is not None
    }
    shown: dict[str, Any] = {
        "event": sections.event_section(record, event, events, evaluation),
        "tracking": sections.tracking_section(record),
        "scores": sections.scores_section(record),
        "training": sections.training_section(record),
        "forms": sections.forms_section(record, evaluation),
        "verification": sections.verification_section(record),
        "accelerator": accelerator_section(record),
        "ranges": sections.ranges_section(record),
        "resources": sections.resources_section(record),
        "data": sections.data_section(record, events),
        "provenance": sections.provenance_section(record, evaluation),
    }
    hypertrack = hypertrack_section(record)
    titles = TITLES
    if hypertrack is not None:
        shown["hypertrack"] = hypertrack
        titles = {"event": TITLES["event"], "hypertrack": "HyperTrack", **TITLES}
    missing = tuple(titles[name] for name, section in shown.items() if isinstance(section, Missing))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.tests["missing"] = lambda value: isinstance(value, Missing)
    html = environment.get_template("template.html").render(
        name=record.folder.resolve().name,
        tiles=headline(record),
        titles=titles,
        sections=shown,
        absent=missing,
        number=number,
        columns=COLUMNS,
        hardware_columns=FIGURES,
    )
    return Page(html, missing)

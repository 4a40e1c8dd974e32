"""`RunRecord` → one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.scripts.reporting import figures_event, figures_ranges, figures_scores, tables
from edgetrack.scripts.reporting.collect import RunRecord
from edgetrack.scripts.reporting.figures_tracking import tracking_figure
from edgetrack.scripts.reporting.provenance import definitions, seeds, versions
from edgetrack.scripts.reporting.ranges import AccumulatorUse, CodeUse, activation_use, bias_span, format_name
from edgetrack.scripts.reporting.ranges import weight_use as weights_of
from edgetrack.scripts.reporting.recompute import (
    EventTracks,
    disagreements,
    evaluation_config,
    thresholds,
    tracks_of_events,
    typical_event,
)
from edgetrack.scripts.reporting.tables import Missing, minus
from edgetrack.tracks.evaluation import EvaluationConfig

TITLES = {
    "event": "Event display", "tracking": "Tracking efficiency", "scores": "Edge classification",
    "forms": "All forms", "verification": "Bit accuracy", "ranges": "Ranges and widths",
    "resources": "Hardware estimates", "data": "Collisions and graphs", "provenance": "Provenance",
}


@dataclass(frozen=True)
class Page:
    """The finished page, and the titles of the sections that lack their inputs."""

    html: str
    missing: tuple[str, ...]


def render(record: RunRecord, event: str = "") -> Page:
    """The page of a run; `event` names the held-out graph to display, by default a typical one.

    The same record gives the same page. Raises ValueError for an event that is not held out.
    """
    evaluation = evaluation_config(record.config)
    run = f"edgetrack run --folder {record.folder}"
    events = {form: tracks_of_events(record, form, evaluation)
              for form in (record.reference, record.integers) if form is not None}
    sections: dict[str, Any] = {
        "event": _event(record, event, events, evaluation, run),
        "tracking": _tracking(record, run),
        "scores": _scores(record, run),
        "forms": _forms(record, evaluation, run),
        "verification": _verification(record),
        "ranges": _ranges(record, run),
        "resources": _resources(record),
        "data": _data(record, events, run),
        "provenance": {"versions": versions(), "seeds": list(seeds(record.config)), "config": record.config_text,
                       "definitions": definitions(evaluation.matching)},
    }
    missing = tuple(TITLES[name] for name, section in sections.items() if isinstance(section, Missing))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.tests["missing"] = lambda value: isinstance(value, Missing)
    html = environment.get_template("template.html").render(
        name=record.folder.resolve().name, tiles=tables.headline(record), titles=TITLES, sections=sections,
        absent=missing, number=tables.number, columns=tables.COLUMNS,
    )
    return Page(html, missing)


def _event(record: RunRecord, wanted: str, events: Mapping[str, list[EventTracks]], config: EvaluationConfig,
           run: str) -> Missing | dict[str, Any]:
    if record.integers is None or any(graph.particle_id is None for graph in record.graphs):
        return Missing("an evaluated quantised form on held-out graphs with particle ids", run)
    names = [graph.name for graph in record.graphs]
    if wanted and wanted not in names:
        raise ValueError(f"event {wanted!r} is not held out in this run; take one of {', '.join(names)}")
    tracks = events[record.integers]
    pooled = record.forms[record.integers].get("double_majority")
    index = names.index(wanted) if wanted else typical_event(tracks, pooled)
    _, threshold = thresholds(record, record.integers)
    logits = record.logits[record.integers][index]
    view = figures_event.event_view(record.graphs[index], tracks[index].candidates, logits, threshold, config.matching)
    own = tracks[index].metrics
    return {
        "svg": figures_event.event_figure(view, record.integers), "name": names[index], "chosen": bool(wanted),
        "graph": view.graph, "form": record.integers, "pooled": pooled,
        "efficiency": own.overall.double_majority.value if own else None,
        "found": int(view.found.sum()), "missed": int((~view.found).sum()),
        "matched": view.count(figures_event.MATCHED), "piece": view.count(figures_event.PIECE),
        "impure": view.count(figures_event.IMPURE), "fake": view.count(figures_event.FAKE),
    }


def _tracking(record: RunRecord, run: str) -> Missing | dict[str, Any]:
    svg = tracking_figure(record) if record.forms else None
    if svg is None:
        return Missing("evaluated graphs whose hits know pT and η of their particle", run)
    return {"svg": svg}


def _scores(record: RunRecord, run: str) -> Missing | dict[str, Any]:
    scores = figures_scores.all_scores(record)
    if not scores:
        return Missing("logits of an evaluation on labelled held-out graphs", run)
    both = record.reference is not None and record.integers is not None
    return {
        "roc": figures_scores.roc_figure(scores), "histograms": figures_scores.histogram_figure(scores),
        "agreement": figures_scores.agreement_figure(scores) if both else None,
        "differing": figures_scores.differing_decisions(scores) if both else None,
        "scores": scores, "edges": len(scores[0].truth),
    }


def _forms(record: RunRecord, config: EvaluationConfig, run: str) -> Missing | dict[str, Any]:
    if not record.forms:
        return Missing("evaluation.json: no form was evaluated", run)
    return {"rows": tables.form_rows(record), "wrong": disagreements(record, config), "checked": bool(record.logits),
            "integers": record.integers, "graphs": len(record.graphs)}


def _verification(record: RunRecord) -> Missing | dict[str, Any]:
    if record.verification is None:
        checkpoint = f" --checkpoint {record.folder}/quantize/quantised.safetensors" if record.quantised else ""
        return Missing("verify.json: no form was verified",
                       f"edgetrack verify{checkpoint} --folder {record.folder}/verify")
    mlps, rows = tables.verification_rows(record.verification)
    return {"mlps": mlps, "rows": rows, "floats": record.verification.get("float_forms", {})}


def _ranges(record: RunRecord, run: str) -> Missing | dict[str, Any]:
    if record.quantised is None:
        return Missing("a quantised checkpoint", run)
    model = integer_model(record.quantised)
    weights = weights_of(model)
    activations, accumulators = activation_use(model, record.graphs)
    return {
        "svg": figures_ranges.ranges_figure(weights, activations),
        "accumulators": figures_ranges.accumulator_figure(accumulators) if accumulators else None,
        "weights": [_tensor_row(use) for use in weights], "activations": [_tensor_row(use) for use in activations],
        "layers": _layer_rows(model, accumulators), "graphs": len(record.graphs),
    }


def _tensor_row(use: CodeUse) -> dict[str, Any]:
    used = use.used
    return {
        "name": use.name, "format": format_name(use.fmt), "lsb": minus(str(use.fmt.exponent)), "spark":
        figures_ranges.code_sparkline(use), "total": use.total, "largest": f"{use.largest:.4g}",
        "limit": f"{use.fmt.highest * use.fmt.step:.4g}", "saturated": use.saturated, "saturation": use.saturation,
        "used": minus(f"{used[0]} … {used[1]}") if used else "–",
        "span": minus(f"{use.fmt.lowest} … {use.fmt.highest}"),
        "zeros": use.zeros / use.total if use.total else None,
    }


def _layer_rows(model: IntegerModel, accumulators: list[AccumulatorUse]) -> list[dict[str, Any]]:
    reached = {use.name: use.used_bits for use in accumulators}
    rows = []
    for mlp, layers in model.layers.items():
        for index, (layer, bits) in enumerate(zip(layers, model.accumulator_bits(mlp), strict=True)):
            low, high = bias_span(layer)
            rows.append({"name": f"{mlp}.{index}", "shape": f"{layer.weight.shape[1]} → {layer.weight.shape[0]}",
                         "bias": minus(f"{low} … {high}"), "bits": bits, "reached": reached.get(f"{mlp}.{index}")})
    return rows


def _resources(record: RunRecord) -> Missing | dict[str, Any]:
    if not record.rtl:
        return Missing("rtl.json: the network was not exported to RTL",
                       f"edgetrack export --to rtl --folder {record.folder}/export")
    rtl = record.config.get("settings", {}).get("rtl", {}) if record.config else {}
    period = rtl.get("clock_period_ns")
    rows = tables.resource_rows(record, period)
    largest = {key: max((row[key] or 0 for row in rows if row["name"] != "all"), default=0) or 1
               for key in ("alkaid", "registers", "lut", "ff", "carry4")}
    basis = sorted({str(values["basis"]) for values in record.synthesis.values() if "basis" in values})
    return {"rows": rows, "largest": largest, "period": period, "synthesised": bool(record.synthesis), "basis": basis}


def _data(record: RunRecord, events: Mapping[str, list[EventTracks]], run: str) -> Missing | dict[str, Any]:
    simulated, built = record.stages.get("simulate", {}), record.stages.get("build", {})
    if not (simulated or built or record.graphs):
        return Missing("simulated events and graphs", run)
    simulation = record.config.get("simulate", {}).get("simulation", {}) if record.config else {}
    return {"simulated": simulated, "built": built, "simulation": simulation, "forms": list(events),
            "rows": tables.event_rows(record, events)}

"""The sections of the page: what the template shows of each, or what is missing for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetrack.export.hls4ml.types import requantized
from edgetrack.export.rtl.pipelines import RTL
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.ranges import (
    AccumulatorUse,
    CodeUse,
    activation_use,
    bias_span,
    weight_use,
)
from edgetrack.report import figures_event, figures_ranges, figures_scores, tables
from edgetrack.report.collect import RunRecord
from edgetrack.report.figures_tracking import tracking_figure
from edgetrack.report.figures_training import training_figure
from edgetrack.report.provenance import definitions, seeds, versions
from edgetrack.report.recompute import EventTracks, disagreements, thresholds, typical_event
from edgetrack.report.tables import Missing, minus
from edgetrack.tracks.evaluation import EvaluationConfig

Section = Missing | dict[str, Any]

REBUILD = "edgetrack build --events DIR, from events with truth"


def whole_run(record: RunRecord) -> str:
    """The command that makes all stages."""
    return f"edgetrack run --folder {record.folder}"


def own_checkpoint(record: RunRecord) -> str:
    """The option that names this run's quantised checkpoint; nothing where there is none."""
    return f" --checkpoint {record.quantized_path}" if record.quantized_path else ""


def event_section(
    record: RunRecord, wanted: str, events: Mapping[str, list[EventTracks]], config: EvaluationConfig
) -> Section:
    """One held-out event: the one asked for, or a typical one."""
    if record.integers is None:
        return Missing("an evaluated quantised form", whole_run(record))
    if any(graph.particle_id is None for graph in record.graphs):
        return Missing("the particle of each hit, which the evaluated graphs do not know", REBUILD)
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
        "svg": figures_event.event_figure(view, record.integers),
        "wedge": round(180 * view.wedge),
        "name": names[index],
        "chosen": bool(wanted),
        "graph": view.graph,
        "form": record.integers,
        "pooled": pooled,
        "efficiency": own.overall.double_majority.value if own else None,
        "found": int(view.found.sum()),
        "missed": int((~view.found).sum()),
        "matched": view.count(figures_event.MATCHED),
        "piece": view.count(figures_event.PIECE),
        "impure": view.count(figures_event.IMPURE),
        "fake": view.count(figures_event.FAKE),
    }


def tracking_section(record: RunRecord) -> Section:
    """Efficiency and fake rate in bins."""
    if not record.forms:
        return Missing("evaluation.json: no form was evaluated", whole_run(record))
    svg = tracking_figure(record)
    if svg is None:
        return Missing("pT and η of each hit's particle, which the evaluated graphs do not know", REBUILD)
    return {"svg": svg, "high_pt": tables.high_pt_rows(record)}


def training_section(record: RunRecord) -> Section:
    """Losses and accuracy, epoch by epoch."""
    svg = training_figure(record)
    if svg is None:
        return Missing("history.csv: no training of this run left its losses", whole_run(record))
    return {"svg": svg, "distilled": "quantize" in record.histories}


def scores_section(record: RunRecord) -> Section:
    """ROC, logits and scores."""
    if not record.logits:
        return Missing("logits.npz and graphs: no form was evaluated", whole_run(record))
    scores = figures_scores.all_scores(record)
    if not scores:
        return Missing("labels of edges, which the evaluated graphs do not know", REBUILD)
    both = record.reference is not None and record.integers is not None
    return {
        "roc": figures_scores.roc_figure(scores),
        "histograms": figures_scores.histogram_figure(scores),
        "agreement": figures_scores.agreement_figure(scores) if both else None,
        "differing": figures_scores.differing_decisions(scores) if both else None,
        "scores": scores,
        "edges": len(scores[0].truth),
    }


def forms_section(record: RunRecord, config: EvaluationConfig) -> Section:
    """Every form's figures, checked against the logits."""
    if not record.forms:
        return Missing("evaluation.json: no form was evaluated", whole_run(record))
    rows = tables.form_rows(record)
    return {
        "rows": rows,
        "sectors": [row["name"] for row in rows if row["differing"] and row["differing"][1]],
        "wrong": disagreements(record, config),
        "checked": bool(record.logits),
        "integers": record.integers,
        "graphs": len(record.graphs),
        "sector_loss": record.sector_loss,
    }


def verification_section(record: RunRecord) -> Section:
    """What `verify` compared."""
    if record.verification is None:
        return Missing(
            "verify.json: no form was verified",
            f"edgetrack verify{own_checkpoint(record)} --folder {record.folder}/verify",
        )
    kernels, rows = tables.verification_rows(record.verification)
    return {"kernels": kernels, "rows": rows, "floats": record.verification.get("float_forms", {})}


def ranges_section(record: RunRecord) -> Section:
    """Codes of weights and activations, and accumulators."""
    if record.quantised is None:
        return Missing("a quantised checkpoint", whole_run(record))
    model = integer_model(record.quantised)
    weights = weight_use(model)
    activations, accumulators = activation_use(model, record.graphs)
    return {
        "svg": figures_ranges.ranges_figure(weights, activations),
        "accumulators": figures_ranges.accumulator_figure(accumulators) if accumulators else None,
        "weights": [_tensor_row(use) for use in weights],
        "activations": [_tensor_row(use) for use in activations],
        "layers": _layer_rows(model, accumulators),
        "graphs": len(record.graphs),
    }


def _tensor_row(use: CodeUse) -> dict[str, Any]:
    used = use.used
    return {
        "name": use.name,
        "format": requantized(use.fmt),
        "lsb": minus(str(use.fmt.exponent)),
        "spark": figures_ranges.code_sparkline(use),
        "total": use.total,
        "largest": f"{use.largest:.4g}",
        "limit": f"{use.fmt.highest * use.fmt.step:.4g}",
        "saturated": use.saturated,
        "saturation": use.saturation,
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
            rows.append(
                {
                    "name": f"{mlp}.{index}",
                    "shape": f"{layer.weight.shape[1]} → {layer.weight.shape[0]}",
                    "bias": minus(f"{low} … {high}"),
                    "bits": bits,
                    "reached": reached.get(f"{mlp}.{index}"),
                }
            )
    return rows


def resources_section(record: RunRecord) -> Section:
    """Latency and estimates of each MLP in RTL."""
    if not record.rtl:
        return Missing(
            "rtl.json: the network was not exported to RTL",
            f"edgetrack export --to rtl{own_checkpoint(record)} --folder {record.folder}/export",
        )
    period = _plain(record.config, "settings", RTL.name).get("clock period ns")
    rows = tables.resource_rows(record, period)
    largest = {
        key: max((row[key] or 0 for row in rows if row["name"] != "all"), default=0) or 1
        for key in ("alkaid", "registers", "lut", "ff", "carry4")
    }
    basis = sorted({str(values["basis"]) for values in record.synthesis.values() if "basis" in values})
    return {"rows": rows, "largest": largest, "period": period, "synthesised": bool(record.synthesis), "basis": basis}


def data_section(record: RunRecord, events: Mapping[str, list[EventTracks]]) -> Section:
    """Simulation, construction, and each held-out graph."""
    simulated, built = record.stages.get("simulate", {}), record.stages.get("build", {})
    if not (simulated or built or record.graphs):
        return Missing("simulated events and graphs", whole_run(record))
    return {
        "simulated": simulated,
        "built": built,
        "given": record.config.get("events") or record.config.get("graphs") or "",
        "simulation": _plain(record.config, "simulate", "simulation") if simulated else {},
        "selection": _plain(record.config, "graph", "selection") if built else {},
        "construction": _plain(record.config, "graph", _construction(record)) if built else {},
        "forms": list(events),
        "rows": tables.event_rows(record, events),
    }


def provenance_section(record: RunRecord, config: EvaluationConfig) -> dict[str, Any]:
    """Definitions, versions, seeds and the resolved config."""
    return {
        "versions": versions(),
        "seeds": list(seeds(record.config)),
        "config": record.config_text,
        "definitions": definitions(config.matching),
    }


def _construction(record: RunRecord) -> str:
    """The section of `graph` that decided which edges there are."""
    kind = record.config.get("graph", {}).get("construction", {}).get("kind", "geometric")
    return "geometric" if kind == "geometric" else "construction"


def _plain(config: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The numbers and words of a section of the config, by readable names; nested values stay in the config's text."""
    section: Any = config
    for key in keys:
        section = section.get(key) if isinstance(section, Mapping) else None
    if not isinstance(section, Mapping):
        return {}
    return {
        str(key).replace("_", " "): value
        for key, value in section.items()
        if isinstance(value, int | float | str) or (isinstance(value, list) and len(value) == 2)
    }

"""The section of the page about the accelerator: its blocks, cycles, estimates, and what its output finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edgetrack.export.accelerator.blocks import blocks, memories
from edgetrack.export.accelerator.cycles import CycleFormula, cycle_formula
from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.accelerator.plan import AcceleratorConfig, make_plan
from edgetrack.export.accelerator.timing import half_as_many_nodes
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.report import figures_cycles, figures_hardware, theme
from edgetrack.report.collect import RunRecord
from edgetrack.report.figures_accelerator import block_figure
from edgetrack.report.figures_tracking import curves
from edgetrack.report.tables import Missing, compared_graphs, measured, number, verdict
from edgetrack.studies.published_designs import SIZES
from edgetrack.studies.side_by_side import sectors_name

NAME = ACCELERATOR.name
MORE_LANES = (2, 4)  # times as many, as thin lines beside this design
FIGURES = {
    "edge_accuracy": "edge accuracy",
    "double_majority": "double majority",
    "perfect": "perfect",
    "fake_rate": "fake rate",
}
AMOUNTS = {
    "lut": "LUT",
    "lutram": "of them memory",
    "ff": "FF",
    "carry4": "CARRY4",
    "bram36": "BRAM36",
    "uram": "URAM",
    "dsp": "DSP",
}


def accelerator_section(record: RunRecord) -> Missing | dict[str, Any]:
    """What the run knows of the accelerator."""
    if record.quantised is None or not record.accelerator:
        return Missing(
            "accelerator.json: the network was not exported as an accelerator",
            f"edgetrack export --to {NAME} --folder {record.folder}/export",
        )
    model = integer_model(record.quantised)
    formula = _formula(model, record.accelerator, lanes=1)
    config = formula.config
    plan = make_plan(model, config)
    verified = (record.verification or {}).get("forms", {}).get(NAME, {})
    timing = verified.get("timing")
    stored = memories(plan, formula)
    return {
        "blocks": block_figure("blocks", blocks(plan, formula), stored),
        "memory_bits": sum(memory.total_bits for memory in stored),
        "facts": _facts(config, formula),
        "passages": figures_cycles.passage_figure(timing["passages"], config.rtl.clock_period_ns) if timing else None,
        "latency": _latency(model, record.accelerator, timing["latencies"], formula) if timing else None,
        "interval": timing["interval"] if timing else None,
        "verified": _verified(verified),
        "resources": _resources(record, verified),
        "efficiency": figures_hardware.efficiency_figure(
            _efficiencies(record), record.perfect_scores.get("by_pt") or ()
        ),
        "rows": _figure_rows(record),
        "clock_mhz": 1000 / config.rtl.clock_period_ns,
    }


def _formula(model: IntegerModel, written: Mapping[str, Any], lanes: int) -> CycleFormula:
    """The cycles of the design that accelerator.json tells of, or of one with more lanes of everything."""
    try:
        config = TypeAdapter(AcceleratorConfig).validate_python(written["config"])
        config = replace(config, edge_lanes=lanes * config.edge_lanes, node_lanes=lanes * config.node_lanes)
        return cycle_formula(make_plan(model, config), written["kernel_cycles"])
    except (KeyError, ValidationError, ValueError) as error:
        raise ValueError(
            f"accelerator.json does not belong to the run's quantised checkpoint ({error}); export again"
        ) from error


def _facts(config: AcceleratorConfig, formula: CycleFormula) -> dict[str, str]:
    nodes, edges = config.capacity.nodes, config.capacity.edges
    latency, interval = formula.latency(nodes, edges), formula.interval(nodes, edges)
    nanoseconds = config.rtl.clock_period_ns
    return {
        "largest graph": f"{nodes:,} nodes, {edges:,} edges",
        "lanes": f"{config.edge_lanes} edge, {config.node_lanes} node",
        "graphs in flight": str(config.graphs_in_flight),
        "accumulator buffers": str(config.accumulators),
        "latency, largest graph": f"{latency:,} cycles, {latency * nanoseconds / 1000:.2f} µs",
        "interval, largest graph": f"{interval:,.0f} cycles, {interval * nanoseconds / 1000:.2f} µs",
        "clock, assumed": f"{1000 / nanoseconds:g} MHz",
    }


def _latency(
    model: IntegerModel, written: Mapping[str, Any], points: list[Mapping[str, Any]], formula: CycleFormula
) -> Any:
    lines = []
    for times in (1, *MORE_LANES):
        other = formula if times == 1 else _formula(model, written, times)
        label = f"{other.config.edge_lanes} edge, {other.config.node_lanes} node lanes" + ", formula" * (times == 1)
        lines.append((label, lambda edges, f=other: f.latency(*half_as_many_nodes(f.config.capacity, edges))))
    published = {size.published.short: (size.config.edges, size.published.nanoseconds) for size in SIZES}
    return figures_cycles.latency_figure(points, lines, published, formula.config.rtl.clock_period_ns)


def _verified(form: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `verify` compared, in words."""
    if not form or form.get("skipped"):
        return None
    streamed = form.get("streamed")
    return {
        "verdict": verdict(form),
        "mismatches": number(form.get("mismatches")),
        "values": number(form.get("values")),
        "graphs": compared_graphs(form),
        "streamed": streamed,
        "rounds": {name: number(clocks) for name, clocks in (streamed or {}).get("clocks", {}).items()},
    }


def _resources(record: RunRecord, verified: Mapping[str, Any]) -> dict[str, Any] | None:
    """Yosys' counts where the export made them, else those of the closed formulas; None with neither."""
    counted = record.stages.get("export", {}).get("estimates", {}).get(NAME) or verified.get("resources")
    if not counted or "total" not in counted:
        return {"missing": counted["missing"]} if counted else None
    rows = [
        {"name": name, **{key: _shown(key, block.get(key, 0)) for key in AMOUNTS}}
        for name, block in counted["blocks"].items()
    ]
    largest = {key: max((row.get(key) or 0 for row in rows), default=0) or 1 for key in AMOUNTS}
    total = {"name": "all", **counted["total"]}
    return {
        "svg": figures_hardware.shares_figure(total, counted["shares"], counted["device"]),
        "rows": rows,
        "total": total,
        "largest": largest,
        "basis": counted["basis"],
        "device": counted["device"],
        "columns": AMOUNTS,
    }


def _shown(key: str, amount: float) -> float:
    """Whole primitives; a block RAM may be a half."""
    return round(2 * amount) / 2 if key == "bram36" else round(amount)


def _efficiencies(record: RunRecord) -> list[Any]:
    """Curves of floats, integers and the accelerator."""
    found = curves(record, "by_pt")
    bins = record.forms.get(NAME, {}).get("by_pt")
    return [*found, (f"hardware ({NAME})", theme.FALSE, "^", bins)] if bins else []


def _figure_rows(record: RunRecord) -> list[dict[str, Any]]:
    """The accelerator's figures beside those of the floats and the integers; empty where it was not evaluated."""
    if not record.forms.get(NAME) or "perfect" not in record.forms[NAME]:
        return []
    sectors = [name for name in record.forms if name == sectors_name(NAME)]
    names = [*record.float_names, *([record.integers] if record.integers else []), *sectors, NAME]
    return [
        {
            "name": name,
            "cells": [measured(record.forms[name].get(key), record.forms[name].get(f"{key}_error")) for key in FIGURES],
        }
        for name in names
    ]

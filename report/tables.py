"""The tables of the report: plain rows, computed from a `RunRecord`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgetrack.report.collect import RunRecord
from edgetrack.report.recompute import EventTracks, logits_differing

COLUMNS = {
    "edge_accuracy": "edge accuracy",
    "edge_efficiency": "edge efficiency",
    "edge_purity": "edge purity",
    "auc": "AUC",
    "double_majority": "double majority",
    "perfect": "perfect",
    "lhc": "LHC match",
    "fake_rate": "fake rate",
    "duplicate_rate": "duplicates",
}


@dataclass(frozen=True)
class Missing:
    """A section whose inputs are not in the run: what is missing, and the command that makes it."""

    what: str
    command: str


@dataclass(frozen=True)
class Tile:
    """One headline number. `state` is "", "good", "part" (good, but not all was done), "bad" or "unknown"."""

    label: str
    value: str
    note: str
    state: str = ""


def number(value: float | None, digits: int = 4) -> str:
    """A fraction with four digits, an integer with thousands separators, – for nothing."""
    if value is None:
        return "–"
    return minus(f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}")


def minus(text: str) -> str:
    """The typographer's minus sign."""
    return text.replace("-", "−")


def measured(value: float | None, error: float | None) -> tuple[str, str]:
    """Value and uncertainty with the same digits: four, or more where the uncertainty needs them."""
    digits = 4 if not error else min(max(4, -math.floor(math.log10(error))), 7)
    return number(value, digits), number(error, digits)


def form_rows(record: RunRecord) -> list[dict[str, Any]]:
    """One row a form: each figure with its uncertainty, thresholds, and how its logits compare with the integers'."""
    rows = []
    for name, figures in record.forms.items():
        kind = "quantised" if name in record.quantized_names else "float"
        row: dict[str, Any] = {"name": name, "kind": kind, "skipped": figures.get("skipped", "")}
        row["error"] = figures.get("error", "")
        row["cells"] = [measured(figures.get(key), figures.get(f"{key}_error")) for key in COLUMNS]
        row["thresholds"] = [number(figures.get(key), 3) for key in ("threshold", "track_threshold")]
        row["differing"] = logits_differing(record, name)
        rows.append(row)
    return rows


def high_pt_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Double majority at high pT, with its interval, of float networks, integers and perfect scores; for truth only."""
    entries = [(name, record.forms[name]) for name in (*record.float_names, *filter(None, [record.integers]))]
    entries.append(("perfect scores", record.perfect_scores))
    rows = []
    for name, figures in entries:
        high = figures.get("high_pt") or {}
        if high.get("double_majority") is not None:
            value, (low, up) = high["double_majority"], high["double_majority_interval"]
            rows.append(
                {
                    "name": name,
                    "above": high["low"],
                    "particles": number(high["particles"]),
                    "value": f"{value:.3f} (+{up - value:.3f} {minus(f'{low - value:.3f}')})",
                }
            )
    return rows


def verification_rows(verification: Mapping[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of the kernels, and one row a form with its verdict."""
    forms = verification.get("forms", {})
    kernels = list(dict.fromkeys(kernel for form in forms.values() for kernel in form.get("vectors_by_kernel", {})))
    rows = []
    for name, form in forms.items():
        rows.append(
            {
                "name": name,
                "verdict": verdict(form),
                "skipped": form.get("skipped", ""),
                "first": form.get("first_mismatch", ""),
                "error": form.get("error", ""),
                "vectors": [number(form.get("vectors_by_kernel", {}).get(kernel)) for kernel in kernels],
                "graphs": compared_graphs(form),
                "values": number(form.get("values")),
                "distinct": number(form.get("distinct_outputs")),
                "mismatches": number(form.get("mismatches")),
                "seconds": number(form.get("seconds"), 1),
            }
        )
    return kernels, rows


def compared_graphs(form: Mapping[str, Any]) -> str:
    """Real graphs, or the sectors of them that fixed-size hardware got, special ones, and random ones: "20 + 7"."""
    real = form.get("graphs")
    shown = f"{number(form['sectors'])} sectors of {number(real)}" if form.get("sectors") else number(real)
    shown += f" + {number(form['special_graphs'])}" if form.get("special_graphs") else ""
    shown += f" + {number(form['random_graphs'])} random" if form.get("random_graphs") else ""
    return shown + (f", {len(form['streamed']['clocks'])} times" if form.get("streamed") else "")


def verdict(form: Mapping[str, Any]) -> str:
    """equal, FAILED or skipped. Outputs that are all the same prove nothing, and fail."""
    if form.get("skipped"):
        return "skipped"
    failed = form.get("error") or form.get("mismatches", 1) or form.get("distinct_outputs", 0) < 2
    return "FAILED" if failed else "equal"


def headline(record: RunRecord) -> list[Tile]:
    """The numbers that come first."""
    return [
        _bit_accuracy(record),
        _pair(record, "edge_accuracy", "edge accuracy"),
        _pair(record, "double_majority", "double majority"),
        _fakes(record),
        _held_out(record),
        _network(record),
    ]


def _bit_accuracy(record: RunRecord) -> Tile:
    label = "bit mismatches"
    if record.verification is None:
        return Tile(label, "–", "not verified in this run", "unknown")
    forms = record.verification.get("forms", {})
    verdicts = {name: verdict(form) for name, form in forms.items()}
    mismatches = sum(int(form.get("mismatches") or 0) for form in forms.values())
    failed = [name for name, value in verdicts.items() if value == "FAILED"]
    failed += [name for name, form in record.verification.get("float_forms", {}).items() if form.get("failed")]
    skipped = [name for name, value in verdicts.items() if value == "skipped"]
    equal = sum(value == "equal" for value in verdicts.values())
    compared = sum(int(form.get("values", 0)) for form in forms.values())
    note = f"{equal} of {len(forms)} forms equal the integers; {compared:,} integers compared"
    if failed:
        note += f"; failed: {', '.join(failed)}"
    if skipped:
        note += f"; skipped: {', '.join(skipped)}"
    state = "bad" if failed else "unknown" if not equal else "part" if skipped else "good"
    return Tile(label, f"{mismatches:,}", note, state)


def _pair(record: RunRecord, key: str, label: str) -> Tile:
    """The integers' figure, beside those of the float networks."""
    name = record.integers
    value = record.forms[name].get(key) if name else None
    floats = [(other, record.forms[other].get(key)) for other in record.float_names]
    floats = [(other, figure) for other, figure in floats if figure is not None]
    if value is None:
        note = ", ".join(f"{other} {figure:.4f}" for other, figure in floats) or "not evaluated in this run"
        return Tile(f"{label}, quantised", "–", note, "unknown")
    note = "; ".join(
        f"{other} {figure:.4f} ({minus(f'{100 * (value - figure):+.2f}')} points)" for other, figure in floats
    )
    return Tile(f"{label}, quantised", f"{value:.4f}", note)


def _fakes(record: RunRecord) -> Tile:
    name = record.integers
    value = record.forms[name].get("fake_rate") if name else None
    if name is None or value is None:
        return Tile("fake rate, quantised", "–", "not evaluated in this run", "unknown")
    figures = record.forms[name]
    others = "; ".join(f"{other} {number(record.forms[other].get('fake_rate'))}" for other in record.float_names)
    return Tile("fake rate, quantised", f"{value:.4f}", f"of {number(figures.get('candidates'))} candidates; {others}")


def _held_out(record: RunRecord) -> Tile:
    events = record.stages.get("simulate", {}).get("events")
    simulated = f"; {number(events)} events simulated" if events is not None else ""
    if not record.graphs:
        return Tile("held-out events", "–", f"not evaluated in this run{simulated}", "unknown")
    edges = sum(graph.num_edges for graph in record.graphs)
    hits = sum(graph.num_nodes for graph in record.graphs)
    return Tile("held-out events", f"{len(record.graphs):,}", f"{hits:,} hits, {edges:,} edges{simulated}")


def _network(record: RunRecord) -> Tile:
    checkpoint = record.quantised
    if checkpoint is None:
        return Tile("parameters, quantised", "–", "no quantised checkpoint in this run", "unknown")
    recipe = checkpoint.recipe or {}
    floats = ", ".join(f"{stage} {other.description.num_parameters():,}" for stage, other in record.floats.items())
    note = (
        f"{checkpoint.description.name.replace('_', ' ')}; {recipe.get('weight_bits')}-bit weights, "
        f"{recipe.get('activation_bits')}-bit activations"
    )
    return Tile(
        "parameters, quantised",
        f"{checkpoint.description.num_parameters():,}",
        note + (f"; float: {floats}" if floats else ""),
    )


def event_rows(record: RunRecord, events: Mapping[str, list[EventTracks]]) -> list[dict[str, Any]]:
    """One row a held-out graph: sizes, and the double majority of each form in `events`."""
    rows = []
    for index, graph in enumerate(record.graphs):
        true = None if graph.y is None else int(graph.y.sum())
        figures = []
        for tracks in events.values():
            metrics = tracks[index].metrics
            figures.append(number(metrics.overall.double_majority.value if metrics else None))
        first = next(iter(events.values()))[index].metrics if events else None
        rows.append(
            {
                "name": graph.name,
                "hits": number(graph.num_nodes),
                "edges": number(graph.num_edges),
                "true": number(true),
                "purity": number(None if true is None else true / max(graph.num_edges, 1), 3),
                "particles": number(first.overall.particles if first else None),
                "figures": figures,
            }
        )
    return rows


def resource_rows(record: RunRecord, clock_period_ns: float | None) -> list[dict[str, Any]]:
    """One row an MLP: latency, alkaid's estimate and what Yosys counted; a last row with their sum."""
    rows: list[dict[str, Any]] = []
    for mlp, kernel in record.rtl.items():
        cycles = kernel.get("latency_cycles")
        rows.append(
            {
                "name": mlp,
                "cycles": cycles,
                "interval": kernel.get("initiation_interval"),
                "nanoseconds": cycles * clock_period_ns if cycles is not None and clock_period_ns else None,
                "alkaid": kernel.get("estimated_luts"),
                "registers": kernel.get("register_bits"),
                **{key: record.synthesis.get(mlp, {}).get(key) for key in ("lut", "ff", "carry4", "dsp", "bram36")},
            }
        )
    if len(rows) > 1:
        summed = ("alkaid", "registers", "lut", "ff", "carry4", "dsp", "bram36")
        total = {key: _sum([row[key] for row in rows]) for key in summed}
        rows.append({"name": "all", "cycles": None, "interval": None, "nanoseconds": None, **total})
    return rows


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None

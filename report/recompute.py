"""Figures of single events, and a check: what evaluation.json says must follow from the logits beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from edgetrack.report.collect import RunRecord
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores, perfect_scores, shuffled_tracks
from edgetrack.tracks.track_metrics import TrackMetrics, match

CHECKED = (
    "edges",
    "edge_accuracy",
    "edge_efficiency",
    "edge_purity",
    "auc",
    "particles",
    "candidates",
    "double_majority",
    "perfect",
    "lhc",
    "lhc_efficiency",
    "fake_rate",
    "duplicate_rate",
)


@dataclass(frozen=True)
class EventTracks:
    """The candidates of one form in one held-out graph, and how they match."""

    candidates: TrackCandidates
    metrics: TrackMetrics | None  # None where the graph has no particle ids


def evaluation_config(config: Mapping[str, Any]) -> EvaluationConfig:
    """The evaluation section of a run's config, wherever it stands; the default where there is none."""
    section = _find(config)
    if section is None:
        return EvaluationConfig()
    try:
        return TypeAdapter(EvaluationConfig).validate_python(section)
    except ValidationError as error:
        raise ValueError(f"run.yaml: the evaluation section cannot be read: {error}") from error


def evaluation_of(record: RunRecord) -> EvaluationConfig:
    """How the run was evaluated: the network decides what its config leaves to it, as `evaluate` does."""
    config = evaluation_config(record.config)
    checkpoints = [one for one in (record.quantised, *record.floats.values()) if one is not None]
    return config.of(checkpoints[0].description) if checkpoints else config


def _find(tree: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found = value if key == "evaluation" and {"building", "matching"} & set(value) else _find(value)
            if found is not None:
                return found
    return None


def thresholds(record: RunRecord, form: str) -> tuple[float, float]:
    """Logit thresholds of a form: for edges, and for tracks (JSON has no infinity: null keeps every edge)."""
    figures = record.forms[form]
    edge, track = figures.get("threshold"), figures.get("track_threshold")
    return -math.inf if edge is None else float(edge), -math.inf if track is None else float(track)


def tracks_of_events(record: RunRecord, form: str, config: EvaluationConfig) -> list[EventTracks]:
    """Candidates of each held-out graph, built as `evaluate` builds them."""
    rng = np.random.default_rng(config.seed)
    _, threshold = thresholds(record, form)
    found = []
    for graph, logits in zip(record.graphs, record.logits[form], strict=True):
        candidates = shuffled_tracks(graph, logits, threshold, rng, config.building)
        known = graph.particle_id is not None
        found.append(EventTracks(candidates, match(graph, candidates, config.matching) if known else None))
    return found


def disagreements(record: RunRecord, config: EvaluationConfig) -> list[str]:
    """Figures of evaluation.json that do not follow from the logits, in words; empty where all do."""
    wrong = []
    for form, logits in record.logits.items():
        if form in record.forms:
            again = evaluate_scores(record.graphs, logits, *thresholds(record, form), config).to_json()
            wrong += _differing(form, record.forms[form], again, "logits.npz")
    ceiling = perfect_scores(record.graphs, config) if record.perfect_scores else None
    if ceiling is not None:
        wrong += _differing("perfect scores", record.perfect_scores, ceiling.to_json(), "the graphs")
    return wrong


def _differing(name: str, written: Mapping[str, Any], again: Mapping[str, Any], source: str) -> list[str]:
    """Figures of a row of evaluation.json that are not those that were computed again, in words."""
    wrong = []
    for key in CHECKED:
        said, got = written.get(key), again[key]
        same = said == got if said is None or got is None else math.isclose(said, got, rel_tol=1e-9, abs_tol=1e-12)
        if key in written and not same:
            wrong.append(f"{name}: {key} is {said} in evaluation.json, {got} from {source}")
    return wrong


def typical_event(events: list[EventTracks], pooled: float | None) -> int:
    """The graph whose double-majority efficiency is nearest to the pooled one; the first of equals."""
    if pooled is None or any(event.metrics is None for event in events):
        return 0
    values = [event.metrics.overall.double_majority.value if event.metrics else None for event in events]
    distance = [abs(value - pooled) if value is not None else math.inf for value in values]
    return int(np.argmin(distance)) if distance else 0


def logits_differing(record: RunRecord, form: str) -> tuple[int, int] | None:
    """Edges whose logit differs from the integer form's, and edges that the form gave none (−∞); None without both."""
    if record.integers is None or form not in record.logits or form not in record.quantized_names:
        return None
    pairs = list(zip(record.logits[form], record.logits[record.integers], strict=True))
    lost = sum(int(np.count_nonzero(np.isneginf(mine))) for mine, _ in pairs)
    return sum(int(np.count_nonzero((mine != other) & ~np.isneginf(mine))) for mine, other in pairs), lost

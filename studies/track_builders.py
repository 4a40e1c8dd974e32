"""Track builders side by side: perfect, double-majority and LHC matches, fakes, against pT and η."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.studies.published_interaction_network import TRACKING
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores
from edgetrack.tracks.track_threshold import best_track_threshold

Logits = Sequence[NDArray[np.floating]]

# As in `tracks.building`. DBSCAN with `min_samples` 2 gives the same as union-find, so it is shown with three.
BUILDERS: Mapping[str, TrackBuildingConfig] = {
    "union-find": TrackBuildingConfig("connected_components"),
    "DBSCAN": TrackBuildingConfig("dbscan", min_samples=3),
    "best neighbours": TrackBuildingConfig("best_neighbours"),
}
FIGURES = ("perfect", "double_majority", "lhc", "lhc_efficiency", "fake_rate", "duplicate_rate")
DEFAULT = EvaluationConfig()


def builder_cases(
    pt_min: float,
    validation: tuple[Sequence[HitGraph], Logits],
    test: tuple[Sequence[HitGraph], Logits],
    threshold: float,
    config: EvaluationConfig = DEFAULT,
    builders: Mapping[str, TrackBuildingConfig] = BUILDERS,
) -> list[dict[str, Any]]:
    """One row a builder, for the same logits, above a pT threshold in GeV; definitions as in `TrackCounts`.

    Each builder cuts at the logit near δ* = `threshold` that is best for it on the validation graphs, whose logits
    stand beside them. `by_pt` and `by_eta` have the figures in bins, `particles` 0 where graphs do not know pT or η.
    `published` has what is known of DBSCAN. Raises ValueError for graphs without truth, and as `evaluate_scores` does.
    Cost: 50 track buildings a builder and graph.
    """
    cases = []
    for name, building in builders.items():
        own = replace(config, building=building)
        cut = best_track_threshold(*validation, threshold, own)
        if cut is None:
            raise ValueError("a validation graph has no particle_id; builders are compared on graphs with truth")
        found = evaluate_scores(*test, threshold, cut, own).to_json()
        keys = [key for figure in FIGURES for key in (figure, f"{figure}_error")]
        cases.append(
            {
                "name": name,
                "pt_min": pt_min,
                "graphs": found["graphs"],
                "cut": cut,
                **{key: found[key] for key in ("particles", "candidates", *keys)},
                "by_pt": _bins(found["by_pt"]),
                "by_eta": _bins(found["by_eta"]),
                "published": TRACKING.get(pt_min) if name == "DBSCAN" else None,
            }
        )
    return cases


def _bins(bins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those with particles in them."""
    keys = ("low", "high", "particles", *(k for f in FIGURES for k in (f, f"{f}_interval")))
    return [{key: one[key] for key in keys} for one in bins if one["particles"]]

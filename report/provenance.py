"""Where the numbers come from: versions, seeds, and what each figure is a fraction of."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from edgetrack.models.area_under_curve import AreaUnderCurve
from edgetrack.report.versions import PACKAGE, installed_versions
from edgetrack.tracks.edge_metrics import EdgeMetrics
from edgetrack.tracks.ratio import Ratio
from edgetrack.tracks.track_metrics import MatchingConfig, TrackCounts


def versions() -> list[tuple[str, str]]:
    """Python, edgetrack and the packages that decide results, as installed where the page is made."""
    return [("python", platform.python_version()), (PACKAGE, version(PACKAGE)), *installed_versions().items()]


def seeds(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every `seed` in a nested config, by its dotted key."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from seeds(value, f"{path}{key}.")
        elif key == "seed":
            yield path + key, value


def definitions(matching: MatchingConfig) -> list[tuple[str, str]]:
    """Each figure's numerator and denominator, in the words of the code that computes it."""
    edges = {"edge accuracy": "accuracy", "edge efficiency": "efficiency", "edge purity": "purity"}
    tracks = {
        "double majority": "double_majority",
        "perfect": "perfect",
        "LHC match": "lhc",
        "LHC efficiency": "lhc_efficiency",
        "fake rate": "fake_rate",
        "duplicates": "duplicate_rate",
    }
    said = [(shown, _doc(getattr(EdgeMetrics, name))) for shown, name in edges.items()]
    said.append(("AUC", _doc(AreaUnderCurve).split("\n\n")[0]))
    said += [(shown, _doc(getattr(TrackCounts, name))) for shown, name in tracks.items()]
    said.append(
        (
            "particles, candidates",
            f"particles with at least {matching.min_particle_hits} hits in the graph, candidates of at least "
            f"{matching.min_candidate_hits} hits. Noise hits belong to no particle, but count as hits of their "
            f"candidate. Hits lost before the graph was built do not count.",
        )
    )
    said.append(("±", f"half the interval. {_doc(Ratio.interval)} AUC: DeLong."))
    said.append(("pooling", "edges, particles and candidates of all held-out events weigh the same."))
    return said


def _doc(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").replace(" None without trials.", "")

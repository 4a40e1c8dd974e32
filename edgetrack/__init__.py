"""edgetrack: graph-network track finders from collision events to bit-exact hardware.

The names below are what a program asks for first; each is imported when it is used, so that `import edgetrack` itself
is quick. All else is imported from its room: `edgetrack.graphs.sectors`, `edgetrack.export.form`, …
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetrack.events.event import Event
    from edgetrack.events.trackml import read_event
    from edgetrack.graphs.build import build_graph
    from edgetrack.graphs.files import load_graph
    from edgetrack.graphs.hitgraph import HitGraph
    from edgetrack.models.checkpoint import load_checkpoint
    from edgetrack.quantize.integer_model import IntegerModel
    from edgetrack.tracks.candidates import TrackCandidates

__all__ = [
    "Event",
    "HitGraph",
    "IntegerModel",
    "TrackCandidates",
    "__version__",
    "build_graph",
    "load_checkpoint",
    "load_graph",
    "read_event",
]

__version__ = importlib.metadata.version("edgetrack")

_MODULES = {
    "Event": "edgetrack.events.event",
    "read_event": "edgetrack.events.trackml",
    "build_graph": "edgetrack.graphs.build",
    "load_graph": "edgetrack.graphs.files",
    "HitGraph": "edgetrack.graphs.hitgraph",
    "load_checkpoint": "edgetrack.models.checkpoint",
    "IntegerModel": "edgetrack.quantize.integer_model",
    "TrackCandidates": "edgetrack.tracks.candidates",
}

if not TYPE_CHECKING:  # a checker knows the names above, and must go on to refuse others

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"edgetrack has no name {name!r}; it has {', '.join(sorted(_MODULES))}, and its rooms")
        return getattr(importlib.import_module(_MODULES[name]), name)

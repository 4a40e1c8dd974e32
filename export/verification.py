"""The proof of one form, from its making to its verdict: vectors, whole graphs, sectors, streams, stalls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.progress import Progress
from edgetrack.export.back_to_back import StreamCases, StreamingForm, stream_cases
from edgetrack.export.cases import special_graphs, with_node_attr, within_degree
from edgetrack.export.existing import open_float_form, open_form
from edgetrack.export.form import Capacity, Form, FormUnavailable
from edgetrack.export.form_comparison import FormResult, impossible, skipped, verify_form
from edgetrack.export.forms import FLOAT_FORMS, FORMS, FormSettings, make_float_form, make_form
from edgetrack.export.kind import Source
from edgetrack.export.micrograph_cases import made_up_micrographs, micrograph_cases
from edgetrack.export.synthesis.device import load_device
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import sectors
from edgetrack.models.checkpoint import Checkpoint, float_network
from edgetrack.models.hypertrack.mask_objective import MicrographSet
from edgetrack.models.inference import edge_logits
from edgetrack.models.thresholds import kept_edges
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class VerifyConfig:
    """On how much a form is compared."""

    number: int = 20  # graphs, or sectors of them
    vectors: int = 131_072  # inputs for each MLP
    streamed: int = 1200  # graphs one behind the other, for a form that streams
    seed: int = 1
    settings: FormSettings = field(default_factory=FormSettings)


def verify_by_name(
    name: str,
    source: Source,
    graphs: Sequence[HitGraph] | Sequence[MicrographSet],
    config: VerifyConfig,
    folder: Path,
    progress: Progress,
    existing: Path | None = None,
) -> FormResult:
    """Make the form `name` in `folder`, or open it in `existing`, and compare it on hit graphs, or on micrographs where
    it reads tokens.

    A missing tool, a form that cannot be, and a tool that fails in whatever way are results too.
    """
    try:
        if existing is None:
            form = make_form(name, source, folder, config.settings)
        else:
            form = open_form(name, source, existing, folder, config.settings)
        streams = isinstance(form, StreamingForm)
        special, cases = _cases(form, source.model, graphs, None if streams else config.number, config)
        stream = _stream(form.capacity, len(cases) + len(special), source.model, config) if streams else None
        pieces = [case for _, case in cases]
        result = verify_form(source.model, form, pieces, config.vectors, config.seed, progress, special, stream)
        design = FORMS[name].design
        if design is not None:
            figures = design(form, pieces, config.seed, load_device(config.settings.device))
            result = replace(result, design=figures)
    except FormUnavailable as error:
        return skipped(name, str(error))
    except (ValueError, RuntimeError) as error:  # a tool that fails, hardware that stands still
        return impossible(name, str(error))
    except Exception as error:  # tools raise what they will: it ends one form, never the verb
        return impossible(name, f"{type(error).__name__}: {error}")
    if form.capacity is None:
        return result
    return replace(result, graphs=len({graph for graph, _ in cases}), sectors=result.graphs)


def _cases(
    form: Form,
    model: IntegerModel,
    graphs: Sequence[HitGraph] | Sequence[MicrographSet],
    number: int | None,
    config: VerifyConfig,
) -> tuple[list[Any], list[tuple[int, Any]]]:
    """Made-up graphs, and those of events, each with its event's index."""
    events = [one for one in graphs if isinstance(one, MicrographSet)]
    if len(events) == len(graphs):
        width = model.description.inputs[0].width
        return (
            made_up_micrographs(width, config.seed, form.capacity),
            micrograph_cases(events, config.number, form.capacity),
        )
    hit_graphs = [one for one in graphs if isinstance(one, HitGraph)]
    special = _made_up(_special(form.capacity, config.seed), model, config.seed)
    return list(special), list(fitting(form, hit_graphs, number, config.settings))


def fitting(
    form: Form, graphs: Sequence[HitGraph], number: int | None, settings: FormSettings
) -> list[tuple[int, HitGraph]]:
    """The graphs themselves, or for a fixed-size form `number` (or all) sectors of them, each with its graph's index.

    The fullest sector of every graph comes first, then the second fullest of every graph, and so on.
    """
    if form.capacity is None:
        return list(enumerate(graphs))
    sector_config = settings.sectors_for(form.capacity)
    ranked = []
    for index, graph in enumerate(graphs):
        pieces = sorted((sector.graph for sector in sectors(graph, sector_config)), key=lambda piece: -piece.num_edges)
        ranked += [(rank, index, piece) for rank, piece in enumerate(pieces)]
    ranked.sort(key=lambda entry: entry[:2])
    return [(index, piece) for _, index, piece in ranked[:number]]


def _stream(capacity: Capacity | None, there: int, model: IntegerModel, config: VerifyConfig) -> StreamCases:
    """Random graphs to make up the number asked for, but at least a quarter of it: real sectors have other sizes."""
    cases = stream_cases(capacity, max(config.streamed - there, config.streamed // 4), config.seed)
    return replace(cases, random=tuple(_made_up(cases.random, model, config.seed)))


def _made_up(graphs: Sequence[HitGraph], model: IntegerModel, seed: int) -> list[HitGraph]:
    """Graphs that no event gave, as the network reads them: with its features, and degrees that it is exact for."""
    return with_node_attr([within_degree(graph, model.max_degree) for graph in graphs], model.description, seed)


def _special(capacity: Capacity | None, seed: int) -> list[HitGraph]:
    nodes, edges = (300, 1200) if capacity is None else (capacity.nodes, capacity.edges)
    return special_graphs(nodes, edges, seed)


@dataclass(frozen=True)
class FloatResult:
    """A float form against PyTorch: equal up to the rounding of float32 sums."""

    checkpoint: str
    graphs: int = 0
    largest_difference: float = 0.0
    tolerance: float = 0.0
    decisions_differing: int = 0
    skipped: str = ""
    error: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.error) or not self.largest_difference <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        """Plain values; `skipped` and `error` only where they say something."""
        values = {key: value for key, value in asdict(self).items() if value or key not in ("skipped", "error")}
        return values | {"failed": self.failed}


def verify_float_form(
    name: str,
    shown: str,
    checkpoint: Checkpoint,
    graphs: Sequence[HitGraph],
    folder: Path,
    settings: FormSettings,
    existing: Path | None = None,
) -> FloatResult:
    """Logits of PyTorch on `graphs`, and of the form `name` made in `folder`, or opened in `existing`.

    `shown` names the checkpoint.
    """
    network = float_network(checkpoint)
    try:
        if existing is None:
            logits = make_float_form(name, checkpoint, folder, settings)
        else:
            logits = open_float_form(name, checkpoint, existing)
        got = [logits(graph) for graph in graphs]
    except FormUnavailable as error:
        return FloatResult(shown, skipped=str(error))
    except (ValueError, RuntimeError) as error:
        return FloatResult(shown, error=f"not possible: {error}")
    except Exception as error:  # as above
        return FloatResult(shown, error=f"not possible: {type(error).__name__}: {error}")
    delta = checkpoint.threshold
    wanted = edge_logits(network, graphs)
    size = max((float(np.abs(a).max(initial=0.0)) for a in wanted), default=0.0)
    pairs = list(zip(got, wanted, strict=True))
    return FloatResult(
        shown,
        len(graphs),
        max((float(np.abs(a - b).max(initial=0.0)) for a, b in pairs), default=0.0),
        FLOAT_FORMS[name].tolerance(checkpoint.description) * max(1.0, size),
        int(sum(np.count_nonzero(kept_edges(a, delta) != kept_edges(b, delta)) for a, b in pairs)),
    )

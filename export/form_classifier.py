"""A checkpoint's network in any form, asked one question: the logits of a graph's edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress, no_progress
from edgetrack.export.back_to_back import StreamingForm
from edgetrack.export.float_form import FLOAT
from edgetrack.export.form import Capacity, Form
from edgetrack.export.forms import FLOAT_FORMS, FORMS, FormSettings, make_float_form, make_form
from edgetrack.export.integer import INTEGER, export_integer
from edgetrack.export.interface import Origin
from edgetrack.export.kind import Source
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import SectorConfig, merged_scores, sectors
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED
from edgetrack.models.rows import rows_of
from edgetrack.quantize.checkpoint import integer_model, quantized_network
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

AUTO = "auto"


@dataclass(frozen=True)
class FormClassifier:
    """A network in one form, which gives each edge of a graph a logit."""

    form: str  # never "auto"
    logits: Callable[[HitGraph], NDArray[np.floating]]
    sectors: SectorConfig | None = None  # how graphs are cut for a form of fixed size

    def __call__(self, graph: HitGraph) -> NDArray[np.floating]:
        """(E,) logits; −∞ for an edge that the form could not take."""
        return self.logits(graph)


def form_of(checkpoint: Checkpoint, form: str) -> str:
    """The form's name where it is "auto"; as it is else. Raises ValueError where it does not go with the checkpoint."""
    is_float = checkpoint.kind == "float"
    if form == AUTO:
        form = FLOAT.name if is_float else INTEGER.name
    fitting = FLOAT_FORMS if is_float else FORMS
    if form not in fitting:
        other, example = ("quantised", DEFAULT_QUANTISED) if is_float else ("float", DEFAULT_FLOAT)
        raise ValueError(
            f"form {form!r} does not go with a {checkpoint.kind} checkpoint; take {', '.join(fitting)}, or a {other} "
            f"checkpoint such as {example!r}"
        )
    return form


def edge_classifier(checkpoint: Checkpoint, form: str, folder: Path, settings: FormSettings) -> FormClassifier:
    """The network of `checkpoint` in a form; artefacts go to `folder`.

    "auto" is the float network of a float checkpoint, the integer model of a quantised one. Raises ValueError where
    the form does not go with the checkpoint.
    """
    form = form_of(checkpoint, form)
    if checkpoint.kind == "float":
        return FormClassifier(form, make_float_form(form, checkpoint, folder, settings))
    source = quantized_source(checkpoint)
    return form_classifier(source.model, make_form(form, source, folder, settings), settings)


def classify(
    classifier: FormClassifier, graphs: Sequence[HitGraph], progress: Progress = no_progress
) -> list[NDArray[np.floating]]:
    """Logits (E,) of every graph."""
    logits = []
    for done, graph in enumerate(graphs, 1):
        logits.append(classifier(graph))
        progress(done, len(graphs))
    return logits


def quantized_source(checkpoint: Checkpoint) -> Source:
    """Network and integers of a quantised checkpoint."""
    return Source(quantized_network(checkpoint), integer_model(checkpoint), Origin.of(checkpoint))


def in_sectors(checkpoint: Checkpoint, capacity: Capacity, folder: Path, settings: FormSettings) -> FormClassifier:
    """The integer model on the sectors that a form of this capacity gets: what sectors cost, without what bits do."""
    source = quantized_source(checkpoint)
    form = export_integer(source.model, folder / INTEGER.name)
    form.capacity = capacity
    return form_classifier(source.model, form, settings)


def form_classifier(model: IntegerModel, form: Form, settings: FormSettings) -> FormClassifier:
    """Logits from a form's codes; a form of fixed size gets every graph in sectors.

    A form that has the MLPs only (RTL) runs those, and the model's exact gathers and sums join them.
    """
    output = model.formats[model.description.output]
    cut = None if form.capacity is None else settings.sectors_for(form.capacity)

    def logits(graph: HitGraph) -> NDArray[np.floating]:
        if cut is None:
            return output.dequantize(form_codes(model, form, [graph])[0])[:, 0]
        pieces = sectors(graph, cut)
        codes = form_codes(model, form, [sector.graph for sector in pieces])
        return merged_scores(graph, pieces, [output.dequantize(own)[:, 0] for own in codes])

    return FormClassifier(form.name, logits, cut)


def form_codes(model: IntegerModel, form: Form, graphs: Sequence[HitGraph]) -> list[IntArray]:
    """Output codes (E, width) of graphs that fit the form; all of them one behind the other where it streams them.

    Raises InexactForm where one is flagged as beyond the capacity, and where the form does.
    """
    if isinstance(form, StreamingForm):
        received = form.run_graphs(graphs)
        return [
            one.fitting_codes(graph.name, model.description.output) for graph, one in zip(graphs, received, strict=True)
        ]
    codes = []
    for graph in graphs:
        got = form.run_graph(graph)
        codes.append(graph_through_kernels(model, form, graph) if got is None else got[model.description.output])
    return codes


def graph_through_kernels(model: IntegerModel, form: Form, graph: HitGraph) -> IntArray:
    """Output codes of a whole graph where only the kernels are the form's; the rest is the integer model's."""
    rows = rows_of(graph, model.description)
    inputs = model.quantize_inputs(rows.features)
    return model.run(inputs, rows, kernel=form.run_kernel)[model.description.output]

"""HyperTrack's two networks in any form: logits of edges with the latent of hits, and a transformer as a mask model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edgetrack.events.progress import Progress, no_progress
from edgetrack.export.float_form import FLOAT
from edgetrack.export.form import Form
from edgetrack.export.form_classifier import form_of, quantized_source
from edgetrack.export.forms import FormSettings, make_form
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, float_network
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.fused import fused
from edgetrack.models.hypertrack.latent import LATENT, judges_pairs
from edgetrack.models.hypertrack.mask_models import float_mask_model, rows_mask_model
from edgetrack.models.hypertrack.token_rows import TOKEN_DOMAINS
from edgetrack.models.hypertrack.transformer_steps import config_of, is_set_transformer, unfolded
from edgetrack.models.micrographs import MaskModel
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Graph, Rows, as_tensors, hit_rows, rows_of
from edgetrack.models.threads import torch_threads
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.tracks.hypertrack.masking import Masking


class HitScores(NamedTuple):
    """What a graph network says of one graph."""

    logits: NDArray[np.floating]  # (E,)
    latent: NDArray[np.floating]  # (N, L)


HitScorer = Callable[[HitGraph], HitScores]


def hit_scorer(checkpoint: Checkpoint, form: str, folder: Path, settings: FormSettings, threads: int = 1) -> HitScorer:
    """Logits and latent of a graph in one pass, by the network of `checkpoint` in a form; artefacts go to `folder`.

    Raises ValueError where the network has no latent, or the form does not show it. A form of fixed size takes whole
    graphs here: the latent of a hit is not put together from sectors.
    """
    description = checkpoint.description
    _require_latent(description)
    name = form_of(checkpoint, form)
    if checkpoint.kind == "float":
        _require_float(name)
        return _float_scorer(float_network(checkpoint).eval(), threads)
    source = quantized_source(checkpoint)
    run = form_values(source.model, make_form(name, source, folder, settings))

    def scores(graph: HitGraph) -> HitScores:
        codes = run(graph)
        if LATENT not in codes:
            raise ValueError(f"form {name!r} does not show {LATENT!r}, which masks are made from; take 'integer'")
        logits, latent = (
            source.model.formats[value].dequantize(codes[value]) for value in (description.output, LATENT)
        )
        return HitScores(logits[:, 0], latent)

    return scores


def mask_model(checkpoint: Checkpoint, form: str, folder: Path, settings: FormSettings, threads: int = 1) -> MaskModel:
    """The transformer of `checkpoint` in a form, as the clustering loop asks it; artefacts go to `folder`.

    The float set transformer runs in dense batches. Raises ValueError for a network that does not read tokens.
    """
    description = checkpoint.description
    if description.domains != TOKEN_DOMAINS:
        raise ValueError(
            f"network {description.name!r} does not read micrographs, wanted a set transformer's checkpoint: "
            "`edgetrack train-masks` writes one"
        )
    name = form_of(checkpoint, form)
    if checkpoint.kind == "float":
        _require_float(name)
        if is_set_transformer(description):
            return float_mask_model(unfolded(config_of(description), checkpoint.state), threads=threads)
        return rows_mask_model(_in_steps(float_network(checkpoint).eval(), threads))
    source = quantized_source(checkpoint)
    run = form_values(source.model, make_form(name, source, folder, settings))
    output = source.model.formats[description.output]
    return rows_mask_model(lambda rows: output.dequantize(run(rows)[description.output]))


def hit_scorer_and_masks(
    checkpoint: Checkpoint,
    masks: Checkpoint,
    forms: tuple[str, str],
    folder: Path,
    settings: FormSettings,
    threads: int = 1,
) -> tuple[HitScorer, MaskModel]:
    """The graph network and its set transformer in their `forms`; artefacts go to `folder` and `folder`/masks.

    Raises ValueError where the two do not belong together, and as `hit_scorer` and `mask_model`.
    """
    check_tokens_fit(checkpoint.description, masks.description)
    return (
        hit_scorer(checkpoint, forms[0], folder, settings, threads),
        mask_model(masks, forms[1], folder / "masks", settings, threads),
    )


def one_pass(scorer: HitScorer) -> HitScorer:
    """The same, but asked again of the graph that it was asked last, it has the answer: for who wants logits and latent
    one after the other.
    """
    last: list[tuple[HitGraph, HitScores]] = []

    def scores(graph: HitGraph) -> HitScores:
        if not last or last[0][0] is not graph:
            last[:] = [(graph, scorer(graph))]
        return last[0][1]

    return scores


def masked(
    scorer: HitScorer, model: MaskModel, graphs: Sequence[HitGraph], progress: Progress = no_progress
) -> tuple[list[NDArray[np.floating]], list[Masking]]:
    """Logits (E,) of every graph, and what track building by masks is given beside them."""
    logits, masking = [], []
    for done, graph in enumerate(graphs, 1):
        scores = scorer(graph)
        logits.append(scores.logits)
        masking.append(Masking(scores.latent, model))
        progress(done, len(graphs))
    return logits, masking


def form_values(model: IntegerModel, form: Form) -> Callable[[Graph], Mapping[str, IntArray]]:
    """Codes of the values that a form shows of a whole graph; where it has kernels only, those within the model."""

    def values(graph: Graph) -> Mapping[str, IntArray]:
        shown = form.run_graph(graph)
        if shown is not None:
            return shown
        rows = rows_of(graph, model.description)
        return model.run(model.quantize_inputs(rows.features), rows, kernel=form.run_kernel)

    return values


def check_tokens_fit(latent: NetworkDescription, masks: NetworkDescription) -> None:
    """Raise ValueError where a transformer's tokens are not [latent, x, y, z] of a graph network."""
    _require_latent(latent)
    width, wanted = masks.inputs[0].width, latent.shape(LATENT).width + 3
    if width != wanted:
        raise ValueError(
            f"network {masks.name!r} reads tokens of {width} numbers, but {LATENT!r} of {latent.name!r} and x, y, z "
            f"are {wanted}; give it that width, or the graph network that it was trained with"
        )


def _require_latent(description: NetworkDescription) -> None:
    if not judges_pairs(description):
        raise ValueError(
            f"network {description.name!r} has no value {LATENT!r} of each hit, which masks are made from; give the "
            "checkpoint of a HyperTrack (network.kind hypertrack or compact_hypertrack)"
        )


def _float_scorer(network: GraphNetwork, threads: int) -> HitScorer:
    fast = fused(network)

    def scores(graph: HitGraph) -> HitScores:
        with torch_threads(threads), torch.inference_mode():
            if fast is not None:
                latent, logits = fast.latent_and_logits(as_tensors(hit_rows(graph, fast.inputs)))
                return HitScores(logits.numpy(), latent.numpy())
            values = network.values(as_tensors(rows_of(graph, network.description)))
        return HitScores(values[network.description.output].squeeze(1).numpy(), values[LATENT].numpy())

    return scores


def _in_steps(network: GraphNetwork, threads: int) -> Callable[[Rows[NDArray[Any]]], NDArray[Any]]:
    def masks(rows: Rows[NDArray[Any]]) -> NDArray[Any]:
        with torch_threads(threads), torch.inference_mode():
            logits: NDArray[Any] = network(as_tensors(rows)).numpy()
        return logits

    return masks


def _require_float(name: str) -> None:
    if name != FLOAT.name:
        raise ValueError(
            f"form {name!r} shows logits of edges alone; for masks take 'float', or a quantised checkpoint"
        )

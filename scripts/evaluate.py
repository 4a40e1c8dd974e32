"""`edgetrack evaluate`: how good a checkpoint is on a folder of graphs, in any of its forms."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path
from edgetrack.export.form_classifier import AUTO, classify, edge_classifier, form_of
from edgetrack.export.form_masks import hit_scorer_and_masks, masked
from edgetrack.export.forms import FLOAT_FORMS, FORMS, FormSettings, check_forms
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import PARTS, load_named
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_loss import cutting_loss
from edgetrack.graphs.sectors import SectorConfig
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint
from edgetrack.models.hypertrack.latent import judges_pairs
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.console import Console
from edgetrack.scripts.hypertrack_tables import link_figures, show_pair_figures
from edgetrack.scripts.loss_tables import show_separation
from edgetrack.scripts.option import option, required
from edgetrack.studies.separated_losses import FloatNames, separated, separation_json
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.evaluation import Evaluation, EvaluationConfig, evaluate_scores, shuffled_tracks
from edgetrack.tracks.hypertrack.masking import Masking

SHOWN = (
    "edge_accuracy",
    "edge_efficiency",
    "edge_purity",
    "auc",
    "double_majority",
    "perfect",
    "lhc",
    "fake_rate",
    "duplicate_rate",
    "candidates",
)


@dataclass(frozen=True)
class EvaluateConfig:
    """Graphs, a checkpoint and the form of it to evaluate."""

    graphs: str = required("folder of hit graphs (*.npz), edgetrack's own or the published TrackML form")
    checkpoint: str = required("checkpoint file, or the name of one of the package's own")
    part: Literal["all", "train", "validation", "test"] = option(
        "all", "which graphs, by the names in the checkpoint: test are those that its training never saw"
    )
    form: str = option(AUTO, "form to evaluate; auto: float, or the integers of a quantised checkpoint")
    masks: str = option("", "checkpoint of a set transformer: tracks are then built by its masks")
    masks_form: str = option(AUTO, "form of the set transformer")
    threshold: float | None = option(None, "logit above which an edge is kept; default: the checkpoint's δ*")
    track_threshold: float | None = option(None, "logit above which an edge joins a track; default: the checkpoint's")
    separate_losses: bool = option(
        False, "also what the float networks give, and how much sectors, bits and the smaller network each lose"
    )
    full_float: str | None = option(None, "for --separate-losses: float checkpoint; default: the checkpoint's teacher")
    compact_float: str | None = option(
        None, "for --separate-losses: float checkpoint of the same size; default: the one that was retrained"
    )
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    settings: FormSettings = field(default_factory=FormSettings)

    def __post_init__(self) -> None:
        check_forms((self.form,), (AUTO, *FLOAT_FORMS, *FORMS), "evaluate")
        for name in ("threshold", "track_threshold"):
            value = getattr(self, name)
            if value is not None and math.isnan(value):
                raise ValueError(f"{name} is {value}, wanted a logit; leave it out for the checkpoint's own")
            if value is not None and self.separate_losses:
                raise ValueError(f"{name} does not go with separate_losses: each network has its own; leave it out")
        check_forms((self.masks_form,), (AUTO, *FLOAT_FORMS, *FORMS), "evaluate")
        if self.masks and self.separate_losses:
            raise ValueError("masks do not go with separate_losses, which compares edges; leave one of them out")
        if self.masks:
            self.evaluation.building.check_asks_masks()


def evaluate(config: EvaluateConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Edge and tracking figures on a folder of graphs, with binomial uncertainties.

    Hits are shuffled before tracks are built. Edges are kept above δ* (TPR = TNR on the checkpoint's validation
    graphs), tracks are built from edges above the track threshold; both come from the checkpoint. The builder is
    evaluation.building.method: by default mutual best neighbours; of a HyperTrack, whose edges are pairs, connected
    components, or the clustering by --masks.
    A form of fixed size gets graphs in sectors; edges that they lose count as rejected. With --separate-losses the
    form must also equal the integers in every bit.
    Graphs without truth get no figures but the number of candidates. Writes scores/NAME.npz for every graph: logits
    (E,) and track_labels (N,), the candidate of each hit, −1 for none.
    """
    checkpoint = load_checkpoint(checkpoint_path(config.checkpoint))
    config = replace(config, evaluation=config.evaluation.of(checkpoint.description, bool(config.masks)))
    graphs = chosen_graphs(config.graphs, config.part, checkpoint)
    separation = None
    cut: SectorConfig | None = None
    masking: Sequence[Masking] | None = None
    if config.masks:
        scorer, model = hit_scorer_and_masks(
            checkpoint,
            load_checkpoint(checkpoint_path(config.masks)),
            (config.form, config.masks_form),
            folder,
            config.settings,
        )
        form = form_of(checkpoint, config.form)
        with console.progress(form) as progress:
            logits, masking = masked(scorer, model, graphs, progress)
    elif config.separate_losses:
        hardware, separation = separated(
            checkpoint,
            config.form,
            graphs,
            FloatNames(config.full_float, config.compact_float),
            config.settings,
            config.evaluation,
            folder,
            console.progress,
        )
        form, logits, cut = hardware.name, list(separation.logits), hardware.cut
    else:
        classifier = edge_classifier(checkpoint, config.form, folder, config.settings)
        form, cut = classifier.form, classifier.sectors
        with console.progress(form) as progress:
            logits = classify(classifier, graphs, progress)
    evaluation = evaluate_logits(checkpoint, graphs, logits, config, masking)
    tracks = candidates(graphs, logits, evaluation.track_threshold, config.evaluation, masking)
    write_scores(folder / "scores", graphs, logits, tracks)
    least = config.evaluation.matching.min_candidate_hits
    counted = sum(int(np.count_nonzero(found.sizes >= least)) for found in tracks)  # as where truth is known
    figures = evaluation.to_json() | {"candidates": counted}
    title = f"{Path(config.checkpoint).name}, form {form}, {len(graphs)} graphs"
    if judges_pairs(checkpoint.description):
        figures |= link_figures(graphs)
        show_pair_figures(f"{title}, tracks by {config.evaluation.building.method}", figures, console)
    else:
        rows = [(name, _shown(figures[name]), _shown(figures.get(f"{name}_error"))) for name in SHOWN]
        console.table(title, ("figure", "value", "±"), rows)
    console.say(f"logits and track labels of every graph: {folder / 'scores'}")
    result = {"checkpoint": config.checkpoint, "form": form, **figures, "scores": str(folder / "scores")}
    if config.masks:
        result["masks"] = config.masks
    if cut is not None:
        result["sectors"] = asdict(cutting_loss(graphs, cut))
        warn_of_lost_edges(form, result["sectors"], console)
    if separation is not None:
        result["separation"] = separation_json(separation)
        result["failed"] = separation.equality is not None and separation.equality.failed
        show_separation(result["separation"], form, console)
    return result


def chosen_graphs(folder: str, part: str, checkpoint: Checkpoint) -> list[HitGraph]:
    """Graphs of a folder: all of them, or those that the checkpoint names as one part of its own split.

    The names count, not the folder: a split of a folder to which files were added is another one.
    """
    if part == "all":
        return load_graphs(folder)
    names = checkpoint.metrics.get(f"{part}_graphs")
    if not names:
        named = [known for known in PARTS if checkpoint.metrics.get(f"{known}_graphs")]
        raise ValueError(
            f"part is {part!r}, but the checkpoint names no {part} graphs; take {' or '.join([*named, 'all'])}"
        )
    return load_named(folder, names)


def evaluate_logits(
    checkpoint: Checkpoint,
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    config: EvaluateConfig,
    masking: Sequence[Masking] | None = None,
) -> Evaluation:
    """Figures at the config's thresholds, else at the checkpoint's."""
    threshold = checkpoint.threshold if config.threshold is None else config.threshold
    tracks = checkpoint.logit_for_tracks if config.track_threshold is None else config.track_threshold
    return evaluate_scores(graphs, logits, threshold, tracks, config.evaluation, masking)


def candidates(
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    threshold: float,
    config: EvaluationConfig,
    masking: Sequence[Masking] | None = None,
) -> list[TrackCandidates]:
    """The candidates that `evaluate_scores` counts with the same config, with or without truth."""
    rng = np.random.default_rng(config.seed)
    masks: Sequence[Masking | None] = masking or [None] * len(graphs)
    return [
        shuffled_tracks(graph, values, threshold, rng, config.building, its_masks)
        for graph, values, its_masks in zip(graphs, logits, masks, strict=True)
    ]


def write_scores(
    folder: Path, graphs: Sequence[HitGraph], logits: Sequence[NDArray[np.floating]], tracks: Sequence[TrackCandidates]
) -> None:
    """One file a graph, by its name: logits (E,), track_labels (N,), and hit_id (N,) where known.

    A name that cannot be a file's, or comes twice, gets the graph's place in front.
    """
    names = [re.sub(r"[^\w.-]", "_", graph.name) for graph in graphs]
    for index, (graph, name) in enumerate(zip(graphs, names, strict=True)):
        plain = name == graph.name and not name.startswith(".") and names.count(name) == 1
        arrays = {"logits": np.asarray(logits[index], np.float64), "track_labels": tracks[index].labels}
        if graph.hit_id is not None:
            arrays["hit_id"] = graph.hit_id
        with atomic_path(folder / f"{name if plain else f'{index:05d}-{name}'}.npz") as temporary:
            np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]


def warn_of_lost_edges(form: str, loss: dict[str, Any], console: Console) -> None:
    """Say how many edges the sectors of a form have lost, where they have lost any."""
    lost = loss["seam_edges"] + loss["overflow_edges"]
    if lost:
        console.say(
            f"warning: {form} takes graphs in sectors, and {lost} of {loss['edges']} edges are in none: "
            f"{loss['seam_edges']} lost at seams, {loss['overflow_edges']} to overflow. The fullest sector wants "
            f"{loss['node_occupancy'][-1]} hits and {loss['edge_occupancy'][-1]} edges, there is room for "
            f"{loss['node_capacity']} and {loss['edge_capacity']}; raise settings.{form}.nodes and edges, "
            "settings.sectors.phi_sectors or overlap_phi"
        )


def _shown(value: float | None) -> str:
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"

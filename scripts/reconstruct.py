"""`edgetrack reconstruct`: events → tracks, one row a hit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edgetrack.events.atomic_write import write_text
from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.events.trackml import SkippedEvent, find_events, read_event
from edgetrack.export.form_classifier import AUTO, edge_classifier
from edgetrack.export.form_masks import hit_scorer_and_masks, one_pass
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.build import GraphConfig, build_graph
from edgetrack.graphs.geometric import GeometricConfig
from edgetrack.graphs.selection import SelectionConfig, select_hits
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.build import require_truth
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.files import TrackFormat, read_tracks, track_table, tracks_path, write_tracks
from edgetrack.tracks.pipeline import EdgeClassifier, TrackingPipeline
from edgetrack.tracks.trackml_score import trackml_score

STAMP = "tracks.json"


@dataclass(frozen=True)
class ReconstructConfig:
    """Events, and all that decides which tracks they become."""

    events: str = required("folder of events in TrackML format")
    checkpoint: str = required("checkpoint file, or the name of one of the package's own")
    form: str = option(AUTO, "form of the network; auto: float, or the integers of a quantised checkpoint")
    masks: str = option("", "checkpoint of a set transformer: tracks are then built by its masks")
    masks_form: str = option(AUTO, "form of the set transformer")
    output: TrackFormat = option("csv", "file format of the tracks")
    truth: bool = option(True, "use the truth for hit selection, as in training; --no-truth for real data")
    skip_bad: bool = option(False, "go on past bad events, and list them at the end")
    track_threshold: float | None = option(None, "logit above which an edge joins a track; default: the checkpoint's")
    graph: GraphConfig = field(default_factory=lambda: GraphConfig(geometric=GeometricConfig(preset="hitgraphs")))
    building: TrackBuildingConfig = field(default_factory=TrackBuildingConfig)
    settings: FormSettings = field(default_factory=FormSettings)

    def __post_init__(self) -> None:
        if self.masks:
            self.building.check_asks_masks()


def reconstruct(config: ReconstructConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Find the tracks of every event: eventNNNNNNNNN-tracks.csv in the run folder, with hit_id and track_id.

    TrackML's submission form: each hit of the event stands in one row, track_id 0 means in no track. Where truth is
    known, ends with TrackML's score, of all hits and of those that the graph has, each the mean over events. The graph
    holds pixel hits above a pT only: a particle most of whose hits are elsewhere cannot count in the first.

    The graph's settings should be those of the network's training; the default ones are those of the package's own
    Interaction Networks. An interrupted call goes on where it was; tracks of other settings in the folder are refused.

    HyperTrack takes all hits, and pairs of them by Voxel-Dynamics: --checkpoint hypertrack-mu2-float --masks
    hypertrack-mu2-transformer-float --set 'graph.construction={kind: voxel_dynamics, file: hypertrack-mu2-voxels}'.
    Without --masks its tracks are connected components.
    """
    if not config.truth:
        config = replace(config, graph=config.graph.without_truth())
    pipeline = pipeline_of(config, folder)
    numbers = find_events(config.events)
    check_stamp(config, folder)
    skipped: list[SkippedEvent] = []
    rows: list[dict[str, float]] = []
    with console.progress("events") as progress:
        for done, row in enumerate(_reconstructed(config, numbers, pipeline, folder, skipped), 1):
            if row is not None:
                rows.append(row)
            progress(done, len(numbers))
    for bad in skipped:
        console.say(f"skipped event {bad.event_id}: {bad.error}")
    if not rows:
        raise ValueError(f"{config.events}: all {len(numbers)} events are bad, the first: {skipped[0].error}")
    means = {key: float(np.mean([row[key] for row in rows if key in row])) for key in _keys(rows)}
    console.table(
        f"{config.checkpoint}, {len(rows)} events",
        ("figure, mean over events", "value"),
        [(name, f"{value:.4f}" if name.startswith("score") else f"{value:,.0f}") for name, value in means.items()],
    )
    console.say(f"tracks of every event: {folder}")
    return {
        "folder": str(folder),
        "checkpoint": config.checkpoint,
        **({"masks": config.masks} if config.masks else {}),
        "events": len(rows),
        "skipped": [bad.event_id for bad in skipped],
        **means,
    }


def pipeline_of(config: ReconstructConfig, folder: Path) -> TrackingPipeline:
    """The pipeline that the config describes; what a form has to build for itself goes to `folder`/forms."""
    checkpoint = load_checkpoint(checkpoint_path(config.checkpoint))
    threshold = checkpoint.logit_for_tracks if config.track_threshold is None else config.track_threshold
    construct = partial(build_graph, config=config.graph)
    building = config.building.of(checkpoint.description, bool(config.masks))
    if not config.masks:
        logits = edge_classifier(checkpoint, config.form, folder / "forms", config.settings)
        return TrackingPipeline(construct, (EdgeClassifier(logits, threshold),), building)
    scorer, mask = hit_scorer_and_masks(
        checkpoint,
        load_checkpoint(checkpoint_path(config.masks)),
        (config.form, config.masks_form),
        folder / "forms",
        config.settings,
    )
    scores = one_pass(scorer)
    network = EdgeClassifier(lambda graph: scores(graph).logits, threshold, lambda graph: scores(graph).latent)
    return TrackingPipeline(construct, (network,), building, mask)


def check_stamp(config: ReconstructConfig, folder: Path) -> None:
    """Stamp the folder with what decides its tracks. Raises ValueError where it holds tracks of something else."""
    named = ("events", "checkpoint", "masks", "skip_bad")
    decides = {key: value for key, value in asdict(config).items() if key not in named}
    weights = {
        name: hashlib.sha256(checkpoint_path(path).read_bytes()).hexdigest()
        for name, path in (("weights", config.checkpoint), ("mask_weights", config.masks))
        if path
    }
    text = json.dumps({"events": str(Path(config.events).resolve()), **weights, **decides}, indent=1)
    stamp = folder / STAMP
    if not stamp.is_file() and any(folder.glob("event*-tracks.*")):
        raise ValueError(f"{folder} holds tracks of unknown origin; give --folder another folder, or remove them")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"{folder} holds tracks of another checkpoint, other events or settings ({STAMP} says which); give "
            "--folder another folder, or remove it"
        )
    write_text(stamp, text)


def _reconstructed(
    config: ReconstructConfig, numbers: list[int], pipeline: TrackingPipeline, folder: Path, skipped: list[SkippedEvent]
) -> Iterator[dict[str, float] | None]:
    """Figures of each event, its tracks read where they are there and found where not; None for a bad event."""
    for event_id in numbers:
        path = tracks_path(folder, event_id, config.output)
        try:
            event = read_event(config.events, event_id)
            require_truth(event, config.graph.hit_selection)
            if path.is_file():
                table = read_tracks(path, event)
            else:
                table = track_table(event, pipeline(event))
                write_tracks(table, path)
            yield _figures(event, table, config.graph.hit_selection)
        except EventError as error:
            if not config.skip_bad:
                raise
            skipped.append(SkippedEvent(event_id, error))
            yield None


def _figures(event: Event, table: pd.DataFrame, wanted: SelectionConfig | None) -> dict[str, float]:
    """Counts of one event, and its scores where it has truth."""
    track_id = table["track_id"].to_numpy()
    nodes = np.ones(len(table), bool) if wanted is None else np.isin(table["hit_id"], select_hits(event, wanted).hit_id)
    out: dict[str, float] = {
        "hits": len(track_id),
        "hits_in_graph": int(np.count_nonzero(nodes)),
        "hits_in_tracks": int(np.count_nonzero(track_id)),
        "tracks": int(track_id.max()),
    }
    if event.truth is not None:
        particle_id, weight = event.truth["particle_id"].to_numpy(), event.truth["weight"].to_numpy()
        for name, rows in (("score", np.ones(len(nodes), np.bool_)), ("score_in_graph", nodes)):
            if weight[rows].any():
                out[name] = trackml_score(track_id[rows], particle_id[rows], weight[rows])
    return out


def _keys(rows: list[dict[str, float]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))

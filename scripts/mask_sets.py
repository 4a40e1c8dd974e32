"""Micrographs of a folder of graphs, made once with a graph network and kept in a run folder."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from edgetrack.events.atomic_write import write_text
from edgetrack.events.splits import SplitConfig
from edgetrack.export.form_classifier import AUTO
from edgetrack.export.form_masks import HitScorer, hit_scorer
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.files import load_graph
from edgetrack.graphs.graph_sets import PARTS, split_paths
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, load_checkpoint
from edgetrack.models.hypertrack.mask_models import hit_tokens
from edgetrack.models.hypertrack.mask_objective import MicrographSet
from edgetrack.models.hypertrack.micrograph_files import MicrographFiles, save_micrographs
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig
from edgetrack.tracks.hypertrack.training_set import labelled_micrographs

STAMP = "micrographs.json"


@dataclass(frozen=True)
class MicrographsConfig:
    """Graphs, and all that decides which micrographs they have."""

    graphs: str = required("folder of hit graphs (*.npz), with truth")
    checkpoint: str = required("checkpoint of the graph network: a file, or the name of one of the package's own")
    validation_graphs: str = option("", "folder of graphs to validate on; default: a part of --graphs, by split")
    cut: float | None = option(None, "logit above which edges make subgraphs; default: the checkpoint's for tracks")
    clustering: ClusteringConfig = field(default_factory=ClusteringConfig)
    split: SplitConfig = field(default_factory=SplitConfig)


class MaskSets(NamedTuple):
    """Micrographs of each part, read from their files when they are asked for."""

    train: MicrographFiles
    validation: MicrographFiles
    test: MicrographFiles

    def names(self) -> dict[str, list[str]]:
        """Names of each part's graphs, as `GraphSets.names`."""
        return {f"{part}_graphs": [path.stem for path in getattr(self, part).paths] for part in PARTS}


def mask_sets(config: MicrographsConfig, folder: Path, console: Console) -> MaskSets:
    """The micrographs that the clustering loop meets in each graph, with the network's latent of its hits.

    One file a graph in `folder`, those that are there are kept: an interrupted call goes on where it was. Raises
    ValueError where the folder holds those of another network or other settings, and without truth.
    """
    checkpoint = load_checkpoint(checkpoint_path(config.checkpoint))
    cut = checkpoint.logit_for_tracks if config.cut is None else config.cut
    check_stamp(
        {
            "network": checkpoint_digest(checkpoint),
            "graphs": [str(Path(path).resolve()) for path in (config.graphs, config.validation_graphs) if path],
            "cut": cut,
            "clustering": dataclasses.asdict(config.clustering),
        },
        folder,
    )
    paths = split_paths(config.graphs, config.split, config.validation_graphs)
    total, done = sum(map(len, paths.values())), 0
    scores = _scorer_when_asked(checkpoint, folder)
    with console.progress("micrographs") as progress:
        for part in PARTS:
            for path in paths[part]:
                target = folder / path.name
                if not target.is_file():
                    save_micrographs(micrograph_set(path, scores(), cut, config.clustering), target)
                done += 1
                progress(done, total)
    return MaskSets(*(MicrographFiles(tuple(folder / path.name for path in paths[part])) for part in PARTS))


def micrograph_set(path: Path, scores: HitScorer, cut: float, clustering: ClusteringConfig) -> MicrographSet:
    """The micrographs of the graph in a file. Raises ValueError without truth."""
    graph = load_graph(path)
    found = scores(graph)
    micrographs = labelled_micrographs(graph, found.logits, cut, clustering).micrographs
    assert graph.particle_id is not None  # else there were no labels
    return MicrographSet(hit_tokens(graph, found.latent), graph.particle_id, micrographs, graph.name)


def check_stamp(decides: dict[str, Any], folder: Path) -> None:
    """Stamp the folder with what decides its files. Raises ValueError where it holds those of something else."""
    text = json.dumps(decides, indent=1)
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"{folder} holds micrographs of another network, other graphs or settings ({STAMP} says which); give "
            "--folder another folder, or remove it"
        )
    write_text(stamp, text)


def _scorer_when_asked(checkpoint: Checkpoint, folder: Path) -> Any:
    """() → the network as a scorer, made when it is first asked for: not where all files are there."""
    made: list[HitScorer] = []

    def scorer() -> HitScorer:
        if not made:
            made.append(hit_scorer(checkpoint, AUTO, folder / "forms", FormSettings()))
        return made[0]

    return scorer

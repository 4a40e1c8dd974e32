"""`edgetrack reconstruct --masks`: HyperTrack from hits to tracks, with the package's own networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from edgetrack.events.event import HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.trackml import read_event, write_event
from edgetrack.export.form_classifier import AUTO
from edgetrack.export.form_masks import hit_scorer_and_masks
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.build import GraphConfig, build_graph
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.voxel_dynamics.construction import VoxelConstruction
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.console import Console
from edgetrack.scripts.main import main
from edgetrack.scripts.reconstruct import ReconstructConfig, reconstruct
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.hypertrack.clustering import cluster

QUIET = Console(quiet=True)
NETWORK, MASKS, VOXELS = "hypertrack-mu2-float", "hypertrack-mu2-transformer-float", "hypertrack-mu2-voxels"
SAMPLES = Path(__file__).parents[2] / "graphs" / "samples" / "hypertrack"


def event_of(graph: HitGraph, number: int) -> Event:
    """The event that a graph of all hits was built from; of its particles, the numbers."""
    assert graph.particle_id is not None
    assert graph.weight is not None
    r, phi, z = graph.x.astype(np.float64).T * np.array([[1000], [np.pi], [1000]])
    hit_id = np.arange(1, graph.num_nodes + 1)

    def table(columns: dict[str, str], size: int, **values: NDArray[np.generic]) -> pd.DataFrame:
        return pd.DataFrame({name: values.get(name, 0.0) for name in columns}, index=range(size)).astype(columns)

    particles = np.unique(graph.particle_id[graph.particle_id > 0])
    return Event(
        number,
        table(HIT_COLUMNS, len(hit_id), hit_id=hit_id, x=r * np.cos(phi), y=r * np.sin(phi), z=z),
        table(TRUTH_COLUMNS, len(hit_id), hit_id=hit_id, particle_id=graph.particle_id, weight=graph.weight),
        table(PARTICLE_COLUMNS, len(particles), particle_id=particles, px=np.ones(len(particles))),
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    for number, graph in enumerate(load_graphs(SAMPLES)[:2]):
        write_event(event_of(graph, number), folder)
    return folder


def config(events: Path, **changes: object) -> ReconstructConfig:
    given = {"checkpoint": NETWORK, "masks": MASKS, "graph": GraphConfig(construction=VoxelConstruction(file=VOXELS))}
    return ReconstructConfig(events=str(events), **(given | changes))  # type: ignore[arg-type]


def track_id(folder: Path, number: int = 0) -> NDArray[np.int64]:
    return np.asarray(pd.read_csv(folder / f"event{number:09d}-tracks.csv")["track_id"], np.int64)


def test_one_command_makes_tracks_of_hits(events: Path, tmp_path: Path) -> None:
    words = ["reconstruct", f"--events={events}", f"--checkpoint={NETWORK}", f"--masks={MASKS}"]
    construction = f"--set=graph.construction={{kind: voxel_dynamics, file: {VOXELS}}}"
    answer = CliRunner().invoke(main, [*words, construction, f"--folder={tmp_path}", "--json"])
    assert answer.exit_code == 0, answer.output
    result = json.loads(answer.stdout)
    assert result["masks"] == MASKS
    assert result["score"] > 0.95
    assert result["score_in_graph"] == result["score"]  # the graph has all hits
    assert len(track_id(tmp_path)) == len(read_event(events, 0).hits)


def test_tracks_are_those_of_the_clustering_loop(events: Path, tmp_path: Path) -> None:
    whole = config(events)
    reconstruct(whole, tmp_path / "masks", QUIET)
    network, masks = (load_checkpoint(checkpoint_path(name)) for name in (NETWORK, MASKS))
    scorer, model = hit_scorer_and_masks(network, masks, (AUTO, AUTO), tmp_path, FormSettings())
    graph = build_graph(read_event(events, 0), whole.graph)
    kept = (scores := scorer(graph)).logits > network.logit_for_tracks
    found = cluster(
        replace(graph, edge_index=graph.edge_index[:, kept], y=None),
        scores.logits[kept],
        scores.latent,
        model,
        network.logit_for_tracks,
    ).candidates
    assert found.num_candidates > 50
    np.testing.assert_array_equal(
        TrackCandidates.from_labels(track_id(tmp_path / "masks") - 1).labels,
        TrackCandidates.from_labels(found.labels).labels,
    )
    reconstruct(replace(whole, masks=""), tmp_path / "components", QUIET)
    assert not np.array_equal(track_id(tmp_path / "components"), track_id(tmp_path / "masks"))


def test_masks_are_stamped_and_what_contradicts_them_is_refused(events: Path, tmp_path: Path) -> None:
    whole = config(events)
    first = reconstruct(whole, tmp_path, QUIET)
    assert reconstruct(whole, tmp_path, QUIET) == first
    with pytest.raises(ValueError, match="another checkpoint, other events or settings"):
        reconstruct(replace(whole, masks=""), tmp_path, QUIET)
    with pytest.raises(ValueError, match=r"masks do not go with building\.method 'dbscan'"):
        config(events, building=TrackBuildingConfig(method="dbscan"))
    with pytest.raises(ValueError, match="no value 'latent' of each hit"):
        reconstruct(config(events, checkpoint="in-1gev-float"), tmp_path / "other", QUIET)

"""The voxels that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.events.trackml import read_event
from edgetrack.graphs.voxel_dynamics.construction import OWN, VoxelConstruction
from edgetrack.graphs.voxel_dynamics.graph import voxel_graph
from edgetrack.graphs.voxel_dynamics.metrics import link_metrics


@pytest.mark.parametrize(("name", "voxels"), [("hypertrack-mu2-voxels", 1 << 16), ("hypertrack-mu20-voxels", 1 << 17)])
def test_own_voxels_are_small_and_found_by_name(name: str, voxels: int) -> None:
    dynamics = VoxelConstruction(file=name).dynamics()
    assert dynamics is VoxelConstruction(file=name).dynamics()
    assert dynamics.voxels.number == voxels
    assert dynamics.target == "hyper"
    assert (OWN / f"{name}.npz").stat().st_size < 1.5e6


def test_an_event_of_a_wider_beam_spot_and_another_field_keeps_most_of_its_true_pairs(trackml_sample: Path) -> None:
    event = read_event(trackml_sample, 1)
    loose, tight = (
        link_metrics(voxel_graph(event, VoxelConstruction(file=f"hypertrack-{name}-voxels").dynamics()))
        for name in ("mu2", "mu20")
    )
    assert loose.efficiency > 0.84
    assert loose.false_positive_rate < 0.021
    assert tight.efficiency < loose.efficiency
    assert tight.false_positive_rate < 0.005

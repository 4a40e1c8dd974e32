"""Passes: what is kept between them, and that nothing of the size edges × hidden units is."""

from __future__ import annotations

from integer_networks import toy_description
from toy_networks import NETWORKS

from edgetrack.export.native.schedule import leaves, schedule
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig, compact_hypertrack
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Gather, Scatter


def test_the_interaction_network_keeps_effects_and_hits_only() -> None:
    plan = schedule(interaction_network(InteractionNetworkConfig()))
    assert plan.stored == ("x", "phi_r1", "phi_o")
    assert [one.domain for one in plan.passes] == ["node", "edge", "node", "edge"]
    assert [one.scattered for one in plan.passes] == [(), ("aggregate",), (), ()]
    assert plan.passes[3].loaded == ("phi_r1",)
    assert "edge_attr" in plan.passes[1].made


def test_hypertrack_reads_the_geometry_of_pairs_once() -> None:
    plan = schedule(compact_hypertrack(CompactHyperTrackConfig(layers=3)))
    edges = [one for one in plan.passes if one.domain == "edge"]
    assert len(edges) == 4
    assert "pair_geometry" in edges[0].made
    assert all("pair_geometry" in one.loaded for one in edges[1:])
    assert [name for name in plan.stored if plan.description.shape(name).domain == "edge"] == [
        "pair_geometry",
        "doublet_geometry",
    ]


def test_every_pass_finds_what_it_reads() -> None:
    for description in (toy_description(), *NETWORKS.values()):
        plan = schedule(description)
        complete: set[str] = set()
        for one in plan.passes:
            there = set(one.loaded)
            assert there <= complete
            for name in one.made:
                step = description.step(name)
                if isinstance(step, Gather):
                    assert set(leaves(description, step.source)) <= complete
                elif isinstance(step, Scatter):
                    assert any(name in before.scattered for before in plan.passes[: plan.passes.index(one)])
                else:
                    assert {leaf for source in step.sources for leaf in leaves(description, source)} <= there
                there.add(name)
            assert set(one.stored) <= there
            complete |= set(one.stored)
        assert any(set(leaves(description, description.output)) <= set(one.made) for one in plan.passes)

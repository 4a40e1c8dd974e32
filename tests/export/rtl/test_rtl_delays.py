"""Where the kernels' pipelines are cut."""

import re

import pytest
from integer_networks import random_integer_model

from edgetrack.export.rtl.delays import CONSTANT_ADDITION, scheduled, with_all_delays
from edgetrack.export.rtl.kernel import make_kernel, trace_kernel
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

MODEL = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=4, effects=2)), 1)


def test_additions_of_constants_take_time_and_nothing_is_done_before_what_it_needs() -> None:
    graph = trace_kernel(MODEL, "phi_r1")
    delayed = with_all_delays(graph)
    assert delayed.ops[-1].latency > graph.ops[-1].latency + 6  # three activations, two constants each
    for op, before in zip(delayed.ops, graph.ops, strict=True):
        ready = max((delayed.ops[taken].latency for taken in op.input_ids), default=0.0)
        assert op.latency >= ready + (op.opcode == CONSTANT_ADDITION)
        assert op.latency >= before.latency
        assert op._replace(latency=before.latency) == before


@pytest.mark.parametrize("latency_cutoff", [1.0, 2.0, 5.0, 1000.0])
def test_stages_are_as_many_as_the_cutoff_asks_for(latency_cutoff: float) -> None:
    _, stages = scheduled(trace_kernel(MODEL, "phi_o"), latency_cutoff)
    kernel = make_kernel(MODEL, "phi_o", latency_cutoff, 5.0)
    assert kernel.latency_cycles == stages
    assert len([name for name in kernel.sources if re.search(r"logic\d+\.v$", name)]) == stages

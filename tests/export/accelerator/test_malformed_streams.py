"""Rows and packets that are lost or too many: flagged on every graph they touch, and on no other."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model
from malformed_streams import EDGE_FAULTS, FAULTS, NODE_FAULTS, NOT_THE_FIRST, Malformed, with_faults

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.simulation import AcceleratorLibrary, Stalls, build_accelerator
from edgetrack.export.accelerator.streams import Packet, Stream, edge_stream, node_stream
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

IN = interaction_network(InteractionNetworkConfig(hidden=3, effects=2))
CONFIG = AcceleratorConfig(24, 48, edge_lanes=3, node_lanes=4, graphs_in_flight=3, accumulators=2)
TIMEOUT = 60
STALLS = {
    "none": Stalls(),
    "nodes late": Stalls(nodes=0.7, seed=1),
    "edges late": Stalls(edges=0.7, seed=2),
    "all": Stalls(0.3, 0.3, 0.3, seed=3),
}
GRAPHS = 60
BAD = (0, 7, 13, 14, 22, 30, 31, 39, 47, 55)  # the first one, neighbours, and others alone
APART = (7, 13, 22, 30, 39, 47, 55)
Forms = Callable[[int], AcceleratorForm]


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Forms:
    """Accelerators with a time-out of so many clocks."""
    made: dict[int, AcceleratorForm] = {}

    def form(timeout: int) -> AcceleratorForm:
        if timeout not in made:
            config = replace(CONFIG, timeout_cycles=timeout)
            made[timeout] = export_accelerator(
                random_integer_model(IN, 1), tmp_path_factory.mktemp(f"timeout-{timeout}"), config
            )
        return made[timeout]

    return form


@pytest.fixture(scope="module")
def graphs() -> list[HitGraph]:
    """Graphs of all sizes; those that come malformed have several rows, the last one of two nodes."""
    rng = np.random.default_rng(3)
    sizes = [(int(rng.integers(1, 25)), int(rng.integers(0, 49))) for _ in range(GRAPHS)]
    for bad in BAD:
        for graph in (bad, bad + 1):
            sizes[graph] = (int(rng.choice([14, 18, 22])), int(rng.integers(10, 49)))
    return [random_graph(nodes, edges, seed) for seed, (nodes, edges) in enumerate(sizes)]


def streams(form: AcceleratorForm, graphs: list[HitGraph]) -> tuple[Stream, Stream]:
    coded = [form.coded(graph) for graph in graphs]
    return node_stream(form.plan, coded), edge_stream(form.plan, coded)


def complaints(form: AcceleratorForm, graphs: list[HitGraph], got: list[Packet], touched: set[int]) -> list[str]:
    """What is not as it must be: every graph leaves once, in order, flagged where it was touched, right elsewhere."""
    numbers = [packet.number for packet in got]
    if numbers != list(range(len(graphs))):
        return [f"numbers {numbers}"]
    said = []
    for index, (graph, packet) in enumerate(zip(graphs, got, strict=True)):
        if bool(packet.flags) != (index in touched):
            said.append(f"graph {index}: {packet.flags!r}")
        elif index not in touched and not np.array_equal(packet.codes, form.plan.model.run_graph(graph)["phi_r2"]):
            said.append(f"graph {index}: wrong logits")
    return said


def sent(
    form: AcceleratorForm, library: AcceleratorLibrary, graphs: list[HitGraph], stream: str, fault: str
) -> list[str]:
    """Complaints about a fault in one of the streams, without stalls and with any."""
    nodes, edges = streams(form, graphs)
    one = nodes if stream == "nodes" else edges
    malformed, touched = with_faults(one, (NODE_FAULTS if stream == "nodes" else EDGE_FAULTS)[fault], places(fault))
    both = (malformed, edges) if stream == "nodes" else (nodes, malformed)
    said = []
    for name, stalls in STALLS.items():
        try:
            said += [f"{name}: {one}" for one in complaints(form, graphs, library.play(*both, stalls), touched)]
        except RuntimeError as error:
            said.append(f"{name}: {error}")
    return said


def places(fault: str) -> tuple[int, ...]:
    return APART if fault in NOT_THE_FIRST else BAD


CASES = [("nodes", fault) for fault in NODE_FAULTS] + [("edges", fault) for fault in EDGE_FAULTS]


@pytest.mark.parametrize(("stream", "fault"), CASES)
def test_what_a_fault_touches_is_flagged_and_all_else_is_right(
    stream: str, fault: str, forms: Forms, graphs: list[HitGraph]
) -> None:
    assert sent(forms(0), forms(0).library, graphs, stream, fault) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_in_both_streams_at_once(fault: str, forms: Forms, graphs: list[HitGraph]) -> None:
    form = forms(0)
    nodes, edges = streams(form, graphs)
    first, touched = with_faults(nodes, FAULTS[fault], APART[:5])
    for name, other in FAULTS.items():
        second, more = with_faults(edges, other, APART[3:])
        got = form.library.play(first, second, STALLS["all"])
        assert complaints(form, graphs, got, touched | more) == [], name


@pytest.mark.parametrize(
    ("source", "right", "wrong", "missed"),
    [
        ("stream_guard.v", "ahead = number - due", "ahead = 0", {("nodes", "lost tlast"), ("edges", "lost packet")}),
        ("stream_guard.v", "wire earlier = known &&", "wire earlier = 0 &&", {("nodes", "repeated packet")}),
        ("lane_count.v", "total != stated_2", "1'b0", {("nodes", "repeated row"), ("edges", "lost lane")}),
        ("lane_count.v", "ORDERED != 0 && gap", "1'b0", {("nodes", "last row not from the lowest lane")}),
        ("slot_flag.v", "flags[one] && !(begins", "flags[one] || (begins", {("nodes", "repeated packet")}),
    ],
)
def test_without_a_part_of_the_watch_faults_are_missed(
    source: str, right: str, wrong: str, missed: set[tuple[str, str]], forms: Forms, graphs: list[HitGraph]
) -> None:
    form = forms(0)
    assert form.sources[source].count(right) == 1
    sources = {**form.sources, source: form.sources[source].replace(right, wrong)}
    broken = build_accelerator(sources, TOP, form.plan, form.folder / "sim")
    for stream, fault in missed:
        assert sent(form, broken, graphs, stream, fault), (stream, fault)


def test_good_streams_pass_the_watch_whatever_their_first_number(forms: Forms, graphs: list[HitGraph]) -> None:
    form = forms(TIMEOUT)
    many = [graph for _ in range(6) for graph in graphs]  # more than there are numbers
    nodes, edges = streams(form, many)
    for first in (0, 200):
        shifted = [replace(one, number=(one.number + first) % 256) for one in (nodes, edges)]
        got = form.library.play(shifted[0], shifted[1], STALLS["all"])
        assert [packet.number for packet in got] == [(first + index) % 256 for index in range(len(many))]
        assert not any(packet.flags for packet in got)
        for graph, packet in zip(many, got, strict=True):
            np.testing.assert_array_equal(packet.codes, form.plan.model.run_graph(graph)["phi_r2"])


def end_lost(stream: Stream, graphs: int, all_of_it: bool) -> Malformed:
    """The last packet without its end, or not there at all: nothing comes behind it that would tell."""
    rows = np.flatnonzero(stream.number == graphs - 1)
    return Malformed(stream.take(np.arange(rows[0] if all_of_it else rows[-1])), {graphs - 1})


@pytest.mark.parametrize("all_of_it", [False, True])
@pytest.mark.parametrize("stream", ["nodes", "edges"])
def test_a_lost_end_is_cut_off_by_the_time_out(
    stream: str, all_of_it: bool, forms: Forms, graphs: list[HitGraph]
) -> None:
    flag = Flags.NODES if stream == "nodes" else Flags.EDGES
    graphs = graphs[:16]
    for timeout in (TIMEOUT, 0):
        form = forms(timeout)
        both = dict(zip(("nodes", "edges"), streams(form, graphs), strict=True))
        both[stream], touched = end_lost(both[stream], len(graphs), all_of_it)
        if timeout:
            got = form.library.play(both["nodes"], both["edges"])
            assert complaints(form, graphs, got, touched) == []
            assert got[-1].flags & (Flags.LATE | flag) == Flags.LATE | flag
        elif stream == "nodes":  # and the edges behind it are never taken
            with pytest.raises(RuntimeError, match="nothing moved for 2000 clocks"):
                form.library.play(both["nodes"], both["edges"])
        else:
            assert len(form.library.play(both["nodes"], both["edges"])) == len(graphs) - 1


def test_rows_behind_the_time_out_are_discarded(forms: Forms, graphs: list[HitGraph]) -> None:
    form = forms(TIMEOUT)
    nodes, edges = streams(form, graphs)
    late = replace(STALLS["none"], edges=0.93, seed=5)  # gaps beyond the time-out are certain among so many rows
    got = form.library.play(nodes, edges, late)
    cut = {index for index, packet in enumerate(got) if packet.flags}
    assert 0 < len(cut) < len(graphs)
    assert all(got[index].flags == Flags.LATE | Flags.EDGES for index in cut)
    assert complaints(form, graphs, got, cut) == []


def test_nodes_run_ahead_of_edges_by_the_graphs_in_flight_and_edges_never(forms: Forms, graphs: list[HitGraph]) -> None:
    form = forms(0)
    slots = CONFIG.graphs_in_flight
    nodes, edges = streams(form, graphs[: slots + 1])
    none = edges.take([])
    assert form.library.play(nodes.take(np.flatnonzero(nodes.number < slots)), none) == []  # all of them are taken
    for one, other in ((nodes, none), (nodes.take([]), edges.take([0]))):
        with pytest.raises(RuntimeError, match="nothing moved for 2000 clocks"):
            form.library.play(one, other)


def test_numbers_and_time_out_have_limits() -> None:
    for bits in (1, 17):
        with pytest.raises(ValueError, match=f"graph_number_bits is {bits}, wanted 2 to 16"):
            AcceleratorConfig(graph_number_bits=bits)
    for clocks in (-1, 2**31):
        with pytest.raises(ValueError, match=f"timeout_cycles is {clocks}, wanted 1 to 2147483647, or 0"):
            AcceleratorConfig(timeout_cycles=clocks)

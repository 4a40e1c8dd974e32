"""The streaming accelerator, clock by clock under Verilator, against the golden model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from broken_bypass import without_bypass
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description
from mixed_formats import mixed_integer_model

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig, make_plan
from edgetrack.export.accelerator.simulation import NEVER, AcceleratorLibrary, Stalls, build_accelerator
from edgetrack.export.accelerator.streams import CodedGraph, Received
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.export.back_to_back import StreamCases
from edgetrack.export.cases import special_graphs
from edgetrack.export.form import InexactForm
from edgetrack.export.form_comparison import verify_form
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter
from edgetrack.quantize.integer_model import IntegerModel

IN = interaction_network(InteractionNetworkConfig(hidden=3, effects=2))
TWO_ROUNDS = interaction_network(InteractionNetworkConfig(hidden=3, effects=2, steps=2))
BOTH_HITS = interaction_network(InteractionNetworkConfig(hidden=3, effects=2, steps=2, receivers="both", hit_values=2))
# Unlike the Interaction Network: a node encoder first, a sum at the source, an edge input that the head reads again.
ENCODED = NetworkDescription(
    "encoded",
    (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4)),
    (
        Mlp("encode", "x", (3,)),
        Gather("from_", "encode", "source"),
        Concat("joined", ("from_", "edge_attr")),
        Mlp("message", "joined", (2,)),
        Scatter("total", "message", "sum", "source"),
        Concat("node_in", ("encode", "total")),
        Mlp("update", "node_in", (3,)),
        Gather("to", "update", "target"),
        Concat("head_in", ("to", "edge_attr", "message")),
        Mlp("head", "head_in", (2,)),
    ),
    "head",
)
# HyperTrack's ways: layers of messages, means, residuals on nodes and on edges; a mean that is gathered, sums that are
# read twice; sums of an input and of gathered nodes themselves; a step that nothing reads; the output is a residual.
HYPERTRACK = NetworkDescription(
    "hypertrack",
    (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4)),
    (
        Mlp("encode", "x", (3,)),
        Mlp("unread", "x", (2,)),
        Gather("x_source", "x", "source"),
        Concat("seen", ("x_source", "edge_attr")),
        Scatter("surroundings", "seen", "sum", "target"),
        Scatter("direction", "edge_attr", "mean", "source"),
        Gather("a_source", "encode", "source"),
        Gather("a_target", "encode", "target"),
        Concat("message_1_in", ("a_source", "a_target", "edge_attr")),
        Mlp("message_1", "message_1_in", (3,)),
        Scatter("mean_1", "message_1", "mean", "target"),
        Scatter("sum_1", "message_1", "sum", "target"),
        Concat("update_1_in", ("encode", "surroundings", "direction", "mean_1", "sum_1")),
        Mlp("update_1", "update_1_in", (3,)),
        Map("residual_1", "add", ("encode", "update_1")),
        Gather("b_source", "residual_1", "source"),
        Gather("mean_there", "mean_1", "source"),
        Concat("message_2_in", ("b_source", "mean_there", "message_1")),
        Mlp("message_2", "message_2_in", (4, 3)),
        Map("edge_residual", "add", ("message_1", "message_2")),
        Scatter("mean_2", "edge_residual", "mean", "target"),
        Map("residual_2", "add", ("mean_2", "sum_1")),
        Gather("c_source", "residual_2", "source"),
        Gather("c_target", "residual_2", "target"),
        Map("both_ends", "add", ("c_source", "c_target")),
        Map("result", "add", ("both_ends", "edge_residual")),
    ),
    "result",
)
CASES: dict[str, tuple[Callable[[], IntegerModel], AcceleratorConfig]] = {
    "in": (lambda: random_integer_model(IN, 1), AcceleratorConfig(24, 48, 3, 2, 4, 2)),
    "two-rounds": (lambda: random_integer_model(TWO_ROUNDS, 3), AcceleratorConfig(20, 40, 2, 1, 3, 1)),
    "both-hits": (lambda: random_integer_model(BOTH_HITS, 11), AcceleratorConfig(20, 40, 2, 2, 3, 2)),
    "encoded-mixed": (lambda: mixed_integer_model(ENCODED, 6), AcceleratorConfig(21, 33, 1, 4, 1, 3)),
    "toy": (lambda: random_integer_model(toy_description(), 2), AcceleratorConfig(18, 36, 3, 2, 3, 2)),
    "hypertrack-mixed": (lambda: mixed_integer_model(HYPERTRACK, 6), AcceleratorConfig(12, 30, 2, 2, 3, 2)),
}
STALLS = {
    "none": Stalls(),
    "nodes late": Stalls(nodes=0.8, seed=1),
    "edges late": Stalls(edges=0.8, seed=2),
    "logits held": Stalls(logits=0.8, seed=3),
    "all": Stalls(0.4, 0.4, 0.4, seed=4),
}
Forms = Callable[[str], AcceleratorForm]


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Forms:
    made: dict[str, AcceleratorForm] = {}

    def form(name: str) -> AcceleratorForm:
        if name not in made:
            model, config = CASES[name]
            made[name] = export_accelerator(model(), tmp_path_factory.mktemp(name), config)
        return made[name]

    return form


def mixed_graphs(form: AcceleratorForm, count: int) -> list[HitGraph]:
    """Special graphs at full capacity, then random ones of all sizes, empty ones among them."""
    rng = np.random.default_rng(5)
    nodes, edges = form.capacity.nodes, form.capacity.edges
    sizes = [(int(rng.integers(0, nodes + 1)), int(rng.integers(0, edges + 1))) for _ in range(count)]
    random = [random_graph(n, e if n else 0, seed=i, spread=4.0) for i, (n, e) in enumerate(sizes)]
    return [*special_graphs(nodes, edges, seed=1), *random]


def wanted(model: IntegerModel, graph: HitGraph) -> np.ndarray:
    return model.run_graph(graph)[model.description.output]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("name", CASES)
def test_graphs_one_behind_the_other_equal_the_integers_under_stalls(name: str, stalls: str, forms: Forms) -> None:
    form = forms(name)
    model = form.plan.model
    graphs = mixed_graphs(form, 220)
    flipped = flip_lsb(model, model.description.mlps[0].name)
    noticed, seen = 0, set()
    for graph, received in zip(graphs, form.run_graphs(graphs, STALLS[stalls]), strict=True):
        np.testing.assert_array_equal(received.codes, wanted(model, graph), err_msg=graph.name)
        noticed += not np.array_equal(received.codes, wanted(flipped, graph))
        seen.update(received.codes.ravel().tolist())
    assert noticed > 10
    assert len(seen) > 5


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_bypass_in_the_accumulators_is_caught(missing: int, forms: Forms) -> None:
    form = forms("in")
    broken = build_accelerator(without_bypass(form.sources, missing), TOP, form.plan, form.folder / "sim")
    lanes, model = form.plan.config.edge_lanes, form.plan.model
    source, target = np.arange(5 * lanes) % 7, 7 + np.arange(5 * lanes)
    # Edges i and i + d lanes come d clocks after each other into one lane.
    graphs: dict[int, list[HitGraph]] = {}
    for distance in (1, 2, 3, 4):
        meeting = target.copy()
        meeting[distance * lanes : (distance + 1) * lanes] = meeting[:lanes]
        graphs[distance] = [HitGraph(random_graph(24, 0, seed).x, np.stack([source, meeting])) for seed in range(10)]
    for distance, similar in graphs.items():
        got = broken.run([form.coded(graph) for graph in similar])
        right = [np.array_equal(one.codes, wanted(model, graph)) for graph, one in zip(similar, got, strict=True)]
        assert right.count(False) > 3 if distance == missing else all(right)  # only what needs that bypass
        for graph, one in zip(similar, form.run_graphs(similar), strict=True):
            np.testing.assert_array_equal(one.codes, wanted(model, graph))


@pytest.mark.parametrize("name", CASES)
def test_latency_and_interval_are_those_of_the_formula(name: str, forms: Forms) -> None:
    form = forms(name)
    config = form.plan.config
    period = config.graphs_in_flight * config.accumulators
    for nodes, edges in ((form.capacity.nodes, form.capacity.edges), (7, 30), (11, 4), (1, 1), (0, 0)):
        graph = random_graph(nodes, edges)
        (alone,) = form.run_graphs([graph])
        assert alone.last_logit - alone.first_node == form.formula.latency(nodes, edges)
        many = form.run_graphs([graph] * (8 * period))
        given = [received.last_logit for received in many]
        assert (given[-1] - given[3 * period - 1]) / (5 * period) == form.formula.interval(nodes, edges)


def test_what_does_not_fit_is_flagged_and_harms_no_other_graph(forms: Forms) -> None:
    form = forms("in")
    capacity = form.capacity
    good = random_graph(capacity.nodes, capacity.edges, seed=3)
    index_outside = form.coded(random_graph(10, 20))
    index_outside.edge_index[1, 7] = 10
    bad = [
        form.coded(random_graph(capacity.nodes + 1, 20)),
        form.coded(random_graph(20, capacity.edges + 1)),
        CodedGraph({**index_outside.inputs}, index_outside.edge_index),
    ]
    received = form.library.run([piece for one in bad for piece in (form.coded(good), one)] + [form.coded(good)])
    assert [one.number for one in received] == list(range(7))
    too_many_nodes = Flags.CAPACITY | Flags.INDEX  # one of them has an edge
    assert [one.flags for one in received] == [0, too_many_nodes, 0, Flags.CAPACITY, 0, Flags.INDEX, 0]
    for one in received[::2]:
        np.testing.assert_array_equal(one.codes, wanted(form.plan.model, good))
    for graph in (random_graph(capacity.nodes + 1, 1), random_graph(1, capacity.edges + 1)):
        with pytest.raises(ValueError, match="cut it into sectors"):
            form.run_graph(graph)


def test_verify_takes_it_as_a_form(forms: Forms) -> None:
    form = forms("in")
    result = verify_form(form.plan.model, form, mixed_graphs(form, 5), 1000, 0, lambda *_: None)
    assert (result.graphs, result.mismatches, result.failed) == (12, 0, False)
    twin = flip_lsb(form.plan.model, "phi_r1")
    assert verify_form(twin, form, mixed_graphs(form, 5), 1000, 0, lambda *_: None).failed


class AlwaysFlagged:
    """A simulation with a flag that is stuck at 1."""

    def __init__(self, library: AcceleratorLibrary) -> None:
        self.library = library

    def run(self, graphs: Sequence[CodedGraph], stalls: Stalls | None = None) -> list[Received]:
        return [replace(one, flags=Flags.CAPACITY) for one in self.library.run(graphs, stalls)]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_flag_without_reason_is_a_failure_of_every_graph(streamed: bool, forms: Forms) -> None:
    form = replace(forms("in"))
    vars(form)["library"] = AlwaysFlagged(forms("in").library)
    graphs = mixed_graphs(form, 5)
    stream = StreamCases((), {"none": Stalls(), "all": STALLS["all"]}, 1) if streamed else None
    result = verify_form(form.plan.model, form, graphs, 100, 0, lambda *_: None, stream=stream)
    assert result.failed
    logits = sum(max(graph.num_edges, 1) for graph in graphs)  # of every round; one mismatch for a graph without any
    assert result.mismatches == (2 * logits if streamed else len(graphs))
    assert "but came whole and fits" in str(result.first)
    with pytest.raises(
        InexactForm, match=rf"{graphs[0].name} is flagged \(<Flags.CAPACITY: 1>\), but came whole and fits"
    ):
        form.run_graph(graphs[0])


def all_right(
    form: AcceleratorForm, library: AcceleratorLibrary, graphs: list[HitGraph], stalls: Stalls, reset: int = NEVER
) -> bool:
    try:
        got = library.run([form.coded(graph) for graph in graphs], stalls, reset)
    except RuntimeError:
        return False
    return all(
        np.array_equal(one.codes, wanted(form.plan.model, graph)) and not one.flags
        for graph, one in zip(graphs, got, strict=True)
    )


@pytest.mark.parametrize(("place", "field"), [(1, "tuser"), (14, "tlast"), (15, "tkeep")])
def test_a_field_that_changes_while_its_row_is_held_is_a_fault(place: int, field: str, forms: Forms) -> None:
    form = forms("toy")
    assert ".out({logit_tuser, logit_tlast, logit_tkeep, logit_tdata})" in form.sources[f"{TOP}.v"]
    fifo = form.sources["output_fifo.v"]
    flipping = fifo.replace("out <= rows", "kept <= rows").replace(
        "output reg [BITS-1:0] out\n);",
        "output wire [BITS-1:0] out\n);\n    reg [BITS-1:0] kept;\n"
        f"    assign out = {{kept[BITS-1:BITS-{place}] ^ {place}'(!ready), kept[BITS-{place + 1}:0]}};",
    )
    assert flipping.count("kept") == fifo.count("out <= rows") + 3
    broken = build_accelerator({**form.sources, "output_fifo.v": flipping}, TOP, form.plan, form.folder / "sim")
    graphs = mixed_graphs(form, 5)
    assert all_right(form, broken, graphs, Stalls()), field  # where no row is held, nothing changes
    with pytest.raises(RuntimeError, match="changed a row of logits while it was held"):
        broken.run([form.coded(graph) for graph in graphs], STALLS["logits held"])


def test_a_reset_amid_traffic_and_any_first_values_leave_nothing_behind(forms: Forms) -> None:
    form = forms("toy")
    graphs = mixed_graphs(form, 20)
    ends = [one.last_logit for one in form.run_graphs(graphs, STALLS["all"])]
    for seed, clock in enumerate(np.linspace(1, ends[-2], 60).astype(int).tolist()):
        stalls = replace(STALLS["all"], seed=seed)
        assert all_right(form, form.library, graphs, stalls), seed
        assert all_right(form, form.library, graphs, stalls, reset=clock), clock
    # The twin: an output whose places are not reset works where all starts with zeros, and nowhere else.
    fifo = form.sources["output_fifo.v"]
    forgetful = fifo.replace("            pushed <= 0;\n            popped <= 0;\n", "")
    assert forgetful != fifo
    broken = build_accelerator({**form.sources, "output_fifo.v": forgetful}, TOP, form.plan, form.folder / "sim")
    right = [all_right(form, broken, graphs, replace(STALLS["all"], seed=seed)) for seed in range(10)]
    assert right.count(False) > 5


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("reciprocal.v", "'d3: value <= 23'd1398101;", "'d3: value <= 23'd1439061;"),
        ("accelerator.v", "mean_counts[lane*", "mean_counts[0*"),
        ("accelerator.v", ".add_value({3{1'b1}})", ".add_value(3'b011)"),
    ],
)
def test_a_wrong_count_or_reciprocal_is_caught(source: str, right: str, wrong: str, forms: Forms) -> None:
    form = forms("toy")
    assert right in form.sources[source]
    sources = {**form.sources, source: form.sources[source].replace(right, wrong)}
    broken = build_accelerator(sources, TOP, form.plan, form.folder / "sim")
    graphs = mixed_graphs(form, 200)
    got = broken.run([form.coded(graph) for graph in graphs])
    assert not all(
        np.array_equal(one.codes, wanted(form.plan.model, graph)) for graph, one in zip(graphs, got, strict=True)
    )


def test_the_table_of_reciprocals_is_the_golden_models(forms: Forms) -> None:
    text = forms("toy").sources["reciprocal.v"]
    table = {int(count): int(value) for count, value in re.findall(r"'d(\d+): value <= 23'd(\d+);", text)}
    assert table == {count: round(Fraction(1 << 22, count)) for count in range(1, 37)}


def test_what_is_summed_gathered_or_read_twice_gets_the_passes_it_needs() -> None:
    made = {one.name: one for one in make_plan(mixed_integer_model(HYPERTRACK, 1), AcceleratorConfig()).passes}
    assert "unread" not in made  # nothing that the output does not need
    assert {name for name, one in made.items() if one.kernel == "copy"} == {
        "seen_copy",
        "edge_attr_copy",  # summed, but no kernel's result
        "mean_1",
        "sum_1",  # gathered; read by two passes
    }
    assert [(read.value, read.kind) for read in made["update_1"].reads] == [
        ("encode", "node"),
        ("surroundings", "sum"),
        ("direction", "sum"),
        ("mean_1", "node"),
        ("sum_1", "node"),
    ]
    assert [(read.value, read.kind) for read in made["residual_2"].reads] == [("mean_2", "sum"), ("sum_1", "node")]
    # Chained: the pass before walks over the same rows, and never waits as the streamed one may.
    assert {name for name, one in made.items() if one.chained} == {
        "message_1",
        "sum_1",
        "update_1",
        "residual_1",
        "edge_residual",
        "result",
    }
    assert made["seen_copy"].streamed
    assert made["result"].final


def test_what_it_cannot_take_stops_with_the_steps_name(tmp_path: Path) -> None:
    on_nodes = replace(ENCODED, steps=ENCODED.steps[:7], output="update")
    with pytest.raises(ValueError, match="output 'update' must be the result of an MLP, map or table on edges"):
        export_accelerator(random_integer_model(on_nodes), tmp_path)
    clashing = replace(ENCODED, steps=(*ENCODED.steps[:-1], Mlp("slots", "head_in", (1,))), output="slots")
    with pytest.raises(ValueError, match=r"'slots'.* name parts of the accelerator itself"):
        export_accelerator(random_integer_model(clashing), tmp_path)
    with pytest.raises(ValueError, match="node_lanes is 3, wanted a power of two"):
        AcceleratorConfig(node_lanes=3)
    for name, lanes in (("edge_lanes", 65), ("node_lanes", 128)):
        with pytest.raises(ValueError, match=f"{name} is {lanes}, wanted at most 64"):
            replace(AcceleratorConfig(), **{name: lanes})  # type: ignore[arg-type]
        assert replace(AcceleratorConfig(), **{name: 64}).capacity.edges == 4096  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="accumulators is 0"):
        AcceleratorConfig(accumulators=0)


def test_artefacts_are_deterministic(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        export_accelerator(random_integer_model(IN, 3), tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "first/verilog").iterdir())
    assert "accelerator.v" in names
    for path in [*(f"verilog/{name}" for name in names), "accelerator.json"]:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()

"""The hls4ml project of the whole network against the golden model, value by value."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description
from mixed_formats import mixed_integer_model

from edgetrack.export.cases import kernel_vectors
from edgetrack.export.form import FormUnavailable, InexactForm
from edgetrack.export.form_comparison import verify_form
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import HlsForm, export_hls4ml
from edgetrack.export.hls4ml.writer import layer_reuse_factor
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Concat, Gather, Input, Mlp, Scatter
from edgetrack.quantize.integer_model import IntegerModel

IN = interaction_network(InteractionNetworkConfig(hidden=6))
TOY = toy_description()
SMALL = NetworkDescription(
    "small",
    IN.inputs,
    (Gather("source", "x", "source"), Concat("pair", ("source", "edge_attr")), Mlp("score", "pair", (4, 1))),
    "score",
)
STREAM = HlsConfig(nodes=60, edges=120)
PARALLEL = HlsConfig(nodes=28, edges=56, io_type="io_parallel")

LANES = HlsConfig(nodes=61, edges=121, edge_lanes=4, node_lanes=2)

CASES: dict[str, Callable[[], tuple[IntegerModel, HlsConfig]]] = {
    "toy-mixed-io_stream": lambda: (mixed_integer_model(TOY, 0), STREAM),
    "toy-mixed-4-edge-2-node-lanes": lambda: (mixed_integer_model(TOY, 3), LANES),
    "in-io_parallel": lambda: (random_integer_model(IN, 1), PARALLEL),
}
SLOW_CASES: dict[str, Callable[[], tuple[IntegerModel, HlsConfig]]] = {
    "toy-mixed-io_parallel": lambda: (mixed_integer_model(TOY, 2), PARALLEL),
    "in-mixed-io_stream-700": lambda: (mixed_integer_model(IN, 12), HlsConfig(nodes=700, edges=1400)),
    "in-two-steps-io_stream": lambda: (
        random_integer_model(interaction_network(InteractionNetworkConfig(hidden=5, steps=2)), 4),
        STREAM,
    ),
    "in-mixed-2-edge-1-node-lanes": lambda: (mixed_integer_model(IN, 12), HlsConfig(60, 121, edge_lanes=2)),
    "in-mixed-1-edge-2-node-lanes": lambda: (mixed_integer_model(IN, 15), HlsConfig(61, 120, node_lanes=2)),
    "in-4-edge-2-node-lanes-700": lambda: (
        random_integer_model(IN, 8),
        HlsConfig(699, 1397, edge_lanes=4, node_lanes=2, graphs_in_flight=2),
    ),
    "in-two-steps-3-edge-4-node-lanes": lambda: (
        random_integer_model(interaction_network(InteractionNetworkConfig(hidden=5, steps=2)), 9),
        HlsConfig(61, 121, edge_lanes=3, node_lanes=4),
    ),
    "in-resource-io_stream": lambda: (
        random_integer_model(IN, 3),
        HlsConfig(nodes=60, edges=120, strategy="Resource", reuse_factor=2),
    ),
    "toy-resource-io_parallel": lambda: (
        random_integer_model(TOY, 3),
        HlsConfig(28, 56, "io_parallel", strategy="Resource", reuse_factor=2),
    ),
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], HlsForm]:
    made: dict[str, HlsForm] = {}

    def form(case: str) -> HlsForm:
        if case not in made:
            model, config = (CASES | SLOW_CASES)[case]()
            made[case] = export_hls4ml(model, tmp_path_factory.mktemp(case), config)
        return made[case]

    return form


def graphs_for(form: HlsForm) -> list[HitGraph]:
    """Full, padded, saturating, all edges at one node, no edges, empty."""
    nodes, edges = form.capacity.nodes, form.capacity.edges
    hub = random_graph(nodes, edges, seed=4)
    at_one_node = hub.edge_index.copy()
    at_one_node[1] = 3
    return [
        random_graph(nodes, edges, seed=1),
        random_graph(nodes // 2, edges // 3, seed=2),
        random_graph(nodes // 2, edges, seed=3, spread=8.0),
        HitGraph(hub.x, at_one_node),
        random_graph(5, 0, seed=5),
        random_graph(0, 0, seed=6),
    ]


@pytest.mark.parametrize("case", [*CASES, *(pytest.param(case, marks=pytest.mark.slow) for case in SLOW_CASES)])
def test_every_value_of_whole_graphs_equals_the_integer_model(case: str, forms: Callable[[str], HlsForm]) -> None:
    form = forms(case)
    outputs = set()
    for graph in graphs_for(form):
        wanted = form.model.run_graph(graph, hidden=True)
        got = form.run_graph(graph)
        inputs = {value.name for value in form.model.description.inputs}
        assert list(got) == [name for name in wanted if name not in inputs]
        for name, codes in got.items():
            np.testing.assert_array_equal(codes, wanted[name], err_msg=name)
        outputs.update(got[form.model.description.output].ravel().tolist())
    assert len(outputs) > 5


@pytest.mark.parametrize(
    ("case", "mlp"),
    [
        ("toy-mixed-io_stream", "head"),
        ("toy-mixed-4-edge-2-node-lanes", "update"),
        ("in-io_parallel", "phi_o"),
    ],
)
def test_one_flipped_weight_lsb_shows_from_its_layer_on(case: str, mlp: str, forms: Callable[[str], HlsForm]) -> None:
    form = forms(case)
    graph = random_graph(form.capacity.nodes, form.capacity.edges, seed=1)
    twin = flip_lsb(form.model, mlp).run_graph(graph, hidden=True)
    got = form.run_graph(graph)
    different = [name for name in got if not np.array_equal(got[name], twin[name])]
    assert different[0] == f"{mlp}.0"


@pytest.mark.parametrize(
    ("broken", "by"),
    [
        (
            "if (place[lane][k] == node)",
            "if (false)",
        ),  # no bypass: a sum still in the registers is read from the memory
        (
            "for (unsigned k = CONFIG_T::bypass; k-- > 0;)",
            "for (unsigned k = 0; k < CONFIG_T::bypass; k++)",
        ),  # the oldest
    ],
)
def test_broken_bypass_of_the_sums_is_caught(broken: str, by: str, tmp_path: Path) -> None:
    description = NetworkDescription(
        "sums",
        (Input("edge_attr", "edge", (1.0,) * 4), Input("x", "node", (1.0,) * 3)),
        (Scatter("sum", "edge_attr", "sum", "target"), Concat("both", ("sum", "x"))),
        "both",
    )
    form = export_hls4ml(random_integer_model(description, 1), tmp_path, LANES)
    header = tmp_path / "firmware/nnet_utils/nnet_message_passing_stream.h"
    text = header.read_text()
    assert text.count(broken) == 1
    header.write_text(text.replace(broken, by))
    graph = random_graph(12, 121, seed=1)
    assert not np.array_equal(form.run_graph(graph)["sum"], form.model.run_graph(graph)["sum"])


def test_lanes_round_sizes_up_to_whole_beats_of_partitioned_memories(tmp_path: Path) -> None:
    assert (LANES.capacity.nodes, LANES.capacity.edges) == (61, 124)
    form = export_hls4ml(random_integer_model(TOY, 1), tmp_path, replace(LANES, graphs_in_flight=3))
    assert form.project.shapes["x"] == (31, 2 * 3)
    assert form.project.shapes["message_dense_0"] == (31, 4 * 6)
    with pytest.raises(ValueError, match="62 nodes"):
        form.run_graph(random_graph(62, 10))
    top = (tmp_path / "firmware/toy.cpp").read_text()
    assert "#pragma HLS DATAFLOW" in top
    assert "depth=93" in top  # three graphs of 31 beats
    kernels = (tmp_path / "firmware/nnet_utils/nnet_message_passing_stream.h").read_text()
    assert kernels.count("#pragma HLS ARRAY_PARTITION variable=table complete dim=1") == 1
    assert kernels.count("#pragma HLS ARRAY_PARTITION variable=total complete dim=2") == 2


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"node_lanes": 3}, "wanted a power of two"),
        ({"edge_lanes": 0}, "edge_lanes is 0"),
        ({"edge_lanes": 2, "io_type": "io_parallel"}, "a lane for every row"),
        ({"node_lanes": 2, "strategy": "Resource"}, "wanted io_stream and Latency"),
    ],
)
def test_lanes_that_cannot_be_built_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        HlsConfig(**settings)


def test_project_of_a_flipped_model_fails_verification_with_the_layers_name(tmp_path: Path) -> None:
    model = random_integer_model(SMALL, 1)
    form = export_hls4ml(flip_lsb(model, "score"), tmp_path, HlsConfig(nodes=8, edges=12, io_type="io_parallel"))
    graph = random_graph(7, 12, seed=1)
    result = verify_form(model, form, [graph], 4096, 1, lambda *_: None)
    assert result.failed
    assert result.first is not None
    assert (result.first.layer, result.first.graph) == ("score", "vectors")
    wanted, got = model.run_graph(graph, hidden=True), form.run_graph(graph)
    assert next(name for name in got if not np.array_equal(got[name], wanted[name])) == "score.0"
    assert verify_form(form.model, form, [graph], 4096, 1, lambda *_: None).mismatches == 0
    coarse = replace(model.layers["score"][1], activation=replace(model.formats["score"], exponent=-3))
    layers = {"score": (form.model.layers["score"][0], coarse)}
    formats = {**model.formats, "score": coarse.activation}
    claimed = replace(form, model=replace(model, formats=formats, layers=layers))
    with pytest.raises(InexactForm, match=r"is no multiple of 2\^-3") as caught:
        claimed.run_graph(graph)
    assert caught.value.layer == "score"


def test_part_must_be_a_described_device() -> None:
    assert HlsConfig(part="xcvu9p-flga2104-2L-e").part == "xcvu9p-flga2104-2L-e"
    with pytest.raises(ValueError, match=r"unknown device 'xc7a35t-cpg236-1'; known: .*xcvu13p, xcvu9p"):
        HlsConfig(part="xc7a35t-cpg236-1")
    with pytest.raises(ValueError, match="Vitis builds for AMD's devices, got part 'lfe5um5g-85f'"):
        HlsConfig(part="lfe5um5g-85f")


@pytest.mark.parametrize(
    ("case", "mlp"),
    [("toy-mixed-io_stream", "message"), pytest.param("in-io_parallel", "phi_r1", marks=pytest.mark.slow)],
)
def test_mlp_equals_integers_on_131072_vectors(case: str, mlp: str, forms: Callable[[str], HlsForm]) -> None:
    form = forms(case)
    vectors = kernel_vectors(form.model, mlp, 131_072, seed=0)
    got = form.run_kernel(mlp, vectors)
    assert len(np.unique(got)) > 5
    np.testing.assert_array_equal(got, form.model.submodel(mlp).run(vectors)[mlp])
    assert not np.array_equal(got, flip_lsb(form.model, mlp).submodel(mlp).run(vectors)[mlp])


def test_the_dummy_node_takes_one_place(forms: Callable[[str], HlsForm]) -> None:
    form = forms("in-io_parallel")
    assert (form.capacity.nodes, form.capacity.edges) == (27, 56)
    with pytest.raises(ValueError, match="28 nodes"):
        form.run_graph(random_graph(28, 10))
    with pytest.raises(ValueError, match="57 edges"):
        form.run_graph(random_graph(20, 57))


def test_same_model_gives_the_same_bytes_and_no_path_of_this_machine(tmp_path: Path) -> None:
    trees = []
    for name in ("first", "second"):
        export_hls4ml(random_integer_model(TOY, 2), tmp_path / name, PARALLEL)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        trees.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert trees[0] == trees[1]
    assert "firmware/toy.cpp" in trees[0]
    assert "firmware/nnet_utils/nnet_message_passing.h" in trees[0]
    assert not [name for name, content in trees[0].items() if str(tmp_path).encode() in content]


def test_exporting_again_leaves_nothing_of_the_earlier_network(tmp_path: Path) -> None:
    export_hls4ml(random_integer_model(TOY, 2), tmp_path, PARALLEL)
    before = {path.name for path in (tmp_path / "firmware/weights").iterdir()}
    export_hls4ml(random_integer_model(IN, 2), tmp_path, PARALLEL)
    after = {path.name for path in (tmp_path / "firmware/weights").iterdir()}
    assert before - after
    assert "reciprocal" not in (tmp_path / "firmware/parameters.h").read_text()


def test_steps_that_the_output_does_not_need_are_left_out(tmp_path: Path) -> None:
    description = NetworkDescription(
        "spare", TOY.inputs, (Mlp("unused", "x", (3,)), Mlp("used", "edge_attr", (1,))), "used"
    )
    form = export_hls4ml(random_integer_model(description, 1), tmp_path, PARALLEL)
    assert form.project.inputs == ("edge_attr",)
    assert list(form.network.values.values()) == ["used"]


def test_what_cannot_be_built_stops_with_the_layers_name(tmp_path: Path) -> None:
    taken = NetworkDescription(
        "taken", (Input("x", "node", (1.0,)),), (Mlp("X", "x", (2,)), Mlp("X_dense_0", "X", (1,))), "X_dense_0"
    )
    model = random_integer_model(taken, 1)
    export_hls4ml(model, tmp_path / "fine", STREAM)
    clash = NetworkDescription(
        "clash", (Input("x", "edge", (1.0,)), Input("X", "edge", (1.0,))), (Concat("c", ("x", "X")),), "c"
    )
    with pytest.raises(ValueError, match="'X' is taken"):
        export_hls4ml(random_integer_model(clash, 1), tmp_path / "clash", STREAM)
    word = NetworkDescription("word", (Input("signed", "node", (1.0,)),), (Mlp("out", "signed", (1,)),), "out")
    with pytest.raises(ValueError, match="'signed' is a word of C"):
        export_hls4ml(random_integer_model(word, 1), tmp_path / "word", STREAM)
    with pytest.raises(ValueError, match="wanted at least 2 and 1"):
        HlsConfig(nodes=1, edges=0)


def test_reuse_factors_are_rounded_down_to_what_each_matrix_allows() -> None:
    def factors(strategy: str, wanted: int) -> list[int]:
        config = HlsConfig(strategy=strategy, reuse_factor=wanted)  # type: ignore[arg-type]
        return [
            layer_reuse_factor(config, {"class_name": "RowDense", "n_in": fan_in, "n_out": fan_out})
            for fan_in, fan_out in ((6, 4), (7, 6), (10, 1))
        ]

    assert factors("Resource", 1) == [1, 1, 1]
    assert factors("Resource", 5) == [3, 1, 5]
    assert factors("Resource", 14) == [12, 14, 10]
    assert factors("Latency", 5) == [5, 5, 5]
    with pytest.raises(ValueError, match="reuse_factor is 0"):
        HlsConfig(reuse_factor=0)


def test_missing_compiler_is_told_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = export_hls4ml(random_integer_model(IN, 1), tmp_path, PARALLEL)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(FormUnavailable, match="apt-get install g"):
        form.run_graph(random_graph(5, 5))

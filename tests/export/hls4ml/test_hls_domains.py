"""What a project is built for where a network has other domains than nodes and edges, and where many read one value."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from numpy.typing import NDArray
from toy_networks import NETWORKS, toy_rows

from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import HLS4ML, export_hls4ml
from edgetrack.export.hls4ml.test_bench import samples
from edgetrack.models.description import NetworkDescription
from edgetrack.models.rows import HIT_DOMAINS, Rows
from edgetrack.models.steps import Concat, Gather, Input, Mlp, Scatter

X = (Input("x", "node", (1.0,) * 3),)


def test_a_domain_without_capacity_is_named_with_the_setting_that_gives_it(tmp_path: Path) -> None:
    model = random_integer_model(NETWORKS["triplets"], 1)
    with pytest.raises(ValueError, match=r"no capacity for triplets.* settings\.hls4ml\.domains\.triplet=64"):
        export_hls4ml(model, tmp_path, HlsConfig(24, 64))
    with pytest.raises(ValueError, match=r"3 lanes of edges, wanted a power of two"):
        export_hls4ml(model, tmp_path, HlsConfig(24, 64, edge_lanes=3, domains={"triplet": 9}))
    assert list(tmp_path.iterdir()) == []
    assert HlsConfig(24, 64, edge_lanes=3).all_beats(toy_description())["edge"].rows == 66


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"domains": {"edge": 5}}, "edge has 5 in domains or lanes"),
        ({"domains": {"pair": 0}}, "pair has 0"),
        ({"domains": {"pair": 4}, "lanes": {"pair": 2}, "io_type": "io_parallel"}, "a lane for every row"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        HlsConfig(**settings)


def test_the_kinds_capacity_is_that_of_hits() -> None:
    assert HLS4ML.capacity is not None
    assert str(HLS4ML.capacity(HlsConfig(60, 120, domains={"triplet": 9}))) == "59 nodes and 120 edges"


@pytest.mark.parametrize("io_type", ["io_stream", "io_parallel"])
def test_a_value_is_read_any_number_of_times(io_type: Any, tmp_path: Path) -> None:
    gathers = tuple(Gather(f"g{i}", "x", "source") for i in range(17))
    joined = Concat("all", tuple(gather.name for gather in gathers))
    description = NetworkDescription("many", X, (*gathers, joined, Mlp("out", "all", (1,))), "out")
    form = export_hls4ml(random_integer_model(description, 1), tmp_path, HlsConfig(9, 16, io_type))
    graph = random_graph(8, 16, seed=2)
    wanted, got = form.model.run_graph(graph, hidden=True), form.run_graph(graph)
    assert len(np.unique(got["out"])) > 3
    assert list(got) == [name for name in wanted if name != "x"]
    for name, codes in got.items():
        np.testing.assert_array_equal(codes, wanted[name], err_msg=name)


def negative_messages() -> Rows[NDArray[Any]]:
    """Saturating below zero; some in a row to one node, none to seven of them."""
    rng = np.random.default_rng(1)
    features = {"x": rng.uniform(-1, 1, (11, 3)), "edge_attr": rng.uniform(-1.5, -0.01, (40, 4))}
    ends = {"source": rng.integers(0, 11, 40), "target": np.array([0, 1, 4, 7])[rng.integers(0, 4, 40)]}
    return Rows(HIT_DOMAINS, {"node": 11, "edge": 40}, features, ends)


@pytest.mark.parametrize(("lanes", "broken"), [(1, False), (4, False), (1, True)])
def test_the_largest_of_negative_messages_and_zero_where_none_came(lanes: int, broken: bool, tmp_path: Path) -> None:
    description = NetworkDescription(
        "maxima",
        (Input("edge_attr", "edge", (1.0,) * 4), *X),
        (Scatter("most", "edge_attr", "max", "target"), Concat("both", ("most", "x"))),
        "both",
    )
    config = HlsConfig(12, 40, edge_lanes=lanes, node_lanes=lanes // 2 or 1)
    form = export_hls4ml(random_integer_model(description, 1), tmp_path, config)
    if broken:  # a maximum that starts at zero
        header = tmp_path / "firmware/nnet_utils/nnet_message_passing.h"
        text = header.read_text()
        assert text.count("least[T::width - 1] = 1;") == 1
        header.write_text(text.replace("least[T::width - 1] = 1;", ""))
    rows = negative_messages()
    got, wanted = form.run_graph(rows)["most"], form.model.run_graph(rows)["most"]
    reached = np.unique(rows.ends["target"])
    assert len(reached) == 4
    assert (np.delete(wanted, reached, axis=0) == 0).all()
    assert (wanted[reached] < 0).all()
    assert np.array_equal(got, wanted) != broken


@pytest.mark.parametrize("name", NETWORKS)
def test_samples_of_the_bench_have_no_mean_beyond_its_precision(name: str) -> None:
    model = random_integer_model(NETWORKS[name], 1)
    counts = {"node": 9, "edge": 5000, "triplet": 6000, "token": 7, "pair": 20}
    made = list(samples(model, {domain.name: counts[domain.name] for domain in model.description.domains}))
    assert len(made) > 2
    assert max(rows.max_degree() for _, rows in made) > (6 if name == "attention" else 600)
    assert toy_rows(model.description, 3).domains == made[0][1].domains

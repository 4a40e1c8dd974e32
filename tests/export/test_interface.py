"""docs/interface.md: its programs, run as they stand there, give the integers of the golden model."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph

from edgetrack.export import interface
from edgetrack.export.form_classifier import quantized_source
from edgetrack.export.forms import FormSettings, make_float_form, make_form
from edgetrack.export.interface import Origin, columns_of_input, describe_interface
from edgetrack.graphs.files import graph_paths, load_graph
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph, edge_features
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, float_network
from edgetrack.models.hit_features import FEATURES, features_of
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED, load_kind
from edgetrack.models.steps import Input
from edgetrack.models.thresholds import kept_edges
from edgetrack.quantize.checkpoint import integer_model

PAGE = (Path(__file__).parents[2] / "docs" / "interface.md").read_text()


def program(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


@pytest.fixture(scope="module")
def quantised() -> Checkpoint:
    return load_kind(DEFAULT_QUANTISED, "quantised")


@pytest.fixture(scope="module")
def graph_file() -> Path:
    """The sample with the most edges."""
    return max(graph_paths(sample_graphs()), key=lambda path: load_graph(path).num_edges)


def scored(export: Path, graph: Path, tmp_path: Path) -> tuple[list[float], list[int]]:
    script = tmp_path / "score.py"
    script.write_text(program("python"))
    shown = subprocess.run([sys.executable, script, export, graph], capture_output=True, text=True, check=True)
    answer = json.loads(shown.stdout)
    return answer["logits"], answer["kept"]


def test_python_program_gives_the_logits_of_the_integers(
    quantised: Checkpoint, graph_file: Path, tmp_path: Path
) -> None:
    make_form("qcdq", quantized_source(quantised), tmp_path, FormSettings())
    logits, kept = scored(tmp_path / "qcdq", graph_file, tmp_path)
    wanted = integer_model(quantised).logits(load_graph(graph_file))
    assert np.array_equal(logits, wanted)
    assert kept == np.flatnonzero(kept_edges(wanted, quantised.logit_for_tracks)).tolist()
    assert 0 < len(kept) < len(wanted)


def test_python_program_gives_the_logits_of_the_float_network(graph_file: Path, tmp_path: Path) -> None:
    checkpoint = load_kind(DEFAULT_FLOAT, "float")
    make_float_form("onnx", checkpoint, tmp_path, FormSettings())
    logits, _ = scored(tmp_path / "onnx", graph_file, tmp_path)
    (wanted,) = edge_logits(float_network(checkpoint), [load_graph(graph_file)])
    assert np.abs(np.array(logits) - wanted).max() <= 2e-6 * np.abs(wanted).max()


def hits_in_mm(graph: HitGraph) -> str:
    """Standard input of the C++ program; 17 digits, so that r / 1000 and φ / π come back to the same float32."""
    hits = graph.x.astype(np.float64) * [1000, np.pi, 1000]
    rows = [" ".join(f"{value:.17g}" for value in hit) for hit in hits.tolist()]
    edges = [f"{source} {target}" for source, target in graph.edge_index.T]
    return "\n".join([str(graph.num_nodes), *rows, *edges])


def codes_in_cpp(folder: Path, graph: HitGraph) -> list[list[int]]:
    """What the C++ program prints, built with the headers in `folder`."""
    (folder / "codes.cpp").write_text(program("cpp"))
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "codes.cpp", "-o", "codes"]
    subprocess.run(command, cwd=folder, check=True)
    shown = subprocess.run([folder / "codes"], input=hits_in_mm(graph), capture_output=True, text=True, check=True)
    return [[int(word) for word in line.split()] for line in shown.stdout.splitlines()]


def test_cpp_program_gives_the_codes_of_the_integers(quantised: Checkpoint, graph_file: Path, tmp_path: Path) -> None:
    """And others where a format of `interface.h` is another."""
    make_form("integer", quantized_source(quantised), tmp_path, FormSettings())
    graph, folder = load_graph(graph_file), tmp_path / "integer"
    rows = codes_in_cpp(folder, graph)
    wanted = integer_model(quantised).quantize_inputs({"x": graph.x, "edge_attr": graph.edge_attr})
    assert np.array_equal(rows[: graph.num_nodes], wanted["x"])
    assert np.array_equal(rows[graph.num_nodes :], wanted["edge_attr"])
    assert len(np.unique(wanted["edge_attr"])) > 50
    constants = (folder / "interface.h").read_text()
    (folder / "interface.h").write_text(constants.replace("{8, -7, true", "{8, -6, true"))
    assert codes_in_cpp(folder, graph) != rows


def test_edge_features_in_float32_are_others(graph_file: Path) -> None:
    """What the page warns of: differences of float32 coordinates, taken in float32."""
    graph = load_graph(graph_file)
    source, target = graph.edge_index
    x = graph.x
    eta = np.arcsinh(x[:, 2] / x[:, 0])
    turn = (x[target, 1] - x[source, 1] + np.float32(1)) % np.float32(2) - np.float32(1)
    in_float32 = np.hypot(eta[target] - eta[source], turn * np.float32(np.pi))
    assert in_float32.dtype == np.float32
    assert not np.array_equal(in_float32, edge_features(x, graph.edge_index)[:, 3])


def test_scales_follow_from_stored_parameters_as_the_page_says(quantised: Checkpoint) -> None:
    model = integer_model(quantised)
    stored = {name: value for name, value in quantised.state.items() if name.endswith("scaling_impl.value")}
    formats = {f"quantisers.{name}.": fmt for name, fmt in model.formats.items() if name not in model.layers}
    for mlp, layers in model.layers.items():
        for index, layer in enumerate(layers):
            formats[f"linears.{mlp}.{index}."] = layer.weight_format
            formats[f"activations.{mlp}.{index}."] = layer.activation
    assert len(formats) == len(stored)
    for name, value in stored.items():
        (fmt,) = (fmt for prefix, fmt in formats.items() if name.startswith(prefix))
        assert fmt.exponent == math.ceil(float(value)) - (fmt.bits - fmt.signed), name


def test_interface_says_formats_thresholds_and_origin(quantised: Checkpoint) -> None:
    model = integer_model(quantised)
    shown = describe_interface(model.description, Origin.of(quantised), model)
    assert shown["checkpoint_sha256"] == checkpoint_digest(quantised)
    for value in model.description.inputs:
        fmt = shown["inputs"][value.name]["format"]
        assert (fmt["bits"], fmt["exponent"]) == (model.formats[value.name].bits, model.formats[value.name].exponent)
    output = model.formats[model.description.output]
    codes = output.codes()
    for name, logit in (("edges", quantised.threshold), ("tracks", quantised.logit_for_tracks)):
        assert np.array_equal(codes >= shown["thresholds"][name]["least_code"], output.dequantize(codes) > logit)


FEATURES_IN_CPP = """
#include <cstdio>
#include <iostream>
#include <vector>
#include "preprocessing.h"

template <std::size_t N> void print(const std::array<float, N> &values) {
    for (float value : values)
        std::printf("%.9g ", value);
}

int main() {
    std::size_t hits, edges;
    double mean;
    std::cin >> hits >> edges >> mean;
    std::vector<std::array<float, 3>> x(hits);
    std::vector<std::array<float, 4>> nodes;
    for (auto &hit : x) {
        double degree;
        std::cin >> hit[0] >> hit[1] >> hit[2] >> degree;
        print(nodes.emplace_back(edgetrack::cylindrical(hit, degree, mean)));
    }
    for (std::size_t edge = 0; edge < edges; ++edge) {
        std::size_t a, b;
        std::cin >> a >> b;
        print(edgetrack::pair_geometry(x[a], x[b]));
        print(edgetrack::doublet_geometry(x[a], x[b], nodes[a], nodes[b]));
    }
}
"""


def test_cpp_gives_the_features_of_hypertrack(tmp_path: Path) -> None:
    """Up to the last bits, in which libraries differ; hits at one place, and one above the other, among them."""
    graph = random_graph(40, 200, seed=2)
    x = graph.x.copy()
    x[:, 0] = np.abs(x[:, 0]) + 0.01
    x[1], x[3, :2] = x[0], x[2, :2]
    edges = np.concatenate([graph.edge_index, [[0, 2], [1, 3]]], axis=1)
    graph = HitGraph(x, edges)
    degree = np.bincount(edges.ravel(), minlength=40)
    (tmp_path / "features.cpp").write_text(FEATURES_IN_CPP)
    headers = Path(interface.__file__).parents[1] / "hls_projects" / "interface"
    command = [os.environ.get("CXX", "g++"), "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{headers}"]
    subprocess.run([*command, "features.cpp", "-o", "features"], cwd=tmp_path, check=True)
    hits = [" ".join(f"{value:.17g}" for value in [*hit, degree[i]]) for i, hit in enumerate(x.astype(float))]
    given = "\n".join([f"40 {edges.shape[1]} {degree.mean():.17g}", *hits, *(f"{a} {b}" for a, b in edges.T)])
    shown = subprocess.run([tmp_path / "features"], input=given, capture_output=True, text=True, check=True)
    got = np.array(shown.stdout.split(), np.float32)
    made = features_of(graph, ("cylindrical", "pair_geometry", "doublet_geometry"))
    np.testing.assert_allclose(got[:160].reshape(-1, 4), made["cylindrical"], rtol=2e-6, atol=1e-6)
    wanted = np.concatenate([made["pair_geometry"], made["doublet_geometry"]], axis=1)
    np.testing.assert_allclose(got[160:].reshape(-1, 8), wanted, rtol=1e-5, atol=1e-6)
    assert (np.ptp(wanted, axis=0) > 0.1).all()


def test_columns_of_inputs_have_the_names_of_their_features() -> None:
    for name in ("x", "edge_attr", "pair_geometry", "doublet_geometry", "cylindrical"):
        width = len(FEATURES[name].columns)
        columns = columns_of_input(Input(name, FEATURES[name].domain, (1.0,) * width))
        assert len(columns) == width
        assert not any("[" in column for column in columns)
    assert columns_of_input(Input("node_attr", "node", (1.0,) * 2)) == ["node_attr[0]", "node_attr[1]"]

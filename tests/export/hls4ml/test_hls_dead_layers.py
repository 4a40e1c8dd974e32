"""Layers that pruning has killed are exact, and a simulation that breaks off ends one form, not the process."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model
from quantized_networks import random_network, source_of

from edgetrack.export.compiler import find_compiler
from edgetrack.export.forms import FormSettings
from edgetrack.export.hls4ml import simulation
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import export_hls4ml
from edgetrack.export.hls4ml.simulation import Simulator
from edgetrack.export.verification import VerifyConfig, verify_by_name
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Mlp, Scatter
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel

NETWORK = NetworkDescription(
    "dead",
    (Input("x", "node", (1.0, 1.0, 1.0)), Input("edge_attr", "edge", (1.0, 1.0, 1.0, 1.0))),
    (
        Mlp("message", "edge_attr", (4, 3)),
        Scatter("sum", "message"),
        Gather("at", "sum", "target"),
        Concat("pair", ("at", "edge_attr")),
        Mlp("score", "pair", (4, 1)),
    ),
    "score",
)


def killed(model: IntegerModel, mlp: str, layer: int, factor: int = 0, result: Format | None = None) -> IntegerModel:
    """The model with one layer's integers times `factor` (0 or 1 LSB at most), and another format of its result."""
    layers = list(model.layers[mlp])
    one = layers[layer]
    layers[layer] = replace(
        one,
        weight=np.sign(one.weight) * factor,
        bias=np.sign(one.bias) * factor,
        activation=result or one.activation,
    )
    return replace(model, layers={**model.layers, mlp: tuple(layers)})


MODEL = random_integer_model(NETWORK, 3)
COARSE = Format(8, 6, signed=False)
CASES = {
    "hidden layer of zeros": killed(MODEL, "message", 0),
    "last layer of zeros": killed(MODEL, "message", 1),
    "two layers of zeros": killed(killed(MODEL, "message", 0), "score", 0),
    "one LSB, far below the step of its result": killed(MODEL, "score", 0, 1, COARSE),
}


@pytest.mark.parametrize("case", CASES)
def test_a_layer_that_is_dead_or_nearly_so_is_exact(case: str, tmp_path: Path) -> None:
    model = CASES[case]
    form = export_hls4ml(model, tmp_path, HlsConfig(nodes=24, edges=40))
    for graph in (random_graph(20, 40, seed=1), random_graph(7, 30, seed=2, spread=8.0)):
        wanted = model.run_graph(graph, hidden=True)
        for name, codes in form.run_graph(graph).items():
            np.testing.assert_array_equal(codes, wanted[name], err_msg=name)


def dying(folder: Path) -> Path:
    """A library whose function checks its input as generated code does."""
    source, library = folder / "dying.cpp", folder / "dying.so"
    source.write_text(
        "#include <cassert>\n"
        'extern "C" void dying_double(double *in, double *out) { assert(*in < 2 && "beyond MSB"); *out = 2 * *in; }\n'
    )
    subprocess.run([find_compiler(), "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def test_a_simulation_that_breaks_off_raises_with_its_last_words(tmp_path: Path) -> None:
    simulator = Simulator(dying(tmp_path))

    def ask(*values: float) -> list[float]:
        inputs = [np.array(values)[:, None]]
        answer = simulator.ask({"function": "dying_double", "inputs": inputs, "output": (1,), "traced": {}})
        return answer[""].ravel().tolist()

    assert ask(0.5, 1.5) == [1.0, 3.0]
    assert ask(1.0) == [2.0]
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"dying\.so broke off with status -6: .*beyond MSB"):
            ask(1.0, 3.0)


def test_the_process_of_a_simulation_ends_with_it(tmp_path: Path) -> None:
    simulator = Simulator(dying(tmp_path))
    process = simulator._process
    assert process.poll() is None
    del simulator
    assert process.poll() == 0


def test_only_the_form_that_breaks_off_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = dying(tmp_path)
    monkeypatch.setattr(simulation, "compile_project", lambda folder, name: library)
    source = source_of(random_network(NETWORK))
    settings = FormSettings(hls4ml=HlsConfig(nodes=24, edges=40))
    amounts = VerifyConfig(number=1, vectors=100, settings=settings)
    graphs = [random_graph(20, 40)]
    results = [
        verify_by_name(name, source, graphs, amounts, tmp_path, lambda done, of: None) for name in ("hls4ml", "integer")
    ]
    assert [result.failed for result in results] == [True, False]
    assert "broke off with status 1" in results[0].error

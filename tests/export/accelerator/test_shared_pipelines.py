"""A kernel is compiled once, for its vectors and for the lanes of the accelerator."""

from pathlib import Path

import numpy as np
from integer_networks import random_graph, random_integer_model

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.cases import kernel_vectors
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp

SMALL = NetworkDescription(
    "small",
    (Input("x", "node", (1.0, 1.0, 1.0)),),
    (
        Gather("x_source", "x", "source"),
        Gather("x_target", "x", "target"),
        Map("product", "multiply", ("x_source", "x_target")),
        Concat("pair", ("x_source", "product")),
        Mlp("score", "pair", (3, 1)),
    ),
    "score",
)


def test_the_accelerator_takes_the_pipelines_that_its_kernels_were_compiled_to(tmp_path: Path) -> None:
    model = random_integer_model(SMALL, 3)
    form = export_accelerator(model, tmp_path, AcceleratorConfig(nodes=8, edges=16))
    for kernel in ("product", "score"):
        vectors = kernel_vectors(model, kernel, 200, 1)
        np.testing.assert_array_equal(form.run_kernel(kernel, vectors), model.submodel(kernel).run(vectors)[kernel])

    def compiled() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "sim").glob("*.o")}

    before = compiled()
    assert len(before) == 3  # two pipelines and Verilator's runtime
    graph = random_graph(8, 16)
    np.testing.assert_array_equal(form.run_graph(graph)["score"], model.run_graph(graph)["score"])
    assert compiled() == before

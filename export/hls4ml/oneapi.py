"""The layers of `hls_layers` for hls4ml's oneAPI backend: each one a task between pipes (io_stream).

No compiler of Intel's has seen these kernels here: tests run them under g++ with stand-ins for pipes and tasks.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hls4ml.backends import get_backend
from hls4ml.backends.oneapi.oneapi_template import StreamFunctionCallTemplate, TaskSequenceTemplate
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate

from edgetrack.export.hls4ml.layers import (
    GRAPH_LAYERS,
    KERNELS,
    JoinColumns,
    RowDense,
    config_struct,
    graph_sizes,
    register_layers,
)

HEADER = "nnet_graph_oneapi.h"
LAYERS = (*GRAPH_LAYERS, RowDense, JoinColumns)


class GraphConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(LAYERS)

    def format(self, node: Any) -> str:
        if node.class_name == "JoinColumns":
            sizes = {name: node.get_attr(name) for name in ("beats", "lanes")}
            return config_struct(node, "dense_rows_config", sizes, {})
        if node.class_name != "RowDense":
            sizes, types = graph_sizes(node)
            if node.class_name == "ScatterMean":
                sizes["degree_bits"] = sizes["n_edge"].bit_length()
            return config_struct(node, "message_passing_config", sizes, types)
        weight = node.get_weights("weight")
        product = get_backend("oneAPI").product_type(node.get_input_variable().type.precision, weight.type.precision)
        types = {
            "accum_t": node.get_attr("accum_t").name,
            "weight_t": weight.type.name,
            "bias_t": node.get_weights("bias").type.name,
        }
        sizes = {name: node.get_attr(name) for name in ("beats", "lanes", "n_in", "n_out")}
        return config_struct(
            node,
            "dense_rows_config",
            sizes,
            types,
            ("template<class x_T, class y_T>", f"using product = nnet::product::{product}<x_T, y_T>;"),
        )


class GraphCall(FunctionCallTemplate):
    """hls4ml takes the includes from here; the call itself is for io_parallel."""

    def __init__(self) -> None:
        super().__init__(LAYERS, include_header=[f"nnet_utils/{HEADER}"])

    def format(self, node: Any) -> str:
        return ""


class GraphTask(TaskSequenceTemplate):
    def __init__(self) -> None:
        super().__init__(LAYERS)

    def format(self, node: Any) -> str:
        inputs = [node.get_input_variable(name).pipe_name for name in node.inputs]
        output, config = node.get_output_variable().pipe_name, f"config{node.index}"
        kernel = {"RowDense": "dense_rows", "JoinColumns": "join_columns"} | KERNELS
        arguments = [*inputs, output, config] if node.class_name == "RowDense" else [config, output, *inputs]
        return f"task_sequence<nnet::{kernel[node.class_name]}_stream<{', '.join(arguments)}>> {node.name};"


class GraphStart(StreamFunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(LAYERS)

    def format(self, node: Any) -> str:
        weights = {"RowDense": ("weight", "bias"), "ScatterMean": ("reciprocal",)}.get(node.class_name, ())
        return f"{node.name}.async({', '.join(node.get_weights(name).name for name in weights)});"


@cache
def register_oneapi() -> None:
    """Make the layers, their templates and their header known to hls4ml's oneAPI backend; once a process."""
    register_layers()
    backend = get_backend("oneAPI")
    for template in (GraphConfig, GraphCall, GraphTask, GraphStart):
        backend.register_template(template)
    header = resources.files("edgetrack.hls_projects").joinpath(f"hls4ml/{HEADER}")
    backend.register_source(Path(str(header)).resolve())

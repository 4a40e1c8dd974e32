"""The layers of `layers` for hls4ml's oneAPI backend: each one a task between pipes (io_stream).

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

from edgetrack.export.hls4ml.config_struct import config_struct
from edgetrack.export.hls4ml.graph_layers import KERNELS, graph_sizes
from edgetrack.export.hls4ml.layers import LAYERS, register_layers
from edgetrack.export.hls4ml.map_layers import map_function

HEADER = "nnet_graph_oneapi.h"
TASKS = KERNELS | {
    "RowDense": "dense_rows",
    "JoinColumns": "join_columns",
    "MapRows": "map_rows",
    "TableRows": "table_rows",
}
WEIGHTS = {"RowDense": ("weight", "bias"), "ScatterMean": ("reciprocal",), "TableRows": ("table",)}


class GraphConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(LAYERS)

    def format(self, node: Any) -> str:
        if node.class_name in KERNELS:
            sizes, types = graph_sizes(node)
            if node.class_name == "ScatterMean":
                sizes["degree_bits"] = sizes["n_edge"].bit_length()
            return config_struct(node, "message_passing_config", sizes, types)
        sizes = {name: node.get_attr(name) for name in ("beats", "lanes", "n_in", "n_out") if node.get_attr(name)}
        types = {f"{name}_t": node.get_weights(name).type.name for name in WEIGHTS.get(node.class_name, ())}
        more: tuple[str, ...] = ()
        if node.class_name == "MapRows":
            more = map_function(node)
        if node.class_name == "RowDense":
            types["accum_t"] = node.get_attr("accum_t").name
            weight = node.get_weights("weight").type.precision
            product = get_backend("oneAPI").product_type(node.get_input_variable().type.precision, weight)
            more = ("template<class x_T, class y_T>", f"using product = nnet::product::{product}<x_T, y_T>;")
        return config_struct(node, "dense_rows_config", sizes, types, more)


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
        arguments = [*inputs, output, config] if node.class_name == "RowDense" else [config, output, *inputs]
        return f"task_sequence<nnet::{TASKS[node.class_name]}_stream<{', '.join(arguments)}>> {node.name};"


class GraphStart(StreamFunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(LAYERS)

    def format(self, node: Any) -> str:
        weights = WEIGHTS.get(node.class_name, ())
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

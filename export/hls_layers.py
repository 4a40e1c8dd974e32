"""hls4ml layers for message passing: `EdgeGather`, `ScatterSum`, `ScatterMean` and `JoinColumns`.

The kernels are in hls_projects/hls4ml/nnet_message_passing.h. Importing this module imports hls4ml; `register` makes
the layers known to it, once a process.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer, layer_map, register_layer

HEADER = "nnet_message_passing.h"
INCLUDES = [f"nnet_utils/{HEADER}"]


class EdgeGather(Layer):
    """Inputs: node value (n_node, width), index (n_edge, 1). Output (n_edge, width)."""

    _expected_attributes = [Attribute("n_node"), Attribute("n_edge"), Attribute("width")]  # noqa: RUF012

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["n_edge"], self.attributes["width"]])


class ScatterSum(Layer):
    """Inputs: edge value (n_edge, width), index (n_edge, 1). Output (n_node, width)."""

    _expected_attributes = [  # noqa: RUF012
        Attribute("n_node"), Attribute("n_edge"), Attribute("width"), TypeAttribute("accum"),
    ]

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["n_node"], self.attributes["width"]])


class ScatterMean(Layer):
    """As ScatterSum, times `reciprocal_data` (n_edge + 1,) at the node's number of edges."""

    _expected_attributes = [  # noqa: RUF012
        Attribute("n_node"), Attribute("n_edge"), Attribute("width"), TypeAttribute("accum"),
        WeightAttribute("reciprocal"), TypeAttribute("reciprocal"),
    ]

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["n_node"], self.attributes["width"]])
        self.add_weights_variable(name="reciprocal", var_name="reciprocal{index}")


class JoinColumns(Layer):
    """Inputs: any number of values (rows, widths[i]). Output (rows, Σ widths)."""

    _expected_attributes = [Attribute("rows"), Attribute("widths", value_type=list)]  # noqa: RUF012

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["rows"], sum(self.attributes["widths"])])


GRAPH_LAYERS = (EdgeGather, ScatterSum, ScatterMean)


class MessagePassingConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(GRAPH_LAYERS)

    def format(self, node: Any) -> str:
        lines = [f"static const unsigned {key} = {node.get_attr(key)};" for key in ("n_node", "n_edge", "width")]
        lines.append(f"static const unsigned reuse_factor = {node.get_attr('reuse_factor')};")
        if node.class_name != "EdgeGather":
            lines.append(f"typedef {node.get_attr('accum_t').name} accum_t;")
        if node.class_name == "ScatterMean":
            lines.append(f"typedef {node.get_weights('reciprocal').type.name} reciprocal_t;")
            lines.append(f"typedef ap_uint<{node.get_attr('n_edge').bit_length()}> degree_t;")
        body = "".join(f"    {line}\n" for line in lines)
        return f"struct config{node.index} : nnet::message_passing_config {{\n{body}}};\n"


class MessagePassingCall(FunctionCallTemplate):
    KERNELS = {"EdgeGather": "edge_gather", "ScatterSum": "scatter_sum",  # noqa: RUF012
               "ScatterMean": "scatter_mean"}

    def __init__(self) -> None:
        super().__init__(GRAPH_LAYERS, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        variables = [*(node.get_input_variable(name) for name in node.inputs), node.get_output_variable()]
        types = ", ".join([*(variable.type.name for variable in variables), f"config{node.index}"])
        arguments = [variable.name for variable in variables]
        if node.class_name == "ScatterMean":
            arguments.append(node.get_weights("reciprocal").name)
        return f"nnet::{self.KERNELS[node.class_name]}<{types}>({', '.join(arguments)});"


class JoinColumnsCall(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(JoinColumns, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        names = [node.get_output_variable().name, *(node.get_input_variable(name).name for name in node.inputs)]
        sizes, widths = [node.get_attr("rows")], node.get_attr("widths")
        if node.model.config.get_config_value("IOType") == "io_parallel":
            sizes += [sum(widths), *widths]
        return f"nnet::join_columns<{', '.join(map(str, sizes))}>({', '.join(names)});"


def register(backend_name: str) -> None:
    """Make the layers, their templates and their header known to hls4ml's backend; again changes nothing."""
    if layer_map.get("EdgeGather") is EdgeGather:
        return
    for layer in (*GRAPH_LAYERS, JoinColumns):
        register_layer(layer.__name__, layer)
    backend = get_backend(backend_name)
    for template in (MessagePassingConfig, MessagePassingCall, JoinColumnsCall):
        backend.register_template(template)
    header = resources.files("edgetrack.hls_projects").joinpath(f"hls4ml/{HEADER}")
    backend.register_source(Path(str(header)).resolve())

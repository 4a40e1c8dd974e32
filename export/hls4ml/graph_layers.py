"""hls4ml layers between domains: `EdgeGather`, `ScatterSum`, `ScatterMax` and `ScatterMean`.

Edges stand for the elements of any domain with an end (edges, triplets, pairs), nodes for those that the end lies in
(nodes, edges, tokens). A value of `beats` × `lanes` rows has the shape (beats, lanes · width), so that one word of a
stream holds a row a lane. The kernels are in hls_projects/hls4ml.
"""

from __future__ import annotations

from typing import Any

from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer

from edgetrack.export.hls4ml.config_struct import INCLUDES, config_struct

SIZES = ("node_beats", "node_lanes", "edge_beats", "edge_lanes", "width")


class EdgeGather(Layer):
    """Inputs: node value, index (one column of node numbers). Output: on edges, of the value's width."""

    _expected_attributes = [Attribute(name) for name in SIZES]  # noqa: RUF012

    def initialize(self) -> None:
        sizes = self.attributes
        self.add_output_variable([sizes["edge_beats"], sizes["edge_lanes"] * sizes["width"]])


class ScatterSum(Layer):
    """Inputs: edge value, index (one column of node numbers). Output: on nodes, of the value's width."""

    _expected_attributes = [*(Attribute(name) for name in SIZES), TypeAttribute("accum")]  # noqa: RUF012

    def initialize(self) -> None:
        sizes = self.attributes
        self.add_output_variable([sizes["node_beats"], sizes["node_lanes"] * sizes["width"]])


class ScatterMax(ScatterSum):
    """As ScatterSum, the largest value instead; the accumulator has a code below every value."""


class ScatterMean(ScatterSum):
    """As ScatterSum, times `reciprocal_data` (edges + 1,) at the node's number of edges."""

    _expected_attributes = [  # noqa: RUF012
        *ScatterSum._expected_attributes,
        WeightAttribute("reciprocal"),
        TypeAttribute("reciprocal"),
    ]

    def initialize(self) -> None:
        super().initialize()
        self.add_weights_variable(name="reciprocal", var_name="reciprocal{index}")


GRAPH_LAYERS = (EdgeGather, ScatterSum, ScatterMax, ScatterMean)
KERNELS = {
    "EdgeGather": "edge_gather",
    "ScatterSum": "scatter",
    "ScatterMax": "scatter",
    "ScatterMean": "scatter_mean",
}


def graph_sizes(node: Any) -> tuple[dict[str, int], dict[str, str]]:
    """Constants and types of a graph layer's configuration in C++."""
    sizes = {name: node.get_attr(name) for name in SIZES}
    sizes |= {f"n_{domain}": sizes[f"{domain}_beats"] * sizes[f"{domain}_lanes"] for domain in ("node", "edge")}
    sizes["columns"] = sizes["width"] + (node.class_name == "ScatterMean")
    types = {}
    if node.class_name != "EdgeGather":
        reduction = "largest" if node.class_name == "ScatterMax" else "summed"
        types["accum_t"] = node.get_attr("accum_t").name
        types["reduction"] = f"nnet::{reduction}<accum_t>"
    if node.class_name == "ScatterMean":
        types["reciprocal_t"] = node.get_weights("reciprocal").type.name
    return sizes, types


class MessagePassingConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(GRAPH_LAYERS)

    def format(self, node: Any) -> str:
        sizes, types = graph_sizes(node)
        sizes["reuse_factor"] = node.get_attr("reuse_factor")
        if node.class_name == "ScatterMean":
            types["degree_t"] = f"ap_uint<{sizes['n_edge'].bit_length()}>"
        return config_struct(node, "message_passing_config", sizes, types)


class MessagePassingCall(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(GRAPH_LAYERS, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        variables = [*(node.get_input_variable(name) for name in node.inputs), node.get_output_variable()]
        types = ", ".join([*(variable.type.name for variable in variables), f"config{node.index}"])
        arguments = [variable.name for variable in variables]
        if node.class_name == "ScatterMean":
            arguments.append(node.get_weights("reciprocal").name)
        return f"nnet::{KERNELS[node.class_name]}<{types}>({', '.join(arguments)});"

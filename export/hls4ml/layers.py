"""hls4ml layers on graphs: `EdgeGather`, `ScatterSum`, `ScatterMean`, `RowDense` and `JoinColumns`.

A value of `beats` × `lanes` rows has the shape (beats, lanes · width), so that one word of a stream holds a row a lane.
The kernels are in hls_projects/hls4ml. Importing this module imports hls4ml; `register` makes the layers known to it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer, register_layer

HEADERS = ("nnet_rows.h", "nnet_message_passing.h", "nnet_message_passing_stream.h")
INCLUDES = [f"nnet_utils/{header}" for header in HEADERS]
SIZES = ("node_beats", "node_lanes", "edge_beats", "edge_lanes", "width")


class EdgeGather(Layer):
    """Inputs: node value, index (one column of node numbers). Output: on edges, of the value's width."""

    _expected_attributes = [Attribute(name) for name in SIZES]  # noqa: RUF012

    def initialize(self) -> None:
        made = self.attributes
        self.add_output_variable([made["edge_beats"], made["edge_lanes"] * made["width"]])


class ScatterSum(Layer):
    """Inputs: edge value, index (one column of node numbers). Output: on nodes, of the value's width."""

    _expected_attributes = [*(Attribute(name) for name in SIZES), TypeAttribute("accum")]  # noqa: RUF012

    def initialize(self) -> None:
        made = self.attributes
        self.add_output_variable([made["node_beats"], made["node_lanes"] * made["width"]])


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


class RowDense(Layer):
    """A linear layer of every row, one copy of it a lane. hls4ml's own, on rows, takes them one after another.

    `weight_data` is (n_in, n_out).
    """

    _expected_attributes = [  # noqa: RUF012
        *(Attribute(name) for name in ("beats", "lanes", "n_in", "n_out")),
        TypeAttribute("accum"),
        WeightAttribute("weight"),
        WeightAttribute("bias"),
        TypeAttribute("weight"),
        TypeAttribute("bias"),
    ]

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["beats"], self.attributes["lanes"] * self.attributes["n_out"]])
        self.add_weights()
        self.add_bias()
        if self.model.config.is_resource_strategy(self):
            self.weights["weight"].data = self.weights["weight"].data.T.copy()  # the order its kernel reads them in


class JoinColumns(Layer):
    """Inputs: any number of values of `widths` columns. Output: all columns side by side."""

    _expected_attributes = [  # noqa: RUF012
        Attribute("beats"),
        Attribute("lanes"),
        Attribute("widths", value_type=list),
    ]

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["beats"], self.attributes["lanes"] * sum(self.attributes["widths"])])


GRAPH_LAYERS = (EdgeGather, ScatterSum, ScatterMean)
KERNELS = {"EdgeGather": "edge_gather", "ScatterSum": "scatter_sum", "ScatterMean": "scatter_mean"}


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


class RowDenseConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(RowDense)

    def format(self, node: Any) -> str:
        weight = node.get_weights("weight")
        made = {name: node.get_attr(name) for name in ("beats", "lanes", "n_in", "n_out", "reuse_factor")}
        strategy = node.model.config.get_strategy(node).lower()
        made["n_zeros"] = weight.nzeros
        reuse = made["reuse_factor"]  # the Latency kernel shares that few multipliers
        made["multiplier_limit"] = -(-weight.data_length // reuse) - weight.nzeros // reuse
        made["strategy"] = f"nnet::{strategy}"
        types = {name: node.get_attr(name).name for name in ("accum_t", "weight_t", "bias_t")}
        kernel = "DenseLatency"
        if strategy == "resource":
            kernel = "DenseResource_rf_leq_nin" if reuse <= made["n_in"] else "DenseResource_rf_gt_nin_rem0"
        product = get_backend("vivado").product_type(node.get_input_variable().type.precision, weight.type.precision)
        return config_struct(
            node,
            "dense_rows_config",
            made,
            types,
            (
                "template<class data_T, class res_T, class CONFIG_T>",
                f"using kernel = nnet::{kernel}<data_T, res_T, CONFIG_T>;",
                "template<class x_T, class y_T>",
                f"using product = nnet::product::{product}<x_T, y_T>;",
            ),
        )


class RowDenseCall(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(RowDense, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        source, made = node.get_input_variable(), node.get_output_variable()
        weights = ", ".join(node.get_weights(name).name for name in ("weight", "bias"))
        return (
            f"nnet::dense_rows<{source.type.name}, {made.type.name}, config{node.index}>"
            f"({source.name}, {made.name}, {weights});"
        )


class JoinColumnsCall(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(JoinColumns, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        names = [node.get_output_variable().name, *(node.get_input_variable(name).name for name in node.inputs)]
        beats, lanes, widths = (node.get_attr(name) for name in ("beats", "lanes", "widths"))
        sizes = [beats, lanes]
        if node.model.config.get_config_value("IOType") == "io_parallel":
            sizes = [beats * lanes, sum(widths), *widths]
        return f"nnet::join_columns<{', '.join(map(str, sizes))}>({', '.join(names)});"


def graph_sizes(node: Any) -> tuple[dict[str, int], dict[str, str]]:
    """Constants and types of a graph layer's configuration in C++."""
    sizes = {name: node.get_attr(name) for name in SIZES}
    sizes |= {f"n_{domain}": sizes[f"{domain}_beats"] * sizes[f"{domain}_lanes"] for domain in ("node", "edge")}
    sizes["columns"] = sizes["width"] + (node.class_name == "ScatterMean")
    types = {}
    if node.class_name != "EdgeGather":
        types["accum_t"] = node.get_attr("accum_t").name
    if node.class_name == "ScatterMean":
        types["reciprocal_t"] = node.get_weights("reciprocal").type.name
    return sizes, types


def config_struct(
    node: Any, base: str, constants: dict[str, Any], types: dict[str, str], more: tuple[str, ...] = ()
) -> str:
    """The struct that a kernel is configured by, derived from `base`."""
    lines = [f"static const unsigned {name} = {value};" for name, value in constants.items()]
    lines += [f"typedef {value} {name};" for name, value in types.items()]
    body = "".join(f"    {line}\n" for line in (*lines, *more))
    return f"struct config{node.index} : nnet::{base} {{\n{body}}};\n"


@cache
def register_layers() -> None:
    """Make the layers known to hls4ml; once a process."""
    for layer in (*GRAPH_LAYERS, RowDense, JoinColumns):
        register_layer(layer.__name__, layer)


@cache
def register(backend_name: str) -> None:
    """Make the layers, their templates and their headers known to one of hls4ml's backends; once a process."""
    register_layers()
    backend = get_backend(backend_name)
    for template in (MessagePassingConfig, MessagePassingCall, RowDenseConfig, RowDenseCall, JoinColumnsCall):
        backend.register_template(template)
    for name in HEADERS:
        header = resources.files("edgetrack.hls_projects").joinpath(f"hls4ml/{name}")
        backend.register_source(Path(str(header)).resolve())

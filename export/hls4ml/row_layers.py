"""hls4ml layers of matrices: `RowDense`, a linear layer of each row, and `JoinColumns`.

A value of `beats` × `lanes` rows has the shape (beats, lanes · width), so that one word of a stream holds a row a lane.
The kernels are in hls_projects/hls4ml.
"""

from __future__ import annotations

from typing import Any

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer

from edgetrack.export.hls4ml.config_struct import INCLUDES, config_struct


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


ROW_LAYERS = (RowDense, JoinColumns)


class RowDenseConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(RowDense)

    def format(self, node: Any) -> str:
        weight = node.get_weights("weight")
        sizes = {name: node.get_attr(name) for name in ("beats", "lanes", "n_in", "n_out", "reuse_factor")}
        strategy = node.model.config.get_strategy(node).lower()
        sizes["n_zeros"] = weight.nzeros
        reuse = sizes["reuse_factor"]  # the Latency kernel shares that few multipliers
        sizes["multiplier_limit"] = -(-weight.data_length // reuse) - weight.nzeros // reuse
        sizes["strategy"] = f"nnet::{strategy}"
        types = {name: node.get_attr(name).name for name in ("accum_t", "weight_t", "bias_t")}
        kernel = "DenseLatency"
        if strategy == "resource":
            kernel = "DenseResource_rf_leq_nin" if reuse <= sizes["n_in"] else "DenseResource_rf_gt_nin_rem0"
        product = get_backend("vivado").product_type(node.get_input_variable().type.precision, weight.type.precision)
        return config_struct(
            node,
            "dense_rows_config",
            sizes,
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
        source, result = node.get_input_variable(), node.get_output_variable()
        weights = ", ".join(node.get_weights(name).name for name in ("weight", "bias"))
        return (
            f"nnet::dense_rows<{source.type.name}, {result.type.name}, config{node.index}>"
            f"({source.name}, {result.name}, {weights});"
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

"""hls4ml layers of arithmetic and functions: `MapRows` and `TableRows`. The kernels are in hls_projects/hls4ml."""

from __future__ import annotations

from typing import Any

from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer

from edgetrack.export.hls4ml.config_struct import INCLUDES, config_struct

SIZES = ("beats", "lanes", "width")


class MapRows(Layer):
    """Inputs: any values. Output: `width` columns, computed by the C++ statements `body` (`traced.map_body`)."""

    _expected_attributes = [  # noqa: RUF012
        *(Attribute(name) for name in SIZES),
        Attribute("body", value_type=list),
    ]

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["beats"], self.attributes["lanes"] * self.attributes["width"]])


class TableRows(Layer):
    """A function of each number: `table_data` (2^bits of the source,), in the order of the source's raw bits."""

    _expected_attributes = [  # noqa: RUF012
        *(Attribute(name) for name in SIZES),
        WeightAttribute("table"),
        TypeAttribute("table"),
    ]

    def initialize(self) -> None:
        self.add_output_variable([self.attributes["beats"], self.attributes["lanes"] * self.attributes["width"]])
        self.add_weights_variable(name="table", var_name="table{index}")


MAP_LAYERS = (MapRows, TableRows)


def map_function(node: Any, pragmas: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The lines of CONFIG_T::map: one row of a `MapRows` layer."""
    parts = range(len(node.inputs))
    classes = ", ".join(["class res_T", *(f"class part{i}_T" for i in parts)])
    arguments = ", ".join(["const unsigned row", "res_T &res", *(f"const part{i}_T &part{i}" for i in parts)])
    return (
        f"template<{classes}>",
        f"static void map({arguments}) {{",
        *(f"    {line}" for line in (*pragmas, *node.get_attr("body"))),
        "}",
    )


class MapRowsConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(MapRows)

    def format(self, node: Any) -> str:
        sizes = {name: node.get_attr(name) for name in SIZES}
        return config_struct(node, "dense_rows_config", sizes, {}, map_function(node, ("#pragma HLS INLINE",)))


class MapRowsCall(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(MapRows, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        names = [node.get_output_variable().name, *(node.get_input_variable(name).name for name in node.inputs)]
        return f"nnet::map_rows<config{node.index}>({', '.join(names)});"


class TableRowsConfig(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(TableRows)

    def format(self, node: Any) -> str:
        table = node.get_weights("table")
        sizes = {name: node.get_attr(name) for name in SIZES} | {"entries": table.data_length}
        return config_struct(node, "dense_rows_config", sizes, {"table_t": table.type.name})


class TableRowsCall(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(TableRows, include_header=INCLUDES)

    def format(self, node: Any) -> str:
        source, result = node.get_input_variable(), node.get_output_variable()
        return (
            f"nnet::table_rows<{source.type.name}, {result.type.name}, config{node.index}>"
            f"({source.name}, {result.name}, {node.get_weights('table').name});"
        )

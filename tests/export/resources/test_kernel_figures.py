"""Adders and registers of pipelines, counted by hand on three stages, and on alkaid's own."""

from pathlib import Path

import numpy as np
from integer_networks import random_integer_model

from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.export.exploration.representative_model import FIRST, representative_model
from edgetrack.export.resources.kernel_figures import KernelFigures, kernel_figures, registers
from edgetrack.export.rtl.kernel import RtlKernel, make_kernel
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Concat, Input, Map, Table
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.recipe import PrecisionRecipe

# v0 waits through two stages; v1 is added to it in the first one as well, so its register there is one of its own.
WAITS = """
    wire [3:0] v0; assign v0[3:0] = model_inp[3:0];
    wire [3:0] v1; assign v1[3:0] = model_inp[7:4];
    wire [4:0] v2; shift_adder #(4,4,0,0,5,0,0,0) op_2 (v1[3:0],v1[3:0],v2[4:0]);
    assign model_out[3:0] = v0[3:0];
    assign model_out[8:4] = v2[4:0];
"""
WAITS_AGAIN = """
    wire [3:0] v0; assign v0[3:0] = model_inp[3:0];
    wire [4:0] v1; assign v1[4:0] = model_inp[8:4];
    wire [7:0] v2; ternary_adder #(5,0,0,0,5,0,0,1,5,0,0,2,8,0) op_2 (v1[4:0],v1[4:0],v1[4:0],v2[7:0]);
    assign model_out[3:0] = v0[3:0];
    assign model_out[11:4] = v2[7:0];
"""


def test_a_bit_that_only_waits_for_three_registers_is_a_shift_register() -> None:
    # Before: 8 bits; between: 4 + 5; after: 4 + 8. The 4 bits of v0 pass three registers: 4 shift registers.
    assert registers([WAITS, WAITS_AGAIN], 8) == (4 + 5 + 8, 4)
    # A stage shorter, they pass two: flip-flops.
    assert registers([WAITS], 8) == (8 + 4 + 5, 0)


def test_a_bit_that_is_used_on_its_way_is_not() -> None:
    used = WAITS.replace("(v1[3:0],v1[3:0]", "(v0[3:0],v1[3:0]")
    assert registers([used, WAITS_AGAIN], 8) == (8 + 4 * 2 + 5 + 8, 0)


def test_bits_are_counted_where_operands_overlap() -> None:
    sources = {"k_logic0.v": WAITS, "k_logic1.v": WAITS_AGAIN}
    kernel = RtlKernel("k", ("x",), (Format(8, 0),), (Format(12, 0),), sources, 2, 0, 0)
    # The ternary adder's lowest bit is that of its first operand alone.
    assert kernel_figures(kernel) == KernelFigures(5, 7, 17, 4, 3)


def test_registers_of_alkaids_pipelines_are_all_counted(tmp_path: Path) -> None:
    model = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=3, effects=2)), 1)
    kernel = make_kernel(model, "phi_o", 2.0, 5.0)
    figures = kernel_figures(kernel)
    assert figures.cycles == kernel.latency_cycles + 1
    # Each shift register stands for three or more of alkaid's registers; the input's register is not among those.
    width = sum(fmt.bits for fmt in kernel.inputs)
    assert figures.flip_flops + 3 * figures.shift_registers <= kernel.register_bits + width
    assert figures.flip_flops + figures.cycles * figures.shift_registers >= 0.9 * kernel.register_bits
    library = KernelLibrary(tmp_path)
    first = library.figures(model, RtlConfig(latency_cutoff=2.0))
    assert first["phi_o"] == figures
    assert library.figures(model, RtlConfig(latency_cutoff=2.0)) == first
    assert library.figures(model, RtlConfig(latency_cutoff=5.0))["phi_o"].cycles < figures.cycles


def test_drawn_weights_have_the_stated_widths_and_statistics() -> None:
    description = interaction_network(InteractionNetworkConfig(hidden=32))
    recipe = PrecisionRecipe(weight_bits=5, activation_bits=7, aggregation_bits=6)
    model = representative_model(description, recipe, seed=2)
    assert {layer.weight_format.bits for mlp in model.layers.values() for layer in mlp} == {5}
    assert model.formats["phi_o"].bits == 7
    assert model.formats["aggregate"].bits == 6
    first = model.layers["phi_r1"][0]
    assert abs((first.weight == 0).mean() - FIRST.zeros) < 0.02
    assert abs(first.weight.std() / first.weight_format.highest - FIRST.spread) < 0.06
    again = representative_model(description, recipe, seed=2)
    assert all(
        np.array_equal(one.weight, other.weight)
        for name in model.layers
        for one, other in zip(model.layers[name], again.layers[name], strict=True)
    )
    assert not np.array_equal(first.weight, representative_model(description, recipe, 3).layers["phi_r1"][0].weight)


def test_multipliers_and_tables_are_counted_where_they_stand() -> None:
    description = NetworkDescription(
        "products",
        (Input("a", "node", (1.0,) * 3), Input("b", "node", (1.0,) * 3)),
        (
            Map("product", "multiply", ("a", "b")),
            Map("inner", "dot", ("a", "b")),
            Table("bent", "silu", "a"),
            Concat("joined", ("product", "inner", "bent")),
        ),
        "joined",
    )
    model = random_integer_model(description)
    figures = {name: kernel_figures(make_kernel(model, name, 2.0, 5.0)) for name in ("product", "inner", "bent")}
    assert {name: one.multipliers for name, one in figures.items()} == {"product": 3, "inner": 3, "bent": 0}
    assert figures["product"].table_luts == 0
    made = model.tables["bent"]  # 8-bit codes: four LUTs of 64 entries a bit that is not the same everywhere
    bits = max(int(made.max()).bit_length(), int(-made.min() - 1).bit_length()) + 1
    assert figures["bent"].table_luts == 3 * bits * 4

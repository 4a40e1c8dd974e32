"""The products of sums and reciprocals, in LUTs or in DSP slices: the same integers in the same clocks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from integer_networks import flip_lsb, random_graph, random_integer_model
from quantized_networks import random_network, source_of

from edgetrack.export.accelerator.cycles import sum_cycles
from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig, make_plan
from edgetrack.export.accelerator.resource_model import part_resources
from edgetrack.export.accelerator.simulation import Stalls
from edgetrack.export.accelerator.sum_verilog import sum_widths
from edgetrack.export.resources.part_resources import Inner
from edgetrack.export.rtl import verilator
from edgetrack.export.synthesis.yosys import Resources, estimate_resources
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Gather, Input, Map, Mlp, Scatter
from edgetrack.quantize.recipe import PrecisionRecipe

FOLDER = Path(__file__).parents[3] / "hls_projects" / "rtl" / "accelerator"
PARTS = ("multiply", "wide_multiplier", "delay_line", "adder_tree")
SOURCES = {f"{name}.v": (FOLDER / f"{name}.v").read_text() for name in PARTS}
SIZES = ((2, 11), (18, 17), (19, 23), (24, 26), (36, 26))  # bits of numbers, of factors: one slice, two, three
LEVELS, BITS, FACTOR = 5, 36, 26
MEAN = NetworkDescription(
    "mean",
    (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4)),
    (
        Mlp("message", "edge_attr", (3,)),
        Scatter("mean", "message", "mean"),
        Map("moved", "add", ("mean", "x")),
        Gather("there", "moved", "target"),
        Map("result", "add", ("there", "message")),
    ),
    "result",
)


def side_by_side() -> tuple[str, int]:
    """Verilog of a pipeline from two numbers and a factor to the products of every size, first in LUTs, then in DSP
    slices; and the bits of what leaves it. Each size takes the lowest bits of what comes."""
    instances, place = [], 0
    for (bits, factor), dsp in itertools.product(SIZES, (0, 1)):
        out = bits + factor - 1
        instances.append(f"""
    multiply #(.COLUMNS(2), .BITS({bits}), .FACTOR_BITS({factor}), .LEVELS({LEVELS}), .OUT_BITS({out}), .DSP({dsp}))
        of_{bits}_{factor}_{dsp} (.clk(clk), .values({{model_inp[{BITS} +: {bits}], model_inp[0 +: {bits}]}}),
        .factor(late[{factor - 1}:0]), .products(model_out[{place} +: {2 * out}]));""")
        place += 2 * out
    ports = f"input wire clk, input wire [{2 * BITS + FACTOR - 1}:0] model_inp, output wire [{place - 1}:0] model_out"
    text = f"""
module products ({ports});
    reg [{FACTOR - 1}:0] late;
    always @(posedge clk) late <= model_inp[{2 * BITS} +: {FACTOR}];{"".join(instances)}
endmodule
"""
    return text, place


def to_words(value: int, bits: int) -> list[int]:
    return [(value >> start) & 0xFFFFFFFF for start in range(0, bits, 32)]


def test_products_are_exact_one_a_clock(tmp_path: Path) -> None:
    text, out_bits = side_by_side()
    rng = np.random.default_rng(1)
    edges = [e + d for e in (0, 1 << 17, -(1 << 17), 1 << 23, -(1 << 23), 1 << 34, -(1 << 35)) for d in (-1, 0, 1)]
    factors = [0, 1, 1 << 10, (1 << 22) - 1, 1 << 22, (1 << 26) - 1]
    corners = list(itertools.product((e for e in edges if e >= -(1 << 35)), edges[1:3], factors))
    random = rng.integers((-(1 << 35), -(1 << 35), 0), (1 << 35, 1 << 35, 1 << 26), (800, 3)).tolist()
    cases = [*corners, *map(tuple, random)]
    mask = (1 << BITS) - 1
    packed = [to_words((a & mask) | (b & mask) << BITS | f << 2 * BITS, 2 * BITS + FACTOR) for a, b, f in cases]
    bench = verilator.testbench("pipeline_sim.cpp")
    library = verilator.build_simulation(
        SOURCES | {"products.v": text}, "products", bench, tmp_path, (f"-DLATENCY={LEVELS}",)
    )
    got = verilator.PipelineLibrary(library).run(np.array(packed, np.uint32), -(-out_bits // 32))
    rows = [sum(int(word) << (32 * k) for k, word in enumerate(row)) for row in got]
    place = 0
    for (bits, factor), _ in itertools.product(SIZES, (0, 1)):
        out = bits + factor - 1
        for number in range(2):
            found = [row >> place & (1 << out) - 1 for row in rows]
            signed = [((case[number] + (1 << bits - 1)) & (1 << bits) - 1) - (1 << bits - 1) for case in cases]
            own = [case[2] & (1 << factor) - 1 for case in cases]
            assert found == [value * by & (1 << out) - 1 for value, by in zip(signed, own, strict=True)], (bits, factor)
            assert len(set(found)) > 300
            place += out


def test_an_accelerator_whose_means_are_multiplied_in_slices_equals_the_integers(tmp_path: Path) -> None:
    model = random_integer_model(MEAN, 2)
    plain = AcceleratorConfig(18, 2100, 2, 1, 2, 2)
    form = export_accelerator(model, tmp_path, replace(plain, mean_multipliers="dsp"))
    assert sum_widths(form.plan, 128, 8)[1] > 18  # two slices for each product
    sizes = [(18, 2100, 8.0), (1, 2000, 8.0), (3, 2000, 1.0), *((9, n, 4.0) for n in range(60)), (0, 0, 1.0)]
    graphs = [random_graph(nodes, edges, seed, spread) for seed, (nodes, edges, spread) in enumerate(sizes)]
    twin = flip_lsb(model, model.description.mlps[0].name)
    output, noticed = model.description.output, 0
    for graph, received in zip(graphs, form.run_graphs(graphs, Stalls(0.3, 0.3, 0.3, seed=4)), strict=True):
        np.testing.assert_array_equal(received.codes, model.run_graph(graph)[output], err_msg=graph.name)
        noticed += not np.array_equal(received.codes, twin.run_graph(graph)[output])
    assert noticed > 10
    (alone,) = form.run_graphs(graphs[:1])
    assert alone.last_logit - alone.first_node == form.formula.latency(18, 2100)
    assert sum_cycles(form.plan, "mean") == sum_cycles(make_plan(model, plain), "mean")


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "factor"), SIZES[1:3])
def test_the_formulas_follow_yosys(bits: int, factor: int, tmp_path: Path) -> None:
    out, counted, formula = bits + factor - 1, {}, {}
    for dsp in (0, 1):
        parameters = {"COLUMNS": 2, "BITS": bits, "FACTOR_BITS": factor, "LEVELS": LEVELS, "OUT_BITS": out, "DSP": dsp}
        given = ", ".join(f".{name}({value})" for name, value in parameters.items())
        top = f"""
module top (input wire clk, input wire [{2 * bits - 1}:0] v, input wire [{factor - 1}:0] f,
            output wire [{2 * out - 1}:0] p);
    multiply #({given}) unit (.clk(clk), .values(v), .factor(f), .products(p));
endmodule
"""
        counted[dsp] = estimate_resources(SOURCES | {"top.v": top}, "top", tmp_path)
        formula[dsp] = part_resources(Inner("multiply", parameters))
    slices = 2 * -(-(bits - 1) // 17)
    assert (counted[0].dsp, counted[1].dsp) == (0, slices)
    assert counted[1].lut < counted[0].lut / 8
    assert amounts(counted[1]) == pytest.approx([formula[1].lut, formula[1].ff, formula[1].carry4, slices])
    assert formula[1].dsp == slices
    assert amounts(counted[0]) == pytest.approx([formula[0].lut, formula[0].ff, formula[0].carry4, 0], rel=0.1)


def amounts(resources: Resources) -> list[int]:
    return [resources.lut, resources.ff, resources.carry4, resources.dsp]


def test_reciprocals_wider_than_a_slice_are_refused() -> None:
    config = AcceleratorConfig(18, 36, mean_multipliers="dsp")
    for degree in (32768, 32769):
        recipe = PrecisionRecipe(bias_bits=20, max_degree=degree)
        model = source_of(random_network(MEAN, recipe)).model
        if degree == 32768:
            make_plan(model, config)
        else:
            with pytest.raises(ValueError, match="have 27 bits, and mean_multipliers 'dsp' take 26; take 'lut'"):
                make_plan(model, config)
            make_plan(model, replace(config, mean_multipliers="lut"))
    with pytest.raises(ValueError, match="mean_multipliers is 'carry'"):
        replace(config, mean_multipliers="carry")  # type: ignore[arg-type]

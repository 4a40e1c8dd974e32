"""The accelerator behind pins: the same logits, out of words."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model
from mixed_formats import with_one_lsb_flipped
from numpy.typing import NDArray

from edgetrack.export.accelerator import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator_plan import AcceleratorConfig
from edgetrack.export.accelerator_simulation import LINT
from edgetrack.export.accelerator_streams import CodedGraph, Stream, edge_stream, node_stream, read_logits
from edgetrack.export.accelerator_verilog import TOP
from edgetrack.export.pin_harness import StreamPort, pin_harness, stream_ports
from edgetrack.export.verilator import build_simulation
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

IN = interaction_network(InteractionNetworkConfig(hidden=3, effects=2))
TESTBENCH = Path(__file__).parents[2] / "hls_projects" / "rtl" / "pins_sim.cpp"
MODULE = """\
module thing #(
    parameter A = 1
) (
    input wire clk,  // one
    input wire rst,
    input wire in_tvalid,
    output wire in_tready,
    input wire [9:0] in_tdata,
    input wire in_tlast,
    output wire out_tvalid,
    input wire out_tready,
    output reg [6:0] out_tdata
);
endmodule
"""


def words(stream: Stream, port: StreamPort, lanes: int, word_bits: int) -> NDArray[np.uint32]:
    """Words of a stream's rows as the harness takes them."""
    bits = dict(port.fields)
    made = []
    for data, keep, last in zip(stream.data, stream.keep, stream.last, strict=True):
        row = sum(int(word) << 32 * index for index, word in enumerate(data))
        row |= (int(keep[0]) | int(last) << lanes) << bits["tdata"]
        made += [row >> word_bits * index & (1 << word_bits) - 1 for index in range(port.words(word_bits))]
    return np.array(made, np.uint32)


def run_pins(form: AcceleratorForm, graphs: list[CodedGraph], word_bits: int, pause: float) -> list[np.ndarray]:
    """(E, width) codes of each graph through the pins."""
    top, sources = pin_harness(dict(form.sources), TOP, word_bits)
    library = build_simulation(sources, top, TESTBENCH.read_text(), form.folder / "sim", options=LINT)
    node, edge, logit = stream_ports("\n".join(sources.values()), TOP)
    lanes = form.plan.config.edge_lanes
    edges = edge_stream(form.plan, graphs)
    sent = [words(node_stream(form.plan, graphs), node, form.plan.config.node_lanes, word_bits),
            words(edges, edge, lanes, word_bits)]
    got = np.zeros(len(edges.last) * logit.words(word_bits), np.uint32)
    simulate = ctypes.CDLL(str(library)).simulate
    simulate.restype = ctypes.c_uint64
    simulate.argtypes = [kind for _ in range(3) for kind in (ctypes.c_void_p, ctypes.c_uint64)] + [
        ctypes.c_uint32, ctypes.c_uint64, ctypes.c_uint64]
    assert simulate(sent[0].ctypes.data, len(sent[0]), sent[1].ctypes.data, len(sent[1]), got.ctypes.data, len(got),
                    int(pause * 65536), 1, 10_000) == len(got)
    rows = [sum(int(word) << word_bits * index for index, word in enumerate(row))
            for row in got.reshape(-1, logit.words(word_bits))]
    bits = dict(logit.fields)
    keep = np.array([[row >> bits["tdata"] & (1 << lanes) - 1, 0] for row in rows], np.uint32)
    last = np.array([row >> bits["tdata"] + lanes & 1 for row in rows])
    assert not any(row >> bits["tdata"] + lanes + 1 for row in rows)  # no overflow, nothing above it
    data = np.array([[row >> 32 * i & 0xFFFFFFFF for i in range(-(-bits["tdata"] // 32))] for row in rows], np.uint32)
    ends = np.flatnonzero(last) + 1
    return [read_logits(form.plan, data[start:end], keep[start:end])
            for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@pytest.mark.parametrize(("lanes", "word_bits", "pause"), [(2, 16, 0.0), (3, 8, 0.4)])
def test_words_in_and_out_give_the_integers(lanes: int, word_bits: int, pause: float, tmp_path: Path) -> None:
    form = export_accelerator(random_integer_model(IN, 1), tmp_path, AcceleratorConfig(12, 24, lanes, 2, 2, 2))
    graphs = [random_graph(n, e, seed=n, spread=4.0) for n, e in ((12, 24), (5, 7), (1, 0), (9, 20), (2, 1))]
    got = run_pins(form, [form.coded(graph) for graph in graphs], word_bits, pause)
    model = form.plan.model
    twin = with_one_lsb_flipped(model, "phi_r1")
    noticed = 0
    for graph, codes in zip(graphs, got, strict=True):
        np.testing.assert_array_equal(codes, model.run_graph(graph)["phi_r2"])
        noticed += not np.array_equal(codes, twin.run_graph(graph)["phi_r2"])
    assert noticed
    assert len(np.unique(np.concatenate(got))) > 5


def test_streams_are_read_from_the_ports() -> None:
    assert stream_ports(MODULE, "thing") == (
        StreamPort("in", True, (("tdata", 10), ("tlast", 1))), StreamPort("out", False, (("tdata", 7),)))
    assert [port.words(4) for port in stream_ports(MODULE, "thing")] == [3, 2]


@pytest.mark.parametrize(("old", "new", "said"), [
    ("module thing", "module other", "no module 'thing'"),
    ("[9:0]", "[A-1:0]", r"in_tdata is \[A-1:0\] wide"),
    ("    input wire rst,\n", "", "wanted clk, rst and streams"),
    ("    input wire rst,\n", "    input wire rst,\n    input wire more,\n", "'more'"),
    ("    output wire in_tready,\n", "", "no in_tready"),
    ("input wire out_tready", "output wire out_tready", "no out_tready"),
    ("input wire in_tlast", "output wire in_tlast", r"all input, got \['tlast'\]"),
])
def test_a_module_without_plain_streams_is_refused(old: str, new: str, said: str) -> None:
    assert old in MODULE
    with pytest.raises(ValueError, match=said):
        stream_ports(MODULE.replace(old, new), "thing")


def test_words_have_a_sensible_width() -> None:
    with pytest.raises(ValueError, match="words of 0 bits"):
        pin_harness({"thing.v": MODULE}, "thing", 0)

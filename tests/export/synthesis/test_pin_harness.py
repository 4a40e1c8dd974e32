"""The accelerator behind pins: the same logits, out of words."""

from pathlib import Path

import numpy as np
import pytest
from integer_networks import flip_lsb, random_graph, random_integer_model
from pins import PinSimulation

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.synthesis.pin_harness import StreamPort, pin_harness, stream_ports
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

IN = interaction_network(InteractionNetworkConfig(hidden=3, effects=2))
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


@pytest.mark.parametrize(("lanes", "word_bits", "pause"), [(2, 16, 0.0), (3, 8, 0.4)])
def test_words_in_and_out_give_the_integers(lanes: int, word_bits: int, pause: float, tmp_path: Path) -> None:
    form = export_accelerator(random_integer_model(IN, 1), tmp_path, AcceleratorConfig(12, 24, lanes, 2, 2, 2))
    graphs = [random_graph(n, e, seed=n, spread=4.0) for n, e in ((12, 24), (5, 7), (1, 0), (9, 20), (2, 1))]
    got = PinSimulation(form, word_bits=word_bits).run([form.coded(graph) for graph in graphs], pause)
    model = form.plan.model
    twin = flip_lsb(model, "phi_r1")
    noticed = 0
    for graph, codes in zip(graphs, got, strict=True):
        np.testing.assert_array_equal(codes, model.run_graph(graph)["phi_r2"])
        noticed += not np.array_equal(codes, twin.run_graph(graph)["phi_r2"])
    assert noticed
    assert len(np.unique(np.concatenate(got))) > 5


def test_streams_are_read_from_the_ports() -> None:
    assert stream_ports(MODULE, "thing") == (
        StreamPort("in", True, (("tdata", 10), ("tlast", 1))),
        StreamPort("out", False, (("tdata", 7),)),
    )
    assert [port.words(4) for port in stream_ports(MODULE, "thing")] == [3, 2]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("module thing", "module other", "no module 'thing'"),
        ("[9:0]", "[A-1:0]", r"in_tdata is \[A-1:0\] wide"),
        ("    input wire rst,\n", "", "wanted clk, rst and streams"),
        ("    input wire rst,\n", "    input wire rst,\n    input wire more,\n", "'more'"),
        ("    output wire in_tready,\n", "", "no in_tready"),
        ("input wire out_tready", "output wire out_tready", "no out_tready"),
        ("input wire in_tlast", "output wire in_tlast", r"all input, got \['tlast'\]"),
    ],
)
def test_a_module_without_plain_streams_is_refused(old: str, new: str, said: str) -> None:
    assert old in MODULE
    with pytest.raises(ValueError, match=said):
        stream_ports(MODULE.replace(old, new), "thing")


def test_words_have_a_sensible_width() -> None:
    with pytest.raises(ValueError, match="words of 0 bits"):
        pin_harness({"thing.v": MODULE}, "thing", 0)

"""The written Verilog in a front end that keeps to the standard: what Verilator and Yosys let pass, others refuse."""

from collections.abc import Iterable
from pathlib import Path

from integer_networks import random_integer_model, toy_description
from pyslang.ast import Compilation
from pyslang.syntax import SyntaxTree

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.export.synthesis.pin_harness import pin_harness
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

TOY = random_integer_model(toy_description())  # two rounds, a mean, a residual
IN = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=3, effects=2)), 1)


def errors(texts: Iterable[str]) -> list[str]:
    design = Compilation()
    for text in texts:
        design.addSyntaxTree(SyntaxTree.fromText(text))
    return [str(one.code) for one in design.getAllDiagnostics() if one.isError()]


def test_accelerators_are_standard_verilog(tmp_path: Path) -> None:
    for name, model, config in (("toy", TOY, AcceleratorConfig(24, 48, 3, 2, 4, 2)), ("in", IN, AcceleratorConfig())):
        sources = export_accelerator(model, tmp_path / name, config).sources
        assert errors(sources.values()) == []
        _, harness = pin_harness(sources, TOP)
        assert errors({**sources, **harness}.values()) == []


def test_a_wire_used_before_its_declaration_is_noticed(tmp_path: Path) -> None:
    sources = dict(export_accelerator(IN, tmp_path, AcceleratorConfig()).sources)
    declaration = "    wire [1:0] phi_r1_inside;\n"
    assert declaration in sources[f"{TOP}.v"]
    sources[f"{TOP}.v"] = (
        sources[f"{TOP}.v"]
        .replace(declaration, "")
        .replace("phi_r1_keep & phi_r1_inside;", "phi_r1_keep & phi_r1_inside, phi_r1_inside;")
    )
    assert errors(sources.values()) == ["DiagCode(UsedBeforeDeclared)"]

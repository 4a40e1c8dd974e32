"""What the vendor finds in an hls4ml project: every file that its scripts name, and a test bench that compares."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_integer_model
from mixed_formats import mixed_integer_model
from toy_networks import NETWORKS

from edgetrack.export.compiler import find_compiler
from edgetrack.export.hls4ml.config import HlsBackend, HlsConfig
from edgetrack.export.hls4ml.project import export_hls4ml
from edgetrack.export.hls4ml.test_bench import samples
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Input, Mlp

IN = interaction_network(InteractionNetworkConfig(hidden=6))
# Written by the tools themselves, or by hls4ml's own build from Python.
MADE_BY_TOOLS = {"run_sim.tcl"}


def named_files(script: Path, project: str) -> set[str]:
    """Files that a Tcl script sources, adds to the project or runs."""
    text = script.read_text().replace("${project_name}", project)
    patterns = (r"file join \$tcldir ([\w.]+)\]", r"^add_files (?:-tb )?(\S+)", r"-source (\w+\.tcl)", r"^source (\S+)")
    found = {name for pattern in patterns for name in re.findall(pattern, text, re.MULTILINE)}
    return {name for name in found if name not in MADE_BY_TOOLS and not name.startswith(("[", f"{project}_prj"))}


@pytest.mark.parametrize("backend", ["Vitis", "Vivado"])
def test_every_file_that_the_scripts_name_exists(backend: HlsBackend, tmp_path: Path) -> None:
    export_hls4ml(random_integer_model(IN, 1), tmp_path, HlsConfig(28, 56, backend=backend, edge_lanes=2))
    name = "interaction_network"
    scripts = sorted(tmp_path.glob("*.tcl"))
    assert {"build_prj.tcl", "project.tcl", "vivado_synth.tcl", "vivado_implement.tcl"} <= {p.name for p in scripts}
    named = set().union(*(named_files(script, name) for script in scripts))
    assert {f"firmware/{name}.cpp", f"{name}_test.cpp", "firmware/weights", "tb_data", "project.tcl"} <= named
    assert [file for file in sorted(named) if not (tmp_path / file).exists()] == []
    project = (tmp_path / "project.tcl").read_text()
    assert f'set backend "{backend.lower()}"' in project
    assert 'set part "xcvu13p-flga2577-2-e"' in project
    for source in (tmp_path / f"{name}_test.cpp", *(tmp_path / "firmware").glob("*.*")):
        for include in re.findall(r'#include "([^"]+)"', source.read_text()):
            places = (source.parent, tmp_path / "firmware/ap_types")
            assert any((place / include).is_file() for place in places), f"{source.name} includes {include}"


def test_another_backend_leaves_none_of_the_first_ones_scripts(tmp_path: Path) -> None:
    export_hls4ml(random_integer_model(IN, 1), tmp_path, HlsConfig(28, 56))
    assert (tmp_path / "build_opt.tcl").is_file()
    export_hls4ml(random_integer_model(IN, 1), tmp_path, HlsConfig(28, 56, backend="Vivado"))
    assert not (tmp_path / "build_opt.tcl").exists()


@pytest.mark.parametrize(
    ("backend", "flag"),
    [
        ("Vivado", "-std=c++0x"),
        pytest.param("Vitis", "-std=c++14", marks=pytest.mark.slow),
    ],
)
def test_the_vendors_c_simulation_passes_and_fails_on_one_lsb(backend: HlsBackend, flag: str, tmp_path: Path) -> None:
    """Compiled as the vendor's script asks for, with hls4ml's arbitrary-precision types; run where tb_data is."""
    model = mixed_integer_model(NETWORKS["every step"], 11)
    form = export_hls4ml(model, tmp_path, HlsConfig(29, 57, backend=backend, edge_lanes=3, node_lanes=2))
    program = tmp_path / "csim"
    sources = [f"{form.project.name}_test.cpp", f"firmware/{form.project.name}.cpp"]
    subprocess.run(
        [find_compiler(), "-O0", "-w", flag, "-Ifirmware/ap_types", "-I.", *sources, "-o", str(program)],
        cwd=tmp_path,
        check=True,
    )

    def simulate() -> tuple[int, str]:
        result = subprocess.run([str(program)], cwd=tmp_path, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout

    values = np.loadtxt(tmp_path / "tb_data/tb_output_predictions.dat")
    assert values.shape == (7, 57)
    assert len(np.unique(values)) > 5
    status, said = simulate()
    assert status == 0
    assert "INFO: 0 of 399 outputs differ from the integer model" in said

    values[3, 5] += model.formats["head"].step
    np.savetxt(tmp_path / "tb_data/tb_output_predictions.dat", values, fmt="%.17g")
    status, said = simulate()
    assert status == 1
    assert "INFO: 1 of 399 outputs differ" in said

    shutil.copy(tmp_path / "tb_data/tb_input_features.dat", tmp_path / "tb_data/tb_output_predictions.dat")
    assert simulate()[0] == 1


def test_a_network_that_takes_no_hits_is_fed_with_all_codes() -> None:
    description = NetworkDescription("other", (Input("u", "edge", (1.0, 1.0)),), (Mlp("out", "u", (2,)),), "out")
    made = list(samples(random_integer_model(description, 1), {"node": 4, "edge": 100}))
    assert len(made) == 8
    codes = np.concatenate([codes["u"] for codes, _ in made])
    assert codes.shape == (800, 2)
    assert (codes.min(), codes.max()) == (-128, 127)

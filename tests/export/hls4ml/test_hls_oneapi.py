"""The oneAPI project, run with stand-ins for SYCL's pipes and tasks: the same integers; and what it refuses.

Intel's compiler is not here: `test_emulation_by_intels_compiler` is the one that counts where it is.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hls4ml
import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from mixed_formats import mixed_integer_model
from toy_networks import NETWORKS

from edgetrack.export.compiler import find_compiler
from edgetrack.export.form import FormUnavailable
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import HlsForm, export_hls4ml
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.integer_model import IntegerModel

IN = interaction_network(InteractionNetworkConfig(hidden=6))
STAND_IN = Path(__file__).parent / "sycl_stand_in"
AC_TYPES = Path(hls4ml.__file__).parent / "templates/quartus/ac_types"


def build(form: HlsForm) -> Path:
    """The project's own test bench and network, compiled by g++. Its ac_types cannot be constexpr, as Intel's are."""
    for path in (form.folder / "src/firmware/weights").iterdir():
        path.write_text(path.read_text().replace("static constexpr", "static const"))
    program = form.folder / "bench"
    name = form.project.name
    subprocess.run(
        [
            find_compiler(),
            "-O0",
            "-w",
            "-std=c++17",
            "-Isrc",
            "-Isrc/firmware",
            f"-I{STAND_IN}",
            f"-I{AC_TYPES}",
            f"src/{name}_test.cpp",
            f"src/firmware/{name}.cpp",
            "-o",
            str(program),
        ],
        cwd=form.folder,
        check=True,
    )
    return program


def run(program: Path) -> tuple[int, str]:
    result = subprocess.run([str(program)], cwd=program.parent, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout


MODELS: dict[str, Callable[[], IntegerModel]] = {
    "toy-mixed": lambda: mixed_integer_model(toy_description(), 3),
    "in": lambda: random_integer_model(IN, 4),
    "every step": lambda: mixed_integer_model(NETWORKS["every step"], 11),
    "attention": lambda: random_integer_model(NETWORKS["attention"], 2),
    "triplets": lambda: random_integer_model(NETWORKS["triplets"], 3),
}


@pytest.mark.parametrize(
    ("case", "edge_lanes", "node_lanes"),
    [
        ("toy-mixed", 3, 2),
        ("every step", 3, 2),
        ("attention", 1, 2),
        pytest.param("triplets", 2, 2, marks=pytest.mark.slow),
        pytest.param("in", 1, 1, marks=pytest.mark.slow),
        pytest.param("in", 4, 2, marks=pytest.mark.slow),
    ],
)
def test_every_output_equals_the_integer_model_and_one_lsb_shows(
    case: str, edge_lanes: int, node_lanes: int, tmp_path: Path
) -> None:
    model = MODELS[case]()
    config = HlsConfig(29, 57, backend="oneAPI", part="Agilex7", edge_lanes=edge_lanes, node_lanes=node_lanes)
    domains, lanes = {"triplet": 41, "token": 13, "pair": 40}, {"token": node_lanes, "pair": 3}
    form = export_hls4ml(model, tmp_path, replace(config, domains=domains, lanes=lanes))
    program = build(form)
    expected = tmp_path / "tb_data/tb_output_predictions.dat"
    values = np.loadtxt(expected)
    assert len(np.unique(values)) > 5
    assert run(program) == (0, f"INFO: 0 of {values.size} outputs differ from the integer model\n")
    values[6, -1] -= model.formats[model.description.output].step
    np.savetxt(expected, values, fmt="%.17g")
    status, said = run(program)
    assert (status, "INFO: 1 of" in said) == (1, True)


def test_the_build_script_names_files_that_exist(tmp_path: Path) -> None:
    form = export_hls4ml(random_integer_model(IN, 1), tmp_path, HlsConfig(28, 56, backend="oneAPI", part="Agilex7"))
    script = (tmp_path / "CMakeLists.txt").read_text()
    named = re.findall(r"\bsrc/[\w/]+[.]cpp", script)
    assert f"src/firmware/{form.project.name}.cpp" in named
    assert [file for file in named if not (tmp_path / file).is_file()] == []
    assert 'set(FPGA_DEVICE "Agilex7")' in script
    for source in (*(tmp_path / "src").glob("*.cpp"), *(tmp_path / "src/firmware").glob("*.*")):
        for include in re.findall(r'#include "([^"]+)"', source.read_text()):
            assert any((place / include).is_file() for place in (source.parent, tmp_path / "src"))
    with pytest.raises(FormUnavailable, match="icpx"):
        form.run_graph(random_graph(5, 5))


def test_another_backend_takes_the_whole_folder(tmp_path: Path) -> None:
    export_hls4ml(random_integer_model(IN, 1), tmp_path, HlsConfig(28, 56))
    export_hls4ml(random_integer_model(IN, 1), tmp_path, HlsConfig(28, 56, backend="oneAPI", part="Agilex7"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CMakeLists.txt", "src", "tb_data"]


def test_what_oneapi_cannot_build_is_refused() -> None:
    with pytest.raises(ValueError, match="is AMD's, oneAPI builds for Intel's; set it to Agilex7"):
        HlsConfig(backend="oneAPI")
    with pytest.raises(ValueError, match="wanted io_stream, Latency and 1"):
        HlsConfig(backend="oneAPI", part="Agilex7", reuse_factor=2)


@pytest.mark.skipif(shutil.which("icpx") is None, reason="Intel's icpx is not on PATH: oneAPI's own emulation not run")
@pytest.mark.slow
def test_emulation_by_intels_compiler(tmp_path: Path) -> None:
    model = mixed_integer_model(toy_description(), 3)
    export_hls4ml(model, tmp_path, HlsConfig(29, 57, backend="oneAPI", part="Agilex7", edge_lanes=3, node_lanes=2))
    subprocess.run(["cmake", "-B", "build"], cwd=tmp_path, check=True)
    subprocess.run(["make", "-C", "build", "fpga_emu"], cwd=tmp_path, check=True)
    subprocess.run(["build/toy.fpga_emu"], cwd=tmp_path, check=True)

"""`verify --artefacts` proves the very files that are there, and writes none of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from quantized_networks import random_network
from run_folders import track_graph

from edgetrack.graphs.files import save_graph
from edgetrack.models.checkpoint import Checkpoint, save_checkpoint
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.quantize.checkpoint import quantized_checkpoint
from edgetrack.scripts.console import Console
from edgetrack.scripts.export import ExportConfig, export
from edgetrack.scripts.stage_record import file_hashes
from edgetrack.scripts.verify import VerifyRunConfig, verify

QUIET = Console(quiet=True)
FORMS = ("integer", "qonnx", "qcdq")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints, some graphs, and what `export` makes of the checkpoints."""
    folder = tmp_path_factory.mktemp("place")
    description = interaction_network(InteractionNetworkConfig(hidden=6))
    save_checkpoint(quantized_checkpoint(random_network(description), 0.0), folder / "quantized.safetensors")
    state = seeded_network(description, 0).state_dict()
    save_checkpoint(Checkpoint("float", description, state, 0.0), folder / "float.safetensors")
    for index in range(2):
        save_graph(track_graph(f"event{index}", seed=index), folder / "graphs" / f"event{index}.npz")
    config = ExportConfig(
        to=("onnx", *FORMS, "rtl"),
        checkpoint=str(folder / "quantized.safetensors"),
        float_checkpoint=str(folder / "float.safetensors"),
        estimate=False,
    )
    assert not export(config, folder / "exported", QUIET)["failed"]
    return folder


@pytest.fixture
def exported(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place / "exported", tmp_path / "exported"))


def verified(place: Path, exported: Path, *forms: str) -> dict[str, Any]:
    config = VerifyRunConfig(
        checkpoint=str(place / "quantized.safetensors"),
        float_checkpoint=str(place / "float.safetensors"),
        forms=forms or FORMS,
        graphs=str(place / "graphs"),
        vectors=300,
        artefacts=str(exported),
    )
    before = file_hashes(exported)
    result = verify(config, exported.parent / "run", QUIET)
    assert file_hashes(exported) == before
    assert [path.name for path in (exported.parent / "run").iterdir()] == ["verify.json"]
    return result


def test_files_that_an_export_wrote_are_equal(place: Path, exported: Path) -> None:
    result = verified(place, exported)
    assert not result["failed"]
    assert {name: form["mismatches"] for name, form in result["forms"].items()} == dict.fromkeys(FORMS, 0)
    assert not result["float_forms"]["onnx"]["failed"]


def flip_weight(path: Path) -> None:
    """The lowest bit of one number of the first MLP's weights."""
    model = onnx.load(path)
    weight = next(value for value in model.graph.initializer if value.name.startswith("phi_r1.0.weight"))
    values = numpy_helper.to_array(weight).copy()
    integers = values.view({1: np.int8, 4: np.int32}[values.itemsize])
    integers.flat[int(np.argmax(np.abs(values)))] ^= 1 if values.dtype.kind == "i" else 1 << 20
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def garble(path: Path) -> None:
    path.write_bytes(b"\x00" * 100)


@pytest.mark.parametrize("harm", [cut, garble, Path.unlink])
@pytest.mark.parametrize("form", ["integer", "qonnx", "qcdq", "onnx"])
def test_a_missing_or_damaged_file_fails_its_form_alone(
    harm: Callable[[Path], object], form: str, place: Path, exported: Path
) -> None:
    (file,) = [path for path in (exported / form).iterdir() if path.suffix in (".onnx", ".safetensors")]
    harm(file)
    result = verified(place, exported)
    both = result["forms"] | result["float_forms"]
    assert {name for name, one in both.items() if one["failed"]} == {form}
    assert "not possible" in both[form]["error"]
    assert file.name in both[form]["error"]


@pytest.mark.parametrize("form", ["qonnx", "qcdq"])
def test_a_changed_weight_is_found_in_the_file_as_it_is(form: str, place: Path, exported: Path) -> None:
    flip_weight(exported / form / "interaction_network.onnx")
    result = verified(place, exported, form)
    assert result["failed"]
    assert result["forms"][form]["mismatches"] > 0


@pytest.mark.parametrize("harm", [cut, garble, Path.unlink])
def test_files_of_hardware_have_to_be_those_of_a_new_export(
    harm: Callable[[Path], object], place: Path, exported: Path
) -> None:
    verilog = sorted((exported / "rtl" / "verilog").iterdir())[0]
    harm(verilog)
    result = verified(place, exported, "rtl", "integer")
    assert [form["failed"] for form in result["forms"].values()] == [True, False]
    assert f"missing or not what this edgetrack writes with these settings (verilog/{verilog.name})" in " ".join(
        result["forms"]["rtl"]["error"].split()
    )


@pytest.mark.slow
def test_files_of_hardware_that_an_export_wrote_are_equal(place: Path, exported: Path) -> None:
    result = verified(place, exported, "rtl")
    assert (result["failed"], result["forms"]["rtl"]["mismatches"]) == (False, 0)


def test_artefacts_of_another_checkpoint_or_of_none_are_refused(place: Path, exported: Path, tmp_path: Path) -> None:
    interface = exported / "qonnx" / "interface.json"
    interface.write_text(interface.read_text().replace('"checkpoint_sha256": "', '"checkpoint_sha256": "0'))
    (exported / "qcdq" / "interface.json").unlink()
    shutil.rmtree(exported / "integer")
    forms = verified(place, exported)["forms"]
    assert "made of the checkpoint 0" in forms["qonnx"]["error"]
    assert "does not name a checkpoint" in forms["qcdq"]["error"]
    assert "no such folder" in forms["integer"]["error"]

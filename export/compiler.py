"""The C++ compiler that simulations and runtimes are built with."""

from __future__ import annotations

import os
import shutil

from edgetrack.export.form import FormUnavailable

USUAL = ("g++", "c++", "clang++")


def find_compiler() -> str:
    """Path of what CXX names, or of the first of the usual ones. Raises FormUnavailable where there is none."""
    wanted = os.environ.get("CXX")
    for name in (wanted,) if wanted else USUAL:
        compiler = shutil.which(name)
        if compiler is not None:
            return compiler
    raise FormUnavailable(
        f"compiling C++ needs {wanted or ', '.join(USUAL)} on PATH (or CXX): apt-get install g++, or set CXX"
    )

"""The C++ compiler that simulations are built with."""

from __future__ import annotations

import os
import shutil

from edgetrack.export.form import FormUnavailable


def find_compiler() -> str:
    """Path of g++, or of what CXX names. Raises FormUnavailable where there is none."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        raise FormUnavailable("compiling C++ needs g++ on PATH (or CXX): apt-get install g++")
    return compiler

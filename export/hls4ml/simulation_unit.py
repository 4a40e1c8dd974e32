"""The C++ unit that the C simulation of an hls4ml project is compiled from."""

from __future__ import annotations

import re
from pathlib import Path

ARRAY = re.compile(r"^(\w+) (\w+)\[(\d+)\] = \{", re.MULTILINE)

PRELUDE = """#include "firmware/defines.h"
#include <cstddef>

template <class T, std::size_t N> static bool fill(T (&numbers)[N], const double (&given)[N]) {
    for (std::size_t i = 0; i < N; i++)
        numbers[i] = T(given[i]);
    return true;
}
"""


def simulation_unit(folder: Path, name: str) -> str:
    """The project `name` in `folder`, its weights first, then the network and hls4ml's bridge to it.

    One unit for all: most of the time goes into the headers. A header of weights gives an array of fixed-point numbers
    as decimal ones, and g++ writes code for the conversion of each: 5 ms a number, a minute for 12,000. Here the same
    header is read as one of doubles, which are data, and a loop converts them when the library is loaded. The guard
    of the header keeps the network from reading it again.
    """
    given, arrays = [], []
    for header in sorted((folder / "firmware/weights").glob("*.h")):
        for kind, array, size in ARRAY.findall(header.read_text()):
            given.append(
                f'namespace given_{array} {{\ntypedef double {kind};\n#include "{_path(header, folder)}"\n}}\n'
            )
            arrays.append(
                f"{kind} {array}[{size}];\nstatic const bool filled_{array} = fill({array}, given_{array}::{array});\n"
            )
    sources = f'#include "firmware/{name}.cpp"\n#include "{name}_bridge.cpp"\n'
    return "".join([PRELUDE, *given, *arrays, sources])


def _path(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()

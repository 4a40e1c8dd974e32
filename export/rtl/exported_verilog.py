"""Verilog as it is handed over: module names with a prefix, and in every file where it is from and under which licence.

What alkaid generates, and its own modules that stand below that, keep alkaid's licence; all else is the package's.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from edgetrack.events.atomic_write import write_text
from edgetrack.export.interface import Origin

OWN_LICENCE, ALKAID_LICENCE = "Apache-2.0", "LGPL-3.0-or-later"
PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9_]*)?")


def check_prefix(prefix: str) -> None:
    """Raise ValueError for one that cannot begin the name of a module."""
    if not PREFIX.fullmatch(prefix) or "__" in prefix:  # Verilator writes a doubled underscore in another way
        raise ValueError(
            f"module_prefix is {prefix!r}, wanted letters, digits and single underscores that begin with a letter, "
            "such as 'barrel_', or '' for none"
        )


def prefixed(sources: Mapping[str, str], prefix: str) -> dict[str, str]:
    """`sources` (file name → text) with `prefix` before the name of every module and file; each file holds the module
    that it is named after."""
    if not prefix:
        return dict(sources)
    names = "|".join(re.escape(Path(name).stem) for name in sources)
    # A module's own head; an instance with parameters; one without, at the beginning of a statement.
    module = re.compile(
        rf"(?P<head>\bmodule\s+|(?=\b\w+\s*#\s*\()|(?<=;)\s*(?=\w+\s+\w+\s*\()|^\s*(?=\w+\s+\w+\s*\())\b(?P<name>{names})\b",
        re.MULTILINE,
    )
    return {f"{prefix}{name}": module.sub(rf"\g<head>{prefix}\g<name>", text) for name, text in sources.items()}


def with_headers(
    sources: Mapping[str, str], network: str, origin: Origin | None, from_alkaid: Collection[str]
) -> dict[str, str]:
    """`sources` with a header in each; `from_alkaid` names the files that alkaid wrote."""
    versions = {name: importlib.metadata.version(name) for name in ("edgetrack", "alkaid")}
    checkpoint = f"checkpoint SHA-256 {origin.sha256}" if origin else "no checkpoint"
    headed = {}
    for name, text in sources.items():
        maker = f"alkaid {versions['alkaid']} for " * (name in from_alkaid) + f"edgetrack {versions['edgetrack']}"
        licence = ALKAID_LICENCE if name in from_alkaid else OWN_LICENCE
        headed[name] = (
            f"// {name}: written by {maker}{' (see NOTICE)' * (name in from_alkaid)}.\n"
            f"// Network {network}, {checkpoint}.\n// SPDX-License-Identifier: {licence}\n{text.lstrip()}"
        )
    return headed


def write_verilog(folder: Path, sources: Mapping[str, str], from_alkaid: Collection[str]) -> None:
    """Write `sources` into `folder`/verilog, with a NOTICE of what is alkaid's, and nothing else beside them."""
    target = folder / "verilog"
    for stale in (path for path in target.glob("*.v") if path.name not in sources):
        stale.unlink()
    for name, text in sources.items():
        write_text(target / name, text)
    write_text(target / "NOTICE", _notice(sorted(from_alkaid)))


def _notice(from_alkaid: Collection[str]) -> str:
    files = "\n".join(f"  {name}" for name in from_alkaid)
    return f"""\
Written by edgetrack {importlib.metadata.version("edgetrack")}, licence {OWN_LICENCE}, but for

{files}

which alkaid {importlib.metadata.version("alkaid")} (https://github.com/calad0i/alkaid) generated, or which are modules
of its own, renamed at most: copyright of its authors, licence {ALKAID_LICENCE}
(https://www.gnu.org/licenses/lgpl-3.0.html). Whoever hands them on does so under that licence.
"""

"""A config field that teaches: its help text shows in `edgetrack VERB --help`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any


def option(default: Any, help: str, values: Mapping[str, str] | None = None) -> Any:
    """A dataclass field with a default and the sentence that `--help` shows for it.

    `values` are names that it takes, each with what it is: `--help` lists them below the options.
    """
    return field(default=default, metadata={"help": help, "values": values or {}})


def required(help: str) -> Any:
    """A dataclass field that has to be given."""
    return field(metadata={"help": help})


def check_file_name(name: str) -> None:
    """Raise ValueError for a name, without suffix, that would be no file in its own folder."""
    if not re.fullmatch(r"\w[\w.+ -]*", name):
        raise ValueError(f"name is {name!r}, wanted letters, digits and . _ + - without a folder: it names a file")

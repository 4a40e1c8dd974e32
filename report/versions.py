"""Versions of the packages that decide results: those that edgetrack requires, its installed extras included."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from functools import cache

PACKAGE = "edgetrack"
FOR_TESTS = ("dev", "peers")  # extras that only tests and linters need


@cache
def installed_versions() -> dict[str, str]:
    """Package → version, in the order of the requirements; an extra's package that is not installed is left out."""
    found = {}
    for name in required_packages():
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def required_packages() -> Iterator[str]:
    """Names from the installed package's own metadata: "torch>=2.8", or "pyacts==48.1.0; extra == "sim""."""
    for requirement in importlib.metadata.requires(PACKAGE) or ():
        name, extra = re.match(r"([\w.-]+)(?:.*extra == ['\"]([\w-]+)['\"])?", requirement).groups()  # type: ignore[union-attr]
        if extra not in FOR_TESTS:
            yield name

"""ACTS and Pythia 8, which only simulation needs: imported when first asked for."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_REMEDY = (
    "simulation needs {module} ({package}), which is not installed: pip install 'edgetrack[sim]' "
    "(wheels exist for Linux with glibc ≥ 2.34 and Python ≥ 3.11); reading TrackML files does not need it"
)


def _required(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise ImportError(_REMEDY.format(module=module, package=package)) from error


def require_acts() -> tuple[ModuleType, ModuleType]:
    """The modules `acts` and `acts.examples`; ImportError with the remedy where they are missing."""
    return _required("acts", "pyacts"), _required("acts.examples", "pyacts")


def require_pythia() -> ModuleType:
    """The module `pythia8mc`; ImportError with the remedy where it is missing."""
    return _required("pythia8mc", "pythia8mc")


@contextmanager
def without_fpe_monitor() -> Iterator[None]:
    """Switch off ACTS' floating-point monitor, which stops the run on harmless exceptions of the propagator."""
    name = "ACTS_SEQUENCER_DISABLE_FPEMON"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before

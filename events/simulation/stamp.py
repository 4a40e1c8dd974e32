"""Who made the events of a folder: a config, and the versions of the generators."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

from edgetrack.events.atomic_write import write_text
from edgetrack.events.simulation.config import SimulationConfig

FILE = "simulation.json"
# Raised whenever the same config makes other events than before.
REVISION = 1


def claim_folder(folder: Path, config: SimulationConfig) -> None:
    """Write simulation.json, or check that the one that is there says the same.

    ValueError where events in the folder come from another config, version of ACTS or Pythia, or revision of this code.
    """
    wanted = _stamp(config)
    path = folder / FILE
    has_events = any(folder.glob("event*-hits.csv*"))  # hits are an event's last file
    if has_events and not path.exists():
        raise ValueError(f"{folder} holds events but no {FILE}: they are not of a simulation; choose an empty folder")
    if not has_events:
        write_text(path, json.dumps(wanted, indent=2) + "\n")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON ({error}); remove the folder and simulate again") from error
    differences = [
        f"{name} = {found.get(name)!r}, wanted {wanted.get(name)!r}"
        for name in sorted({*found, *wanted})
        if found.get(name) != wanted.get(name)
    ]
    if differences:
        raise ValueError(
            f"the events in {folder} were simulated otherwise: {'; '.join(differences)}. Choose another "
            "folder, or remove this one"
        )


def _stamp(config: SimulationConfig) -> dict[str, object]:
    return {
        **config.fingerprint(),
        "revision": REVISION,
        "pyacts": _version("pyacts"),
        "pythia8mc": _version("pythia8mc"),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise ImportError(f"simulation needs {package}, not installed here: pip install 'edgetrack[sim]'") from error

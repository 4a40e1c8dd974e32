"""What a user of an exported network has to know, written beside it: inputs, grids, thresholds, and where it is from.

`interface.json` says it for programs, `interface.h` as constants for C++, beside the reference `preprocessing.h`. The
page docs/interface.md explains both.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hit_features import FEATURES
from edgetrack.models.steps import Input
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel

COLUMNS = {"x": ("r / 1000 mm", "φ / π rad", "z / 1000 mm")}  # of others as features have them
INTERFACE = "interface.json"
HEADER = "preprocessing.h"


@dataclass(frozen=True)
class Origin:
    """The checkpoint that an export is made from."""

    sha256: str
    threshold: float  # logit of δ*: an edge is called true above it
    track_threshold: float  # logit above which an edge may join two hits

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Origin:
        return cls(checkpoint_digest(checkpoint), checkpoint.threshold, checkpoint.logit_for_tracks)


def write_interface(
    folder: Path, description: NetworkDescription, origin: Origin, model: IntegerModel | None = None
) -> None:
    """Write the interface of an export into `folder`; `model` where its values are integers."""
    content = describe_interface(description, origin, model)
    write_text(folder / INTERFACE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    if model is not None:
        write_text(folder / "interface.h", _constants(content))
        header = resources.files("edgetrack.hls_projects").joinpath(f"interface/{HEADER}")
        write_text(folder / HEADER, header.read_text())


def describe_interface(
    description: NetworkDescription, origin: Origin, model: IntegerModel | None = None
) -> dict[str, Any]:
    """Plain values: inputs with units, scales and formats; the output; thresholds as logits and as codes; versions."""
    formats = {} if model is None else model.formats
    output = formats.get(description.output)
    return {
        "edgetrack": importlib.metadata.version("edgetrack"),
        "checkpoint_sha256": origin.sha256,
        "network": description.name,
        "inputs": {
            value.name: {
                "columns": columns_of_input(value),
                "scale": list(value.scale),
                "format": _shown(formats.get(value.name)),
            }
            for value in description.inputs
        },
        "output": {"name": description.output, "format": _shown(output)},
        "max_degree": None if model is None else model.max_degree,
        "thresholds": {
            "edges": _threshold(origin.threshold, output),
            "tracks": _threshold(origin.track_threshold, output),
        },
    }


def columns_of_input(value: Input) -> list[str]:
    """Names of its columns."""
    known = FEATURES[value.name].columns if value.name in FEATURES else ()
    return list(COLUMNS.get(value.name, known)) or [f"{value.name}[{k}]" for k in range(value.width)]


def _shown(fmt: Format | None) -> dict[str, Any] | None:
    if fmt is None:
        return None
    return {"bits": fmt.bits, "exponent": fmt.exponent, "signed": fmt.signed, "narrow": fmt.narrow}


def _threshold(logit: float, fmt: Format | None) -> dict[str, Any]:
    """A logit is kept above the threshold; codes are whole numbers, so from `least_code` on."""
    least = None if fmt is None else math.floor(math.ldexp(logit, -fmt.exponent)) + 1
    return {"logit": logit, "least_code": least}


def _constants(content: Mapping[str, Any]) -> str:
    """The interface as a C++ header."""
    lines = [
        f"// The network {content['network']}, exported by edgetrack {content['edgetrack']}",
        f"// from the checkpoint with SHA-256 {content['checkpoint_sha256']}.",
        "#pragma once",
        f'#include "{HEADER}"',
        "",
        "namespace edgetrack::network {",
    ]
    for name, value in content["inputs"].items():
        scale = ", ".join(f"{float(factor)!r}f" for factor in value["scale"])
        lines.append(f"constexpr Input<{len(value['scale'])}> {name}{{{{{scale}}}, {_literal(value['format'])}}};")
    output, thresholds = content["output"], content["thresholds"]
    lines += [
        f"constexpr Format {output['name']}{_literal(output['format'])};",
        f"constexpr std::int64_t least_code_of_true_edges = {thresholds['edges']['least_code']};",
        f"constexpr std::int64_t least_code_for_tracks = {thresholds['tracks']['least_code']};",
        "} // namespace edgetrack::network",
    ]
    return "\n".join(lines) + "\n"


def _literal(fmt: Mapping[str, Any]) -> str:
    return f"{{{fmt['bits']}, {fmt['exponent']}, {str(fmt['signed']).lower()}, {str(fmt['narrow']).lower()}}}"

"""An `IntegerModel` as a file: safetensors with int64 tensors and a JSON header, no pickle."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from edgetrack.events.atomic_write import atomic_path
from edgetrack.models.description import NetworkDescription
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel

KIND = "edgetrack integer model 2"


def save_integer_model(model: IntegerModel, path: Path | str) -> None:
    """Write `model` atomically; the same model gives the same bytes."""
    tensors: dict[str, np.ndarray] = {}
    layer_formats: dict[str, list[dict[str, object]]] = {}
    for name, layers in model.layers.items():
        layer_formats[name] = [
            {"weight": asdict(layer.weight_format), "activation": asdict(layer.activation)} for layer in layers
        ]
        for index, layer in enumerate(layers):
            tensors[f"{name}.{index}.weight"] = np.ascontiguousarray(layer.weight)
            tensors[f"{name}.{index}.bias"] = np.ascontiguousarray(layer.bias)
    tensors |= {f"{name}.table": np.ascontiguousarray(contents) for name, contents in model.tables.items()}
    header = {
        "kind": KIND,
        "description": model.description.to_json(),
        "formats": {name: asdict(fmt) for name, fmt in model.formats.items()},
        "layers": layer_formats,
        "max_degree": model.max_degree,
    }
    with atomic_path(path) as temporary:  # one metadata key: safetensors writes several in random order
        save_file(tensors, temporary, {"edgetrack": json.dumps(header, sort_keys=True)})


def load_integer_model(path: Path | str) -> IntegerModel:
    """Read what `save_integer_model` wrote. Raises ValueError for any other file."""
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("edgetrack", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file ({error}); wanted an integer model") from error
    if header.get("kind") != KIND:
        raise ValueError(f"{path}: holds {header.get('kind')!r}, wanted {KIND!r}; write it with `edgetrack export`")
    layers = {
        name: tuple(
            IntegerLayer(
                tensors[f"{name}.{index}.weight"],
                Format(**formats["weight"]),
                tensors[f"{name}.{index}.bias"],
                Format(**formats["activation"]),
            )
            for index, formats in enumerate(list_)
        )
        for name, list_ in header["layers"].items()
    }
    formats = {name: Format(**fmt) for name, fmt in header["formats"].items()}
    tables = {key.removesuffix(".table"): value for key, value in tensors.items() if key.endswith(".table")}
    description = NetworkDescription.from_json(header["description"])
    return IntegerModel(description, formats, layers, tables, header["max_degree"])

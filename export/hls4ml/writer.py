"""An hls4ml project on disk, the same bytes for the same network."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.layer_graph import HlsNetwork
from edgetrack.export.hls4ml.simulation import HlsProject

IMPLEMENT = "vivado_implement.tcl"
SOURCES = ("firmware", "src", "tb_data", "*.cpp", "*.tcl", "*.sh", "CMakeLists.txt")


def write_project(network: HlsNetwork, title: str, folder: Path, config: HlsConfig) -> HlsProject:
    """Write the project into `folder`, in place of an earlier one of that title.

    The same network and config give the same bytes. About a second.
    """
    name = re.sub(r"\W", "_", title)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work, _silence():
        graph = _model_graph(network, name, Path(work), config)
        # The stamp, random by default, names the library that hls4ml's own build script makes.
        graph.config.config["Stamp"] = "csim"
        graph.config.backend.writer.write_hls(graph)
        if config.backend != "oneAPI":
            script = resources.files("edgetrack.hls_projects").joinpath(f"hls4ml/{IMPLEMENT}")
            (Path(work) / IMPLEMENT).write_text(script.read_text())
        _settle(Path(work), folder)
    layers = {layer.name: layer for layer in graph.get_layers()}
    traced = tuple(layer for layer in network.values if layer in layers and config.backend != "oneAPI")
    shapes = {
        layer: tuple(int(size) for size in layers[layer].get_output_variable().shape)
        for layer in (*network.inputs, *traced, network.output)
    }
    return HlsProject(folder, name, tuple(network.inputs), network.output, shapes, traced)


def _model_graph(network: HlsNetwork, name: str, folder: Path, config: HlsConfig) -> Any:
    from hls4ml.model.graph import ModelGraph
    from hls4ml.utils.config import create_config

    if config.backend == "oneAPI":
        from edgetrack.export.hls4ml.oneapi import register_oneapi

        register_oneapi()
    else:
        from edgetrack.export.hls4ml.layers import register

        register(config.backend)
    project = create_config(
        output_dir=str(folder),
        project_name=name,
        backend=config.backend,
        part=config.part,
        clock_period=config.clock_period_ns,
        io_type=config.io_type,
        write_weights_txt=False,
    )
    project["TraceOutput"] = config.backend != "oneAPI"  # whose writer knows it for io_parallel only
    project["HLSConfig"] = {
        "Model": {
            "Precision": {"default": "fixed<32,16>"},
            "ReuseFactor": config.reuse_factor,
            "Strategy": config.strategy,
        },
        "LayerName": {layer["name"]: _layer_config(network, config, layer) for layer in network.layers},
    }
    layers = [dict(layer) for layer in network.layers]
    graph = ModelGraph.from_layer_list(project, layers, inputs=list(network.inputs), outputs=[network.output])
    if config.io_type == "io_stream":
        # A stream holds one graph, so that none waits for a reader that comes late; here several.
        for variable in (variable for layer in graph.get_layers() for variable in layer.get_variables()):
            kind, depth = variable.pragma
            variable.pragma = (kind, int(depth) * config.graphs_in_flight)
    return graph


def _layer_config(network: HlsNetwork, config: HlsConfig, layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Precision": network.precision[layer["name"]],
        "Strategy": config.strategy,
        "Trace": layer["name"] in network.values,
        "ReuseFactor": layer_reuse_factor(config, layer),
    }


def layer_reuse_factor(config: HlsConfig, layer: Mapping[str, Any]) -> int:
    """The largest reuse factor up to the wanted one that the layer's matrix allows.

    With the Resource strategy these are the divisors of its inputs, and its inputs times the divisors of its outputs.
    hls4ml rounds to such a factor for its own layers on vectors only.
    """
    if config.strategy != "Resource" or layer["class_name"] != "RowDense":
        return config.reuse_factor
    fan_in, fan_out = layer["n_in"], layer["n_out"]
    allowed = {factor for factor in range(1, fan_in + 1) if fan_in % factor == 0}
    allowed |= {fan_in * factor for factor in range(1, fan_out + 1) if fan_out % factor == 0}
    return max(factor for factor in allowed if factor <= config.reuse_factor)


def _settle(written: Path, folder: Path) -> None:
    """Move what hls4ml wrote to its place; what names the temporary folder (its own configuration) is left behind.

    Sources and scripts of an earlier project go, another backend's among them.
    """
    (written / "hls4ml_config.yml").unlink(missing_ok=True)
    for path in (path for pattern in SOURCES for path in folder.glob(pattern)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in written.iterdir():
        path.replace(folder / path.name)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """hls4ml reports on stdout, and warns where it overrides what it had set itself."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

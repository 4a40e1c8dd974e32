"""The layers that hls4ml has not of its own, made known to it. Importing this module imports hls4ml."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from hls4ml.backends import get_backend
from hls4ml.model.layers import register_layer

from edgetrack.export.hls4ml.config_struct import HEADERS
from edgetrack.export.hls4ml.graph_layers import GRAPH_LAYERS, MessagePassingCall, MessagePassingConfig
from edgetrack.export.hls4ml.map_layers import (
    MAP_LAYERS,
    MapRowsCall,
    MapRowsConfig,
    TableRowsCall,
    TableRowsConfig,
)
from edgetrack.export.hls4ml.row_layers import ROW_LAYERS, JoinColumnsCall, RowDenseCall, RowDenseConfig

LAYERS = (*GRAPH_LAYERS, *ROW_LAYERS, *MAP_LAYERS)
TEMPLATES = (
    MessagePassingConfig,
    MessagePassingCall,
    RowDenseConfig,
    RowDenseCall,
    JoinColumnsCall,
    MapRowsConfig,
    MapRowsCall,
    TableRowsConfig,
    TableRowsCall,
)


@cache
def register_layers() -> None:
    """Make the layers known to hls4ml; once a process."""
    for layer in LAYERS:
        register_layer(layer.__name__, layer)


@cache
def register(backend_name: str) -> None:
    """Make the layers, their templates and their headers known to one of hls4ml's backends; once a process."""
    register_layers()
    backend = get_backend(backend_name)
    for template in TEMPLATES:
        backend.register_template(template)
    for name in HEADERS:
        header = resources.files("edgetrack.hls_projects").joinpath(f"hls4ml/{name}")
        backend.register_source(Path(str(header)).resolve())

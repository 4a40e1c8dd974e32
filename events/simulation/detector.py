"""The TrackML detector as ACTS builds it (`GenericDetector`), with its field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetrack.events.simulation.dependencies import require_acts
from edgetrack.events.simulation.modules import PITCHES, Modules, trackml_module_ids
from edgetrack.events.simulation.standard_output import stdout_to_stderr

_MODULES_WANTED = 18_728


@dataclass(frozen=True)
class SimulatedDetector:
    """ACTS' tracking geometry (a live resource, half a second to build) and the table of its modules."""

    tracking_geometry: Any  # acts.TrackingGeometry
    field: Any  # acts.ConstantBField
    magnetic_field: float  # T
    modules: Modules


@stdout_to_stderr()
def build_detector(magnetic_field: float) -> SimulatedDetector:
    """The detector in a field of `magnetic_field` T along z; ImportError without pyacts."""
    acts, examples = require_acts()
    config = examples.GenericDetector.Config()
    config.logLevel = config.surfaceLogLevel = config.layerLogLevel = config.volumeLogLevel = acts.logging.ERROR
    geometry = examples.GenericDetector(config).trackingGeometry()
    field = acts.ConstantBField(acts.Vector3(0, 0, magnetic_field * acts.UnitConstants.T))
    return SimulatedDetector(geometry, field, magnetic_field, _modules(acts, geometry))


def _modules(acts: Any, geometry: Any) -> Modules:
    context = acts.GeometryContext.dangerouslyDefaultConstruct()
    origin, along_u, along_v = acts.Vector2(0, 0), acts.Vector2(1, 0), acts.Vector2(0, 1)
    anywhere = acts.Vector3(0, 0, 1)  # a plane needs no direction to go from local to global
    identifiers: list[tuple[int, int, int, int]] = []
    frames: list[list[Any]] = []
    sizes: list[tuple[float, float, float, float]] = []

    def visit(surface: Any) -> None:
        number = surface.geometryId
        identifiers.append((number.value, number.volume, number.layer, number.sensitive))
        frames.append(
            [np.asarray(surface.localToGlobal(context, point, anywhere)) for point in (origin, along_u, along_v)]
        )
        values = surface.bounds.values()
        if surface.bounds.type == acts.SurfaceBoundsType.Trapezoid:
            low, high, half_v = values[:3]
        else:
            low, high, half_v = values[2], values[2], values[3]
        sizes.append((low, high, half_v, surface.thickness))

    geometry.visitSurfaces(visit)
    if len(identifiers) != _MODULES_WANTED:
        raise ValueError(
            f"ACTS built {len(identifiers)} modules, wanted the {_MODULES_WANTED} of the TrackML "
            "detector; install the pyacts version of edgetrack[sim]"
        )
    value = np.array([row[0] for row in identifiers], np.uint64)
    order = np.argsort(value)
    volume, layer, sensitive = np.array([row[1:] for row in identifiers], np.int64)[order].T
    points = np.array(frames, np.float64).reshape(-1, 3, 3)[order]
    u, v = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    low, high, half_v, thickness = np.array(sizes, np.float64)[order].T
    pitches = np.array([PITCHES[number] for number in volume.tolist()])
    return Modules(
        geometry_id=value[order],
        volume_id=volume,
        layer_id=layer,
        module_id=trackml_module_ids(volume, layer, sensitive, points[:, 0]),
        centre=points[:, 0],
        rotation=np.stack([u, v, np.cross(u, v)], axis=2),
        half_u_low=low,
        half_u_high=high,
        half_v=half_v,
        thickness=thickness,
        pitch_u=pitches[:, 0],
        pitch_v=pitches[:, 1],
    )

"""Cells of straight paths through sensors: by hand, by conservation of length, and as ACTS finds them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.events.simulation.dependencies import require_acts, without_fpe_monitor
from edgetrack.events.simulation.detector import build_detector
from edgetrack.events.simulation.digitization import _cells, digitize
from edgetrack.events.simulation.modules import ENDCAP_VOLUMES, PIXEL_VOLUMES, Modules
from edgetrack.events.simulation.noise import noise_crossings
from edgetrack.events.simulation.particles import Crossings


def one_module(
    volume: int, half_u: tuple[float, float], half_v: float, thickness: float, pitch: tuple[float, float]
) -> Modules:
    """A module at the origin whose axes are those of space."""
    return Modules(
        geometry_id=np.array([volume << 56 | 1 << 8], np.uint64),
        volume_id=np.array([volume]),
        layer_id=np.array([2]),
        module_id=np.array([1]),
        centre=np.zeros((1, 3)),
        rotation=np.eye(3)[None],
        half_u_low=np.array([half_u[0]]),
        half_u_high=np.array([half_u[1]]),
        half_v=np.array([half_v]),
        thickness=np.array([thickness]),
        pitch_u=np.array([pitch[0]]),
        pitch_v=np.array([pitch[1]]),
    )


PIXEL = one_module(8, (4.0, 4.0), 3.0, 0.5, (1.0, 1.0))
STRIP = one_module(13, (4.0, 4.0), 3.0, 0.5, (1.0, 2.0))
TRAPEZOID = one_module(12, (2.0, 4.0), 3.0, 0.25, (1.0, 1.0))  # an endcap's: acts as if 0.5 thick


def crossings(modules: Modules, position: list[list[float]], momentum: list[list[float]]) -> Crossings:
    size = len(position)
    return Crossings(
        particle=np.arange(size),
        geometry_id=np.repeat(modules.geometry_id, size),
        position=np.array(position, float),
        time=np.zeros(size),
        momentum=np.array(momentum, float),
    )


def cells_of(modules: Modules, position: list[float], momentum: list[float]) -> list[tuple[int, int, float]]:
    path = crossings(modules, [position], [momentum])
    _, channel, length = _cells(path, modules, modules.rows(path.geometry_id))
    return [(u, v, round(one, 9)) for (u, v), one in zip(channel.tolist(), length.tolist(), strict=True)]


def test_perpendicular_path_fires_one_cell_with_the_thickness() -> None:
    # u = 0.3 lies in column 4 of −4 … 4, v = −2.9 in row 0 of −3 … 3
    assert cells_of(PIXEL, [0.3, -2.9, 0.0], [0, 0, 7.0]) == [(4, 0, 0.5)]


def test_inclined_path_is_shared_by_the_cells_it_passes() -> None:
    # shift (1, 0) over the thickness: from u = 0.1 to 1.1; 0.9 of the path in column 4, 0.1 in column 5
    length = np.hypot(1.0, 0.5)
    assert cells_of(PIXEL, [0.6, 0.5, 0.0], [1.0, 0, 0.5]) == [
        (4, 3, round(0.9 * length, 9)),
        (5, 3, round(0.1 * length, 9)),
    ]
    assert cells_of(PIXEL, [0.6, 0.5, 0.0], [-1.0, 0, 0.5]) == [
        (5, 3, round(0.1 * length, 9)),
        (4, 3, round(0.9 * length, 9)),
    ]


def test_path_through_a_corner_fires_two_cells() -> None:
    # shift (1, 1) through the corner at the origin
    length = np.sqrt(1 + 1 + 0.25)
    assert cells_of(PIXEL, [0.0, 0.0, 0.0], [1.0, 1.0, 0.5]) == [
        (3, 2, round(length / 2, 9)),
        (4, 3, round(length / 2, 9)),
    ]


def test_path_is_cut_at_the_sensors_edge() -> None:
    # from u = 3.5 to 4.5: half of it is inside
    assert cells_of(PIXEL, [4.0, 0.5, 0.0], [1.0, 0, 0.5]) == [(7, 3, round(np.hypot(1.0, 0.5) / 2, 9))]
    # slanted edge of the trapezoid: at v = 0 it is 3 mm wide; the path goes from u = 2.5 to 3.5
    assert cells_of(TRAPEZOID, [3.0, 0.0, 0.0], [1.0, 0, 0.5]) == [(6, 3, round(np.hypot(1.0, 0.5) / 2, 9))]


def test_path_outside_the_sensor_leaves_no_hit() -> None:
    outside = crossings(PIXEL, [[5.0, 0.0, 0.0], [0.3, 0.2, 0.0]], [[0, 0, 1.0], [0, 0, 1.0]])
    clusters = digitize(outside, PIXEL, np.random.default_rng(0))
    assert clusters.crossing.tolist() == [1]


def test_strip_cluster_lies_in_the_middle_of_its_channels() -> None:
    # columns 4, 5, 6 (u 0 … 3), row 1 (v −1 … 1)
    path = crossings(STRIP, [[1.2, 0.4, 0.0]], [[2.0, 0, 0.5]])
    clusters = digitize(path, STRIP, np.random.default_rng(0))
    assert clusters.channel.tolist() == [[4, 1], [5, 1], [6, 1]]
    assert clusters.value.tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(clusters.position, [[1.5, 0.0, 0.0]])


def test_pixel_cluster_is_weighted_with_charge() -> None:
    path = crossings(PIXEL, [[0.6, 0.5, 0.0]], [[1.0, 0, 0.5]])
    clusters = digitize(path, PIXEL, np.random.default_rng(0))
    # 0.9 of the charge at 0.5, 0.1 at 1.5, give or take the noise of a pixel
    np.testing.assert_allclose(clusters.position, [[0.6, 0.5, 0.0]], atol=0.02)
    assert len(set(clusters.value)) == 2


@settings(deadline=None, max_examples=200)
@given(u=st.floats(-2, 2), v=st.floats(-2, 2), du=st.floats(-1, 1), dv=st.floats(-1, 1), sign=st.sampled_from([-1, 1]))
def test_cells_of_a_contained_path_are_neighbours_and_share_its_length(
    u: float, v: float, du: float, dv: float, sign: int
) -> None:
    path = crossings(PIXEL, [[u, v, 0.0]], [[du, dv, sign * 0.5]])
    _, channel, length = _cells(path, PIXEL, np.zeros(1, np.int64))
    assert abs(length.sum() - np.sqrt(du**2 + dv**2 + 0.25)) < 1e-9
    assert (length >= 0).all()
    steps = np.abs(np.diff(channel, axis=0))
    assert (steps.max(axis=1, initial=1) <= 1).all()
    assert len(np.unique(channel, axis=0)) == len(channel)


def test_cells_equal_those_of_acts(tmp_path: Path) -> None:
    pytest.importorskip("acts", reason="pyacts is not installed: pip install 'edgetrack[sim]'")
    detector = build_detector(2.0)
    modules = detector.modules
    paths = noise_crossings(17_000, modules, np.random.default_rng(5))  # about 3,000 on all kinds of modules
    paths = in_single_precision(paths.take(np.argsort(paths.geometry_id, kind="stable")))
    owner, channel, length = _cells(paths, modules, modules.rows(paths.geometry_id))
    ours = pd.DataFrame({"row": owner, "channel0": channel[:, 0], "channel1": channel[:, 1], "path": length})
    cells, position = digitized_by_acts(paths, detector.tracking_geometry, modules, tmp_path)
    both = ours.merge(cells, on=["row", "channel0", "channel1"], how="outer", indicator=True)
    assert len(cells) > 5_000
    unequal = both[both["_merge"] != "both"]
    # ACTS drops no cell but those of rounding length at a corner
    assert (unequal["path"] < 1e-5).all(), unequal.sort_values("path").tail()
    assert len(unequal) < 1e-3 * len(cells)
    equal = both[both["_merge"] == "both"]
    np.testing.assert_allclose(equal["path"], equal["value"], atol=2e-4)  # mm; ACTS rounds directions

    clusters = digitize(paths, modules, np.random.default_rng(0))
    strips = ~np.isin(modules.volume_id[modules.rows(paths.geometry_id[clusters.crossing])], PIXEL_VOLUMES)
    rows = clusters.crossing[strips]
    local = modules.to_local(modules.rows(paths.geometry_id[rows]), clusters.position[strips])[:, :2]
    same = np.abs(local - position[rows]).max(axis=1) < 1e-4
    assert same.mean() > 0.998


def in_single_precision(paths: Crossings) -> Crossings:
    """As ACTS reads them from a file."""
    position, momentum = (values.astype(np.float32).astype(float) for values in (paths.position, paths.momentum))
    return replace(paths, position=position, momentum=momentum)


def digitized_by_acts(
    paths: Crossings, geometry: object, modules: Modules, folder: Path
) -> tuple[pd.DataFrame, np.ndarray]:
    """Cells by row of `paths`, and local positions (C, 2), of ACTS' own digitisation without noise."""
    acts, examples = require_acts()
    from acts.examples import json as acts_json

    (folder / "digitization.json").write_text(json.dumps(acts_configuration(modules)))
    columns = {name: 0 for name in ("particle_id_sv", "particle_id_gen", "particle_id_subpart")}
    table = pd.DataFrame(
        {
            "particle_id_pv": 1,
            "particle_id_part": np.arange(len(paths)) + 1,
            **columns,
            "geometry_id": paths.geometry_id,
        }
    )
    for k, axis in enumerate("xyz"):
        table[f"t{axis}"], table[f"tp{axis}"] = paths.position[:, k], paths.momentum[:, k]
        table[f"deltap{axis}"] = 0.0
    table = table.assign(tt=0.0, te=np.linalg.norm(paths.momentum, axis=1), deltae=0.0, index=np.arange(len(paths)))
    table.to_csv(folder / "event000000000-hits.csv", index=False, float_format="%.10g")
    quiet = acts.logging.ERROR
    with without_fpe_monitor():
        sequencer = examples.Sequencer(events=1, numThreads=1, logLevel=quiet)
        sequencer.addReader(
            examples.CsvSimHitReader(level=quiet, inputDir=str(folder), inputStem="hits", outputSimHits="hits")
        )
        sequencer.addAlgorithm(
            examples.DigitizationAlgorithm(
                examples.DigitizationAlgorithm.Config(
                    digitizationConfigs=acts_json.readDigiConfigFromJson(str(folder / "digitization.json")),
                    surfaceByIdentifier=geometry.geoIdSurfaceMap(),  # type: ignore[attr-defined]
                    randomNumbers=examples.RandomNumbers(seed=1),
                    inputSimHits="hits",
                    outputMeasurements="measurements",
                    outputMeasurementParticlesMap="a",
                    outputMeasurementSimHitsMap="map",
                    outputParticleMeasurementsMap="b",
                    outputSimHitMeasurementsMap="c",
                    doMerge=False,
                ),
                quiet,
            )
        )
        # the container puts the hits of a module in another order: `index` tells which
        sequencer.addWriter(
            examples.CsvSimHitWriter(
                level=quiet, inputSimHits="hits", outputDir=str(folder), outputStem="order", outputPrecision=3
            )
        )
        sequencer.addWriter(
            examples.CsvMeasurementWriter(
                level=quiet,
                inputMeasurements="measurements",
                inputClusters="clusters",
                inputMeasurementSimHitsMap="map",
                outputDir=str(folder),
                outputPrecision=9,
            )
        )
        sequencer.run()
    stem = str(folder / "event000000000-")
    order = pd.read_csv(f"{stem}order.csv")["index"].to_numpy()
    link = pd.read_csv(f"{stem}measurement-simhit-map.csv").to_numpy()
    row = np.empty(len(link), np.int64)
    row[link[:, 0]] = order[link[:, 1]]
    position = np.full((len(paths), 2), np.nan)
    position[row] = pd.read_csv(f"{stem}measurements.csv")[["local0", "local1"]]
    cells = pd.read_csv(f"{stem}cells.csv")[["measurement_id", "channel0", "channel1", "value"]]
    return cells.assign(row=row[cells["measurement_id"]]), position


def acts_configuration(modules: Modules) -> dict[str, object]:
    """The read-out of every module in ACTS' own words, without noise."""
    entries = []
    for i in range(len(modules)):
        volume = int(modules.volume_id[i])
        axes = [
            {
                "bins": round(2 * half / pitch),
                "min": -half,
                "max": half,
                "option": "open",
                "type": "equidistant",
                "value": name,
            }
            for name, half, pitch in (
                ("binX", float(modules.half_u_high[i]), float(modules.pitch_u[i])),
                ("binY", float(modules.half_v[i]), float(modules.pitch_v[i])),
            )
        ]
        entries.append(
            {
                "volume": volume,
                "layer": int(modules.layer_id[i]),
                "sensitive": int(modules.geometry_id[i] >> np.uint64(8) & np.uint64(0xFFFFF)),
                "value": {
                    "geometric": {
                        "digital": volume not in PIXEL_VOLUMES,
                        "indices": [0, 1],
                        "threshold": 0.0,
                        "thickness": float(modules.thickness[i]) * (2.0 if volume in ENDCAP_VOLUMES else 1.0),
                        "segmentation": {"binningdata": axes},
                    }
                },
            }
        )
    header = {"format-version": 0, "value-identifier": "digitization-configuration"}
    return {"acts-geometry-hierarchy-map": header, "entries": entries}

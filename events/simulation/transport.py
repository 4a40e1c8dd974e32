"""Particles through field and material: ACTS Fatras."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from edgetrack.events.simulation.dependencies import require_acts, without_fpe_monitor
from edgetrack.events.simulation.detector import SimulatedDetector
from edgetrack.events.simulation.particles import Crossings, Particles

MIN_MOMENTUM = 0.05  # GeV, Fatras stops a particle below
# Every run is event 0 of its own folder, so that Fatras' random numbers follow from the seed alone.
_PARTICLES = "event000000000-particles.csv"
_CROSSINGS = "event000000000-crossings.csv"
_CROSSING_COLUMNS = {
    "particle_id_part": pa.int64(), "particle_id_gen": pa.int64(), "geometry_id": pa.uint64(),
    "tx": pa.float64(), "ty": pa.float64(), "tz": pa.float64(), "tt": pa.float64(),
    "tpx": pa.float64(), "tpy": pa.float64(), "tpz": pa.float64(),
}  # fmt: skip


def transport(particles: Particles, detector: SimulatedDetector, seed: int, passive: bool) -> Crossings:
    """Crossings of modules, and of passive material where `passive`, ordered by particle, then time.

    Multiple scattering and energy loss are simulated; nuclear interactions are not (`interactions.py`), nor photons.
    `seed` fixes all random numbers. About 0.1 ms a particle; it passes through files in a temporary folder.
    """
    if len(particles) == 0:
        return _empty()
    with tempfile.TemporaryDirectory(prefix="edgetrack-transport-") as name:
        folder = Path(name)
        _write_particles(particles, folder / _PARTICLES)
        _run_fatras(folder, detector, seed, passive)
        return _read_crossings(folder / _CROSSINGS)


def _run_fatras(folder: Path, detector: SimulatedDetector, seed: int, passive: bool) -> None:
    acts, examples = require_acts()
    with without_fpe_monitor():
        sequencer = examples.Sequencer(events=1, numThreads=1, logLevel=acts.logging.ERROR)
        sequencer.addReader(
            examples.CsvParticleReader(
                level=acts.logging.ERROR, inputDir=str(folder), inputStem="particles", outputParticles="generated"
            )
        )
        sequencer.addAlgorithm(
            examples.FatrasSimulation(
                level=acts.logging.FATAL,  # it reports every stuck low-momentum particle as an error
                inputParticles="generated",
                outputParticles="simulated",
                outputSimHits="crossings",
                randomNumbers=examples.RandomNumbers(seed=seed),
                trackingGeometry=detector.tracking_geometry,
                magneticField=detector.field,
                generateHitsOnSensitive=True,
                generateHitsOnMaterial=passive,
                emScattering=True,
                emEnergyLossIonisation=True,
                emEnergyLossRadiation=True,
                emPhotonConversion=False,
                pMin=MIN_MOMENTUM * acts.UnitConstants.GeV,
            )
        )
        sequencer.addWriter(
            examples.CsvSimHitWriter(
                level=acts.logging.ERROR,
                inputSimHits="crossings",
                outputDir=str(folder),
                outputStem="crossings",
                outputPrecision=9,
            )
        )
        sequencer.run()


def _write_particles(particles: Particles, path: Path) -> None:
    n = len(particles)
    zero = np.zeros(n, np.int64)
    # Fatras takes no particles of later generations, so each goes in as a primary whose number is its row + 1.
    columns: dict[str, Any] = {
        "particle_id_pv": zero + 1,
        "particle_id_sv": zero,
        "particle_id_part": np.arange(1, n + 1),
        "particle_id_gen": zero,
        "particle_id_subpart": zero,
        "particle_type": particles.pdg,
        "process": zero,
    }
    for k, axis in enumerate("xyz"):
        columns[f"v{axis}"] = particles.position[:, k]
    columns["vt"] = particles.time
    for k, axis in enumerate("xyz"):
        columns[f"p{axis}"] = particles.momentum[:, k]
    columns["m"] = particles.mass
    columns["q"] = particles.charge.astype(np.float64)
    with path.open("wb") as file:
        # pyarrow would quote the names, and ACTS then knows none of them
        file.write((",".join(columns) + "\n").encode())
        csv.write_csv(pa.table(columns), file, csv.WriteOptions(include_header=False, quoting_style="none"))


def _read_crossings(path: Path) -> Crossings:
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False),
        convert_options=csv.ConvertOptions(include_columns=list(_CROSSING_COLUMNS), column_types=_CROSSING_COLUMNS),
    )
    column = {name: table[name].to_numpy() for name in _CROSSING_COLUMNS}
    crossings = Crossings(
        particle=column["particle_id_part"] - 1,
        geometry_id=column["geometry_id"],
        position=np.column_stack([column["tx"], column["ty"], column["tz"]]),
        time=column["tt"],
        momentum=np.column_stack([column["tpx"], column["tpy"], column["tpz"]]),
    )
    # products of Fatras' own processes (electrons of radiated photons) are not followed
    kept = np.flatnonzero(column["particle_id_gen"] == 0)
    order = np.lexsort((crossings.time[kept], crossings.particle[kept]))
    return crossings.take(kept[order])


def _empty() -> Crossings:
    return Crossings(
        particle=np.empty(0, np.int64),
        geometry_id=np.empty(0, np.uint64),
        position=np.empty((0, 3)),
        time=np.empty(0),
        momentum=np.empty((0, 3)),
    )

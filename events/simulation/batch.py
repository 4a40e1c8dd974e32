"""Many simulated events into one folder: resumable, on several processes."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from edgetrack.events.csv_table import read_bytes, write_table
from edgetrack.events.errors import EventError
from edgetrack.events.progress import Progress, no_progress
from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.events.simulation.detector import build_detector
from edgetrack.events.simulation.event import EventSimulator
from edgetrack.events.simulation.generator import CollisionGenerator
from edgetrack.events.simulation.modules import geometry_table
from edgetrack.events.simulation.stamp import claim_folder
from edgetrack.events.trackml import COLUMNS, event_file, write_event


def simulate(
    config: SimulationConfig, folder: Path | str, events: int | Iterable[int], progress: Progress = no_progress
) -> list[int]:
    """Simulate `events` (their numbers, or how many from 0) into `folder`; return the numbers simulated now.

    The folder gets event%09d-{hits,cells,truth,particles}.csv.gz, detectors.csv.gz, and simulation.json, which says
    what made them. An event is a function of `config` and its number: the bytes are the same whatever `config.workers`,
    the order, or the events beside it. Whole events that are there are kept; ValueError where another config made them.
    `progress(done, wanted)` is called at the start and after each event, kept ones counted. ImportError without pyacts
    or pythia8mc. About 3 s of CPU an event at pile-up 200, 0.5 s at 20, and 8 s before the first.
    """
    folder = Path(folder)
    numbers = _numbers(events)
    claim_folder(folder, config)
    missing = [number for number in numbers if not _present(folder, number)]
    done = len(numbers) - len(missing)
    progress(done, len(numbers))
    if not (folder / "detectors.csv.gz").exists():
        write_table(folder / "detectors.csv.gz", geometry_table(build_detector(config.magnetic_field).modules))
    if not missing:
        return []
    for _ in _in_turn(config, folder, missing):
        done += 1
        progress(done, len(numbers))
    return missing


def _in_turn(config: SimulationConfig, folder: Path, missing: list[int]) -> Iterator[int]:
    """Simulate `missing` on the workers; yield each number when its files are there."""
    workers = min(config.workers, len(missing))
    with tempfile.TemporaryDirectory(prefix="edgetrack-simulation-") as tables:
        if workers == 1:
            simulator = EventSimulator(config, Path(tables))
            for number in missing:
                write_event(simulator.simulate(number), folder)
                yield number
            return
        CollisionGenerator(config, Path(tables))  # fills the tables, once for all workers
        # spawn: ACTS and OpenMP hold threads that a forked child would lack
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _prepare, (config, folder, Path(tables))) as pool:
            jobs = [pool.submit(_simulate_one, number) for number in missing]
            try:
                for job in as_completed(jobs):
                    yield job.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """What a worker process keeps between events."""

    simulator: EventSimulator
    folder: Path


def _prepare(config: SimulationConfig, folder: Path, tables: Path) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _Worker.simulator, _Worker.folder = EventSimulator(config, tables), folder


def _end_with_parent() -> None:
    """A worker holds hundreds of MB and waits for work that a killed parent never sends."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _simulate_one(number: int) -> int:
    write_event(_Worker.simulator.simulate(number), _Worker.folder)
    return number


def _numbers(events: int | Iterable[int]) -> list[int]:
    numbers = list(range(events)) if isinstance(events, int) else [int(number) for number in events]
    wrong = [number for number in numbers if not 0 <= number < 10**9]
    if wrong or len(set(numbers)) != len(numbers):
        raise ValueError(f"event numbers {wrong or numbers}: wanted different numbers of at most nine digits, from 0")
    return numbers


def _present(folder: Path, number: int) -> bool:
    """Whether all files of an event are there and whole; a damaged one is made again."""
    paths = [event_file(folder, number, table) for table in COLUMNS]
    try:
        for path in paths:
            if path is None:
                return False
            read_bytes(path)
    except EventError:
        return False
    return True

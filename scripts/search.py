"""`edgetrack search`: which widths and which sparsity, layer by layer, by physics and LUTs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.export.synthesis.device import load_device
from edgetrack.report.figure_search import draw_search
from edgetrack.scripts.console import Console
from edgetrack.scripts.search_config import SearchConfig
from edgetrack.scripts.search_finish import finish
from edgetrack.scripts.search_tables import show_finished, show_front
from edgetrack.scripts.search_trials import Trials
from edgetrack.studies.search_files import trial_row, write_trials
from edgetrack.studies.search_study import front

__all__ = ["SearchConfig", "search"]


def search(config: SearchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Search the widths and the sparsity of every layer on two objectives: physics and LUTs.

    Each trial retrains the float network in the bits that Optuna proposes, is judged by the integers on validation
    graphs, and its accelerator by the resource formulas. Uniform widths come first, from 8 bits down to 2. The study is
    kept in the run folder: run again, with more --trials or after an interruption, to go on; several processes share it
    through --study. Writes every trial (search.csv, trials/), the front that no other trial beats, a picture.

    --set finish.points=8 then retrains so many points of the front for longer, measures them on the test graphs, which
    the search has never seen, proves them in every form and counts their accelerators by Yosys.
    """
    trials = Trials(config, Path(config.study) if config.study else folder)
    with console.progress("trials") as progress:
        progress(min(len(trials.search.finished()), config.trials), config.trials)
        trials.search.run(config.trials, trials.measure, lambda: progress(len(trials.search.finished()), config.trials))
    found, failures = trials.search.finished(), trials.search.failures()
    for number, reason in failures.items():
        console.say(f"trial {number} failed: {reason}")
    if not found:
        raise ValueError(f"search: all {len(failures)} trials failed; the first: {next(iter(failures.values()), '')}")
    best = front(found)
    device = load_device(config.device)
    files = write_trials(found, best, failures, device, folder)
    show_front(best, device, console)
    points = finish(trials, best, console)
    if points:
        show_finished(points, device, console)
    files += draw_search(found, best, points, device, folder / "search")
    for path in files:
        console.say(f"wrote {path}")
    return {
        "trials": len(found),
        "failures": {str(number): reason for number, reason in failures.items()},
        "front": [trial_row(one, device) for one in best],
        "points": points,
        "files": [str(path) for path in files],
        "failed": any(one["failed"] for one in points),
    }

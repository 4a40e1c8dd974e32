"""A search of precisions on two objectives, by Optuna: kept on disk, shared by processes, resumed after an end.

Of a study's trials each is claimed by one process with a lock that ends with the process; a trial that runs without
one was broken off, and is begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import filelock
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from edgetrack.export.exploration.choice import pareto
from edgetrack.studies.search_space import Point

STUDY_FILE = "study.journal"
REASON, SETTINGS = "reason", "settings"


@dataclass(frozen=True)
class SamplerConfig:
    """How the next point is chosen, by `seed`: `nsga2`, which crosses layers of good points, with its `population`, or
    `tpe`, a multi-objective tree-structured Parzen estimator, which stays near good points and so near uniform ones.
    """

    kind: Literal["tpe", "nsga2"] = "nsga2"
    population: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.population < 2:
            raise ValueError(f"search: population is {self.population}, wanted at least 2")


@dataclass(frozen=True)
class Measured:
    """What a trial found: the two objectives, both to be small, and other figures by name."""

    physics: float
    luts: float
    figures: Mapping[str, Any] = field(default_factory=dict)
    excesses: Mapping[str, float] = field(default_factory=dict)  # limit → how far beyond it, at most 0 within

    @property
    def objectives(self) -> tuple[float, float]:
        return self.physics, self.luts


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that came to its end."""

    number: int
    point: Point
    measured: Measured


class Search:
    """A study in `folder`; `settings` decide what its trials measure.

    Raises ValueError where the folder holds a study of other settings, naming the first that differs.
    """

    def __init__(
        self,
        folder: Path,
        choices: Mapping[str, Sequence[int | float]],
        beginning: Sequence[Point],
        settings: Mapping[str, Any],
        sampler: SamplerConfig,
    ) -> None:
        self.folder = folder
        self.sampler = sampler
        (folder / "running").mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        file = str(folder / STUDY_FILE)
        with self._alone():
            self.study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(file, JournalFileOpenLock(file))),
                study_name="precision",
                directions=["minimize", "minimize"],
                load_if_exists=True,
            )
            before = self.study.user_attrs.get(SETTINGS)
            self.distributions = {name: _distribution(values) for name, values in choices.items()}
            if before is None:
                for point in beginning:
                    self.study.enqueue_trial(dict(point))
                self.study.set_user_attr(SETTINGS, dict(settings))
            elif before != settings:
                name = next(name for name in {**before, **settings} if before.get(name) != settings.get(name))
                raise ValueError(
                    f"{folder} holds a search with {name} {before.get(name)!r}, now it is {settings.get(name)!r}; "
                    "give another folder, or the settings of before"
                )

    def run(self, trials: int, measure: Callable[[int, Point], Measured], done: Callable[[], object]) -> None:
        """Take trials until the study has `trials` of them, those of other processes counted; `done` after each.

        A ValueError or RuntimeError of `measure` ends a trial as failed, with its words as the reason.
        """
        while (claimed := self._claim(trials)) is not None:
            trial, lock = claimed
            try:
                try:
                    measured = measure(trial.number, trial.params)
                except (ValueError, RuntimeError) as problem:
                    trial.set_user_attr(REASON, f"{type(problem).__name__}: {problem}")
                    self.study.tell(trial, state=TrialState.FAIL)
                else:
                    trial.set_user_attr("figures", dict(measured.figures))
                    for name, excess in measured.excesses.items():
                        trial.set_constraint(name, excess)
                    trial.set_user_attr("excesses", dict(measured.excesses))
                    self.study.tell(trial, measured.objectives)
            finally:
                lock.release()
            done()

    def finished(self) -> list[FinishedTrial]:
        """Trials that came to their end, each point once, in their order."""
        found: dict[tuple[tuple[str, int | float], ...], FinishedTrial] = {}
        for trial in self._trials(TrialState.COMPLETE):
            physics, luts = trial.values
            measured = Measured(physics, luts, trial.user_attrs["figures"], trial.user_attrs["excesses"])
            found.setdefault(tuple(trial.params.items()), FinishedTrial(trial.number, trial.params, measured))
        return list(found.values())

    def failures(self) -> dict[int, str]:
        """Why trials failed, by number; those that were broken off are begun again, and are none."""
        return {one.number: one.user_attrs[REASON] for one in self._trials(TrialState.FAIL) if REASON in one.user_attrs}

    def _claim(self, trials: int) -> tuple[optuna.Trial, filelock.BaseFileLock] | None:
        """The next trial with its lock; None where there are enough."""
        with self._alone():
            self._begin_again()
            taken = len(self._trials(TrialState.COMPLETE, TrialState.RUNNING)) + len(self.failures())
            if taken >= trials:
                return None
            self.study.sampler = _sampler(self.sampler, taken)
            trial = self.study.ask(dict(self.distributions))
            lock = self._lock(trial.number)
            lock.acquire(timeout=0)
        return trial, lock

    def _begin_again(self) -> None:
        """Put the points of trials whose process has ended back into the queue."""
        for trial in self._trials(TrialState.RUNNING):
            lock = self._lock(trial.number)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                continue
            self.study.tell(trial.number, state=TrialState.FAIL)
            self.study.enqueue_trial(trial.params)
            lock.release()

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)

    def _lock(self, number: int) -> filelock.BaseFileLock:
        return filelock.FileLock(self.folder / "running" / f"{number:05d}.lock")

    def _alone(self) -> filelock.BaseFileLock:
        """No other process asks for a trial, or looks for broken-off ones, meanwhile."""
        return filelock.FileLock(self.folder / "search.lock")


def front(trials: Sequence[FinishedTrial]) -> list[FinishedTrial]:
    """Trials within every limit that no other beats in both objectives, from the fewest LUTs up; equal ones once."""
    within = [one for one in trials if all(excess <= 0 for excess in one.measured.excesses.values())]
    kept = pareto([one.measured.objectives for one in within]) if within else ()
    best = {one.measured.objectives: one for one, stays in reversed(list(zip(within, kept, strict=True))) if stays}
    return sorted(best.values(), key=lambda one: one.measured.luts)


def _distribution(values: Sequence[int | float]) -> BaseDistribution:
    """Widths are near each other or not; sparsities are what they are."""
    if all(isinstance(one, int) for one in values):
        return IntDistribution(int(min(values)), int(max(values)))
    return CategoricalDistribution(tuple(values))


def _sampler(config: SamplerConfig, number: int) -> optuna.samplers.BaseSampler:
    """A sampler for the trial of this number, broken-off ones not counted: what it proposes follows from the seed, the
    number and the trials before.
    """
    seed = config.seed * 100_003 + number
    if config.kind == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=config.population, seed=seed)
    return optuna.samplers.TPESampler(seed=seed)

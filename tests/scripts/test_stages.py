"""A second run makes again what changed, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetrack.scripts.console import Console
from edgetrack.scripts.stages import Done, run_stage

QUIET = Console(quiet=True)


@dataclass(frozen=True)
class Number:
    value: int = 1


class Chain:
    """Two stages; counts how often each did its work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[str] = []

    def work(self, name: str, result: int) -> Callable[[Path], dict[str, int]]:
        def call(path: Path) -> dict[str, int]:
            self.calls.append(name)
            (path / "made.txt").write_text(str(result))
            return {"value": result}

        return call

    def run(self, first: int = 1, second: int = 1) -> Done:
        one = run_stage(self.folder, "one", run_stage, Number(first), [], work=self.work("one", first), console=QUIET)
        return run_stage(
            self.folder,
            "two",
            run_stage,
            [Number(second), "text"],
            [one],
            work=self.work("two", one.result["value"] + second),
            console=QUIET,
        )


def test_unchanged_stages_are_kept(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    assert chain.run().result == {"value": 2}
    assert chain.run().result == {"value": 2}
    assert chain.calls == ["one", "two"]


def test_a_changed_stage_and_all_after_it_are_made_again(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.run()
    assert chain.run(second=5).result == {"value": 6}
    assert chain.calls == ["one", "two", "two"]
    assert chain.run(first=2, second=5).result == {"value": 7}
    assert chain.calls == ["one", "two", "two", "one", "two"]


@pytest.mark.parametrize("resumable", [False, True])
def test_an_interrupted_stage_goes_on_only_where_it_can(tmp_path: Path, resumable: bool) -> None:
    def killed(path: Path) -> dict[str, int]:
        (path / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stage(tmp_path, "s", run_stage, Number(), [], work=killed, console=QUIET, resumable=resumable)
    seen = []

    def finish(path: Path) -> dict[str, int]:
        seen.append((path / "half.txt").exists())
        return {}

    run_stage(tmp_path, "s", run_stage, Number(), [], work=finish, console=QUIET, resumable=resumable)
    assert seen == [resumable]


def test_leftovers_of_another_config_are_removed_even_when_resumable(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.run()
    (tmp_path / "one" / "old.txt").write_text("old")
    run_stage(tmp_path, "one", run_stage, Number(9), [], work=chain.work("one", 9), console=QUIET, resumable=True)
    assert not (tmp_path / "one" / "old.txt").exists()


def test_files_that_no_stage_made_are_never_removed(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="was not made by `edgetrack run`"):
        Chain(tmp_path).run()
    assert (tmp_path / "one" / "mine.txt").read_text() == "precious"

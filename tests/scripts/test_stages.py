"""A second run makes again what changed, and nothing else."""

import json
import os
import shutil
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


def trained(path: Path) -> dict[str, object]:
    (path / "deep").mkdir()
    (path / "weights.bin").write_bytes(b"weights")
    (path / "deep" / "model.onnx").write_bytes(b"onnx")
    return {"checkpoint": str(path / "weights.bin"), "exported": {"onnx": str(path / "deep")}, "form": "deep", "n": 3}


def stage(folder: Path, calls: list[str], value: int = 1, resumable: bool = False) -> Done:
    def work(path: Path) -> dict[str, object]:
        calls.append("made")
        return trained(path)

    return run_stage(folder, "s", run_stage, Number(value), [], work=work, console=QUIET, resumable=resumable)


@pytest.mark.parametrize("move", [shutil.copytree, os.rename])
def test_a_copied_or_moved_run_folder_names_its_own_files(
    move: Callable[[Path, Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls: list[str] = []
    assert stage(Path("first"), calls).result["checkpoint"] == "first/s/weights.bin"
    move(tmp_path / "first", tmp_path / "second")
    monkeypatch.chdir(tmp_path / "second")
    there = stage(Path("."), calls)
    assert there.result == {"checkpoint": "s/weights.bin", "exported": {"onnx": "s/deep"}, "form": "deep", "n": 3}
    assert stage(tmp_path / "second", calls).result["checkpoint"] == str(tmp_path / "second" / "s" / "weights.bin")
    assert calls == ["made"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "file"),
    [
        (flip, "weights.bin"),
        (flip, "deep/model.onnx"),
        (Path.unlink, "deep/model.onnx"),
        (Path.touch, "another.npz"),
    ],
)
@pytest.mark.parametrize("resumable", [False, True])
def test_a_stage_whose_files_are_not_those_it_left_is_made_again(
    harm: Callable[[Path], object], file: str, resumable: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(path: Path) -> dict[str, object]:
        assert not (path / file).exists()
        (path / "deep").mkdir(exist_ok=True)
        for name in ("weights.bin", "deep/model.onnx"):
            (path / name).write_bytes(name.encode())
        return {}

    def run() -> Done:
        return run_stage(tmp_path, "s", run_stage, Number(), [], work=work, console=Console(), resumable=resumable)

    run()
    harm(tmp_path / "s" / file)
    capsys.readouterr()
    run()
    assert f"1 files of {tmp_path}/s have changed since or are missing ({file}): made again" in " ".join(
        capsys.readouterr().out.split()
    )
    run()
    assert "unchanged, kept" in capsys.readouterr().out
    assert not (tmp_path / "s" / "another.npz").exists()


def test_what_programs_build_below_a_stage_is_none_of_its_files(tmp_path: Path) -> None:
    calls: list[str] = []
    stage(tmp_path, calls)
    (tmp_path / "s" / "deep" / "simulation.so").write_bytes(b"compiled later")
    stage(tmp_path, calls)
    assert calls == ["made"]


def test_the_old_stage_stands_until_the_new_one_is_done_and_is_taken_back(tmp_path: Path) -> None:
    calls: list[str] = []
    stage(tmp_path, calls)

    def killed(path: Path) -> dict[str, object]:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_stage(tmp_path, "s", run_stage, Number(2), [], work=killed, console=QUIET)
        assert (tmp_path / "before" / "s" / "weights.bin").read_bytes() == b"weights"
    assert stage(tmp_path, calls).result["checkpoint"] == str(tmp_path / "s" / "weights.bin")
    assert calls == ["made"]
    assert not (tmp_path / "before").exists()
    with pytest.raises(KeyboardInterrupt):
        run_stage(tmp_path, "s", run_stage, Number(2), [], work=killed, console=QUIET)
    stage(tmp_path, calls, value=2)
    assert calls == ["made", "made"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"fingerprint": "f", "result": {}, "paths": [["x"]]}'])
def test_a_damaged_stamp_is_named_with_the_remedy(content: str, tmp_path: Path) -> None:
    stage(tmp_path, [])
    (tmp_path / "s" / "stage.json").write_text(content)
    with pytest.raises(ValueError, match=r"stage\.json: damaged stamp .*; remove .*s to have the stage made again"):
        stage(tmp_path, [])


def test_paths_on_record_are_relative_and_every_file_has_a_hash(tmp_path: Path) -> None:
    stage(tmp_path, [])
    record = json.loads((tmp_path / "s" / "stage.json").read_text())
    assert record["result"] == {"checkpoint": "s/weights.bin", "exported": {"onnx": "s/deep"}, "form": "deep", "n": 3}
    assert set(record["files"]) == {"weights.bin", "deep/model.onnx"}
    assert str(tmp_path) not in json.dumps(record)

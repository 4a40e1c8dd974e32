"""Training: it learns, it resumes to bitwise the same weights, and says what it cannot do."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from safetensors.torch import load_file
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.history import read_history
from edgetrack.models.inference import edge_logits
from edgetrack.models.resume_point import PREVIOUS_FILE, RESUME_FILE, find_resume_point
from edgetrack.models.rows import Rows
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.thresholds import balanced_threshold, edge_accuracy
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import FitResult, fit

SCRIPT = Path(__file__).with_name("train_and_die.py")
EDGES = EdgeClassification()
FORWARDS_AN_EPOCH = 3 + 2  # batches of 2 + 2 + 1 graphs, and two validation graphs


@pytest.fixture(scope="module")
def toy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_and_die", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def graphs(toy: ModuleType) -> list[HitGraph]:
    made: list[HitGraph] = toy.toy_graphs(7)
    return made


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    assert left.keys() == right.keys()
    return all(np.array_equal(left[name].numpy(), right[name].numpy()) for name in left)


def run_script(folder: Path, kill_at: int, threads: int = 1, devices: int = 1) -> int:
    command = [sys.executable, str(SCRIPT), str(folder), str(kill_at), str(devices)]
    return subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, check=False).returncode


def test_a_killed_training_resumes_to_bitwise_the_same_weights_whatever_the_threads(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    whole = fit(
        toy.Mortal(toy.toy_network(), 0), EDGES, graphs[:5], graphs[5:], toy.CONFIG, tmp_path / "whole", progress=False
    )
    in_epoch_3 = 3 * FORWARDS_AN_EPOCH + 2
    assert run_script(tmp_path / "killed", in_epoch_3, threads=1) == -signal.SIGKILL
    assert (tmp_path / "killed" / RESUME_FILE).exists()
    assert not (tmp_path / "killed" / "state0.safetensors").exists()
    assert run_script(tmp_path / "killed", 0, threads=2) == 0
    assert equal(whole.state, load_file(tmp_path / "killed" / "state0.safetensors"))
    other = fit(
        toy.Mortal(toy.toy_network(), 0),
        EDGES,
        graphs[:5],
        graphs[5:],
        replace(toy.CONFIG, seed=6),
        tmp_path / "other",
        progress=False,
    )
    assert not equal(whole.state, other.state)


@pytest.mark.slow
def test_two_devices_share_the_batches_and_end_with_the_same_weights(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    assert run_script(tmp_path / "two", 0, devices=2) == 0
    states = [load_file(tmp_path / "two" / f"state{device}.safetensors") for device in range(2)]
    assert equal(*states)
    alone = fit(
        toy.Mortal(toy.toy_network(), 0), EDGES, graphs[:5], graphs[5:], toy.CONFIG, tmp_path / "one", progress=False
    )
    assert not equal(states[0], alone.state)


def test_a_finished_training_returns_its_result_again_at_once(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=2)
    results = [
        fit(toy.toy_network(), EDGES, graphs[:2], graphs[2:3], config, tmp_path, progress=False) for _ in range(2)
    ]
    assert equal(results[0].state, results[1].state)
    assert results[0].history == results[1].history
    assert len(results[0].history) == 2
    losses = read_history(tmp_path)["train_loss"].tolist()
    assert losses == [record["train_loss"] for record in results[0].history]


def test_training_separates_true_edges_from_false_ones(toy: ModuleType, graphs: list[HitGraph], tmp_path: Path) -> None:
    config = TrainConfig(epochs=15, schedule=ScheduleConfig(learning_rate=1e-2))
    network = toy.toy_network()
    result = fit(network, EDGES, graphs[:5], graphs[5:], config, tmp_path, progress=False)
    logits, y = np.concatenate(edge_logits(network, graphs[5:])), np.concatenate([g.y for g in graphs[5:]])
    assert result.figures["threshold"] == balanced_threshold(logits, y)
    assert result.figures["validation_accuracy"] == edge_accuracy(logits, y, result.figures["threshold"])
    assert result.figures["validation_accuracy"] > 0.95 > max(y.mean(), 1 - y.mean())
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert not network.training
    assert equal(result.state, network.state_dict())
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_best_weights_are_those_of_the_lowest_validation_loss(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=4, keep="best", schedule=ScheduleConfig("step", learning_rate=0.3))
    network = toy.toy_network()
    result = fit(network, EDGES, graphs[:2], graphs[5:], config, tmp_path, progress=False)
    losses = [record["validation_loss"] for record in result.history]
    logits, y = np.concatenate(edge_logits(network, graphs[5:])), np.concatenate([g.y for g in graphs[5:]])
    assert min(losses) < losses[-1]
    expected = nn.functional.binary_cross_entropy_with_logits(torch.from_numpy(logits), torch.from_numpy(y).float())
    assert expected.item() == pytest.approx(min(losses), rel=1e-6)


class Constant(nn.Module):
    """A teacher that is sure of one answer for every edge."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        return self.logit.expand(rows.counts["edge"])


def test_a_student_follows_its_teacher_and_the_teacher_stays(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=5, schedule=ScheduleConfig(learning_rate=3e-2))
    student, teacher = toy.toy_network(), Constant(2.0)
    result = fit(
        student,
        EdgeClassification(distillation=1.0),
        graphs[:5],
        graphs[5:],
        config,
        tmp_path / "soft",
        teacher=teacher,
        progress=False,
    )
    logits = np.concatenate(edge_logits(student, graphs[5:]))
    assert abs(logits.mean() - 2.0) < 0.3
    assert teacher.logit.item() == 2.0
    assert not any("teacher" in name for name in result.state)
    deaf = toy.toy_network()
    hard = EdgeClassification(distillation=0.0)
    with_teacher = fit(deaf, hard, graphs[:5], graphs[5:], config, tmp_path / "hard", teacher=teacher, progress=False)
    without = fit(toy.toy_network(), EDGES, graphs[:5], graphs[5:], config, tmp_path / "alone", progress=False)
    assert equal(with_teacher.state, without.state)


@pytest.mark.parametrize("change", ["objective", "config", "graphs", "weights", "teacher"])
def test_a_folder_with_another_training_is_refused(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, change: str
) -> None:
    config, network = TrainConfig(epochs=1), toy.toy_network()
    fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], config, tmp_path, progress=False)
    if change == "weights":
        network.mlps["phi_r1"][0].bias.data[0] += 1.0
    with pytest.raises(ValueError, match="holds another training"):
        fit(
            network,
            EdgeClassification(augmentation=None) if change == "objective" else EDGES,
            graphs[1:2] if change == "graphs" else graphs[:1],
            graphs[5:],
            replace(config, epochs=2) if change == "config" else config,
            tmp_path,
            teacher=Constant(0.0) if change == "teacher" else None,
            progress=False,
        )


def test_a_training_that_diverges_says_so(toy: ModuleType, graphs: list[HitGraph], tmp_path: Path) -> None:
    wild = TrainConfig(epochs=3, gradient_clip=None, schedule=ScheduleConfig("step", learning_rate=1e30))
    with pytest.raises(ValueError, match="training diverged in epoch 0"):
        fit(toy.toy_network(), EDGES, graphs[:2], graphs[5:], wild, tmp_path, progress=False)


def test_training_without_graphs_or_with_impossible_settings_is_refused(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="1 training and 0 validation graphs"):
        fit(toy.toy_network(), EDGES, graphs[:1], [], TrainConfig(), tmp_path)
    with pytest.raises(ValueError, match="epochs is 0"):
        TrainConfig(epochs=0)
    with pytest.raises(ValueError, match="distillation is 2"):
        EdgeClassification(distillation=2.0)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused_in_words(toy: ModuleType, graphs: list[HitGraph], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"accelerator=gpu with training.devices=2.* has: cpu; set those, or"):
        fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], TrainConfig(accelerator="gpu", devices=2), tmp_path)


def test_unknown_accelerators_and_strategies_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="accelerator is 'gpuu', wanted one of auto, cpu, gpu, cuda, mps"):
        TrainConfig(accelerator="gpuu")
    with pytest.raises(ValueError, match="strategy is 'fsdp', wanted one of auto, ddp"):
        TrainConfig(strategy="fsdp")


def test_training_leaves_the_random_state_and_the_threads_as_they_were(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(
        toy.toy_network(),
        EDGES,
        graphs[:1],
        graphs[5:],
        TrainConfig(epochs=1, threads=threads + 1),
        tmp_path,
        progress=False,
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_progress_without_a_terminal_is_a_few_lines(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], TrainConfig(epochs=2), tmp_path, label="toy")
    lines = capfd.readouterr().err.split("\n")
    assert [line.split(" loss")[0] for line in lines if line] == ["toy 1/2", "toy 2/2"]
    fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], TrainConfig(epochs=2), tmp_path / "quiet", progress=False)
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_training_says_so(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trainer: Trainer, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], TrainConfig(epochs=1), tmp_path, progress=False)


@pytest.mark.parametrize("nodes", [60, 0])
def test_a_graph_without_edges_changes_no_loss_and_no_weight(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, nodes: int
) -> None:
    config = TrainConfig(epochs=2)
    without = HitGraph(graphs[0].x[:nodes], np.zeros((2, 0), np.int64), y=np.zeros(0, np.bool_), name="edgeless")
    plain = fit(toy.toy_network(), EDGES, graphs[:3], graphs[5:], config, tmp_path / "plain", progress=False)
    mixed = fit(
        toy.toy_network(),
        EDGES,
        [without, *graphs[:3]],
        [without, *graphs[5:]],
        config,
        tmp_path / "mixed",
        progress=False,
    )
    assert np.isfinite([record["train_loss"] for record in mixed.history]).all()
    assert mixed.history == plain.history
    assert equal(mixed.state, plain.state)
    with pytest.raises(ValueError, match="1 training and 2 validation graphs, of which 0 and 2 have something"):
        fit(toy.toy_network(), EDGES, [without], graphs[5:], config, tmp_path / "none", progress=False)


def damaged(content: bytes) -> dict[str, bytes]:
    flipped = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
        flipped[content.index(archive.read(largest)) + largest.file_size // 2] ^= 0x10
    return {"half": content[: len(content) // 2], "short": content[:5000], "empty": b"", "one bit": bytes(flipped)}


def test_a_damaged_resume_point_is_told_and_the_one_before_it_serves(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=3)

    def trained() -> FitResult:
        return fit(toy.toy_network(), EDGES, graphs[:2], graphs[5:], config, tmp_path, progress=False)

    whole = trained()
    last, previous = tmp_path / RESUME_FILE, tmp_path / PREVIOUS_FILE
    kept = last.read_bytes(), previous.read_bytes()
    for content in damaged(kept[0]).values():
        last.write_bytes(content)
        previous.write_bytes(kept[1])
        with pytest.warns(UserWarning, match=r"last\.ckpt: damaged resume point .* going on from previous\.ckpt"):
            again = trained()
        assert equal(whole.state, again.state)
        assert whole.history == again.history
        assert find_resume_point(tmp_path) == last


def test_without_a_whole_resume_point_the_file_and_the_remedy_are_named(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], TrainConfig(epochs=1), tmp_path, progress=False)
    for content in damaged((tmp_path / RESUME_FILE).read_bytes()).values():
        (tmp_path / RESUME_FILE).write_bytes(content)
        with pytest.raises(ValueError, match=r"last\.ckpt: damaged resume point .* remove it to train from the start"):
            fit(toy.toy_network(), EDGES, graphs[:1], graphs[5:], TrainConfig(epochs=1), tmp_path, progress=False)


def test_a_terminated_training_ends_with_a_status_and_goes_on_to_the_same_weights(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    class Terminated(toy.Mortal):  # type: ignore[misc, name-defined]
        def forward(self, rows: Rows[Tensor]) -> Tensor:
            self.passes += 1
            if self.passes == self.kill_at:
                os.kill(os.getpid(), signal.SIGTERM)
            logits: Tensor = self.network(rows)
            return logits

    def trained(kill_at: int, folder: str) -> FitResult:
        network = Terminated(toy.toy_network(), kill_at)
        return fit(network, EDGES, graphs[:5], graphs[5:], toy.CONFIG, tmp_path / folder, progress=False)

    handler = signal.getsignal(signal.SIGTERM)
    whole = trained(0, "whole")
    with pytest.raises(SystemExit) as ended:
        trained(2 * FORWARDS_AN_EPOCH + 1, "ended")
    assert ended.value.code == 128 + signal.SIGTERM
    assert equal(whole.state, trained(0, "ended").state)
    assert signal.getsignal(signal.SIGTERM) == handler


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clip_that_clips_nothing_or_everything_is_refused(clip: float) -> None:
    with pytest.raises(ValueError, match=r"gradient_clip is .*, wanted a positive norm, or null"):
        TrainConfig(gradient_clip=clip)

"""Training: it learns, it resumes to bitwise the same weights, and says what it cannot do."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
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
from edgetrack.models.inference import edge_logits
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.thresholds import balanced_threshold, edge_accuracy
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import RESUME_FILE, fit

SCRIPT = Path(__file__).with_name("train_and_die.py")
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
    return toy.toy_graphs(7)


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    assert left.keys() == right.keys()
    return all(np.array_equal(left[name].numpy(), right[name].numpy()) for name in left)


def run_script(folder: Path, kill_at: int, threads: int = 1, devices: int = 1) -> int:
    command = [sys.executable, SCRIPT, folder, str(kill_at), str(devices)]
    return subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, check=False).returncode


def test_a_killed_training_resumes_to_bitwise_the_same_weights_whatever_the_threads(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    whole = fit(
        toy.Mortal(toy.toy_network(), 0), graphs[:5], graphs[5:], toy.CONFIG, tmp_path / "whole", progress=False
    )
    in_epoch_3 = 3 * FORWARDS_AN_EPOCH + 2
    assert run_script(tmp_path / "killed", in_epoch_3, threads=1) == -signal.SIGKILL
    assert (tmp_path / "killed" / RESUME_FILE).exists()
    assert not (tmp_path / "killed" / "state0.safetensors").exists()
    assert run_script(tmp_path / "killed", 0, threads=2) == 0
    assert equal(whole.state, load_file(tmp_path / "killed" / "state0.safetensors"))
    other = fit(
        toy.Mortal(toy.toy_network(), 0),
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
    alone = fit(toy.Mortal(toy.toy_network(), 0), graphs[:5], graphs[5:], toy.CONFIG, tmp_path / "one", progress=False)
    assert not equal(states[0], alone.state)


def test_a_finished_training_returns_its_result_again_at_once(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=2)
    results = [fit(toy.toy_network(), graphs[:2], graphs[2:3], config, tmp_path, progress=False) for _ in range(2)]
    assert equal(results[0].state, results[1].state)
    assert results[0].history == results[1].history
    assert len(results[0].history) == 2


def test_training_separates_true_edges_from_false_ones(toy: ModuleType, graphs: list[HitGraph], tmp_path: Path) -> None:
    config = TrainConfig(epochs=15, schedule=ScheduleConfig(learning_rate=1e-2))
    network = toy.toy_network()
    result = fit(network, graphs[:5], graphs[5:], config, tmp_path, progress=False)
    logits, y = np.concatenate(edge_logits(network, graphs[5:])), np.concatenate([g.y for g in graphs[5:]])
    assert result.threshold == balanced_threshold(logits, y)
    assert result.accuracy == edge_accuracy(logits, y, result.threshold)
    assert result.accuracy > 0.95 > max(y.mean(), 1 - y.mean())
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert not network.training
    assert equal(result.state, network.state_dict())
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_best_weights_are_those_of_the_lowest_validation_loss(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=4, keep="best", schedule=ScheduleConfig("step", learning_rate=0.3))
    network = toy.toy_network()
    result = fit(network, graphs[:2], graphs[5:], config, tmp_path, progress=False)
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

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        return self.logit.expand(edge_index.shape[1])


def test_a_student_follows_its_teacher_and_the_teacher_stays(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    config = TrainConfig(epochs=5, distillation=1.0, schedule=ScheduleConfig(learning_rate=3e-2))
    student, teacher = toy.toy_network(), Constant(2.0)
    result = fit(student, graphs[:5], graphs[5:], config, tmp_path / "soft", teacher=teacher, progress=False)
    logits = np.concatenate(edge_logits(student, graphs[5:]))
    assert abs(logits.mean() - 2.0) < 0.3
    assert teacher.logit.item() == 2.0
    assert not any("teacher" in name for name in result.state)
    deaf = toy.toy_network()
    hard = replace(config, distillation=0.0)
    with_teacher = fit(deaf, graphs[:5], graphs[5:], hard, tmp_path / "hard", teacher=teacher, progress=False)
    without = fit(toy.toy_network(), graphs[:5], graphs[5:], hard, tmp_path / "alone", progress=False)
    assert equal(with_teacher.state, without.state)


@pytest.mark.parametrize("change", ["config", "graphs", "weights", "teacher"])
def test_a_folder_with_another_training_is_refused(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, change: str
) -> None:
    config, network = TrainConfig(epochs=1), toy.toy_network()
    fit(toy.toy_network(), graphs[:1], graphs[5:], config, tmp_path, progress=False)
    if change == "weights":
        network.mlps["phi_r1"][0].bias.data[0] += 1.0
    with pytest.raises(ValueError, match="holds another training"):
        fit(
            network,
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
        fit(toy.toy_network(), graphs[:2], graphs[5:], wild, tmp_path, progress=False)


def test_training_without_graphs_or_with_impossible_settings_is_refused(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="1 training and 0 validation graphs"):
        fit(toy.toy_network(), graphs[:1], [], TrainConfig(), tmp_path)
    with pytest.raises(ValueError, match="epochs is 0"):
        TrainConfig(epochs=0)
    with pytest.raises(ValueError, match="distillation is 2"):
        TrainConfig(distillation=2.0)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused_in_words(toy: ModuleType, graphs: list[HitGraph], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"accelerator=gpu with training.devices=2.* has: cpu; set those, or"):
        fit(toy.toy_network(), graphs[:1], graphs[5:], TrainConfig(accelerator="gpu", devices=2), tmp_path)


def test_unknown_accelerators_and_strategies_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="accelerator is 'gpuu', wanted one of auto, cpu, gpu, cuda, mps"):
        TrainConfig(accelerator="gpuu")
    with pytest.raises(ValueError, match="strategy is 'fsdp', wanted one of auto, ddp"):
        TrainConfig(strategy="fsdp")


def test_training_leaves_the_random_state_and_the_threads_as_they_were(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path
) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(toy.toy_network(), graphs[:1], graphs[5:], TrainConfig(epochs=1, threads=threads + 1), tmp_path, progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_progress_without_a_terminal_is_a_few_lines(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fit(toy.toy_network(), graphs[:1], graphs[5:], TrainConfig(epochs=2), tmp_path, label="toy")
    lines = capfd.readouterr().err.split("\n")
    assert [line.split(" loss")[0] for line in lines if line] == ["toy 1/2", "toy 2/2"]
    fit(toy.toy_network(), graphs[:1], graphs[5:], TrainConfig(epochs=2), tmp_path / "quiet", progress=False)
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_training_says_so(
    toy: ModuleType, graphs: list[HitGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trainer: Trainer, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(toy.toy_network(), graphs[:1], graphs[5:], TrainConfig(epochs=1), tmp_path, progress=False)

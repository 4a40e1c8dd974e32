"""Magnitude pruning: the published schedule, which weights go, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from toy_networks import every_step

from edgetrack.models.network import seeded_network
from edgetrack.models.pruning import PruningConfig, kept, weight_matrices
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe


def test_the_course_is_equation_1_of_zhu_and_gupta() -> None:
    """s_t = s_f + (s_i − s_f) (1 − (t − t_0) / (n Δt))³ with s_i = 0, Δt one epoch, t_0 the epoch before the first."""
    config = PruningConfig(0.8, begin=0.2, end=0.7)
    final, before, steps = 0.8, 1, 5  # of ten epochs, 2 to 6 prune
    for epoch in range(10):
        t = min(max(epoch, before), before + steps)
        wanted = final + (0.0 - final) * (1 - (t - before) / steps) ** 3
        assert 0.8 * config.share(epoch, 10) == pytest.approx(wanted, abs=1e-12)


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_the_course_only_rises_and_is_whole_before_the_training_ends(epochs: int, one: float, other: float) -> None:
    begin, end = sorted((one, other))
    if begin == end:
        return
    config = PruningConfig(0.5, begin, end)
    shares = [config.share(epoch, epochs) for epoch in range(epochs)]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] == 1.0
    assert shares.index(1.0) == config.whole_from(epochs)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99), st.floats(0, 0.99))
def test_the_smallest_go_and_none_comes_back(seed: int, first: float, second: float) -> None:
    rng = np.random.default_rng(seed)
    weight = torch.from_numpy(rng.permutation(35).reshape(5, 7) - 17.5)
    before = kept(weight, torch.ones(5, 7, dtype=torch.bool), first)
    order = np.argsort(np.abs(weight.numpy()), axis=None, kind="stable")
    assert np.array_equal(np.flatnonzero(~before.numpy()), np.sort(order[: round(first * 35)]))
    moved = torch.from_numpy(rng.normal(size=(5, 7)))
    after = kept(moved, before, second)
    assert not (after & ~before).any()
    assert int((~after).sum()) == max(round(first * 35), round(second * 35))
    gone = moved.abs()[before & ~after]
    assert not len(gone) or not after.any() or gone.max() <= moved.abs()[after].min()


def test_float_and_quantised_networks_name_the_same_matrices_and_shared_ones_once() -> None:
    description = every_step()
    floats = weight_matrices(seeded_network(description, 0))
    bits = weight_matrices(QuantizedNetwork(description, PrecisionRecipe()))
    assert {name: one.shape for name, one in floats.items()} == {name: one.shape for name, one in bits.items()}
    assert {name.rpartition(".")[0] for name in floats} == set(description.parameters)
    assert len(description.parameters) < len(description.mlps)


def test_any_other_module_is_pruned_by_the_names_of_pytorch() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1, bias=False))
    assert list(weight_matrices(module)) == ["0", "2"]


def test_a_layers_sparsity_beats_its_mlps() -> None:
    config = PruningConfig(0.5, overrides={"phi_o": 0.25, "phi_o.1": 0.0})
    layers = dict.fromkeys(("phi_r1.0", "phi_o.0", "phi_o.1"))
    assert config.of(layers) == {"phi_r1.0": 0.5, "phi_o.0": 0.25, "phi_o.1": 0.0}
    with pytest.raises(ValueError, match=r"no weights 'phi_p'; did you mean 'phi_o'"):
        PruningConfig(0.5, overrides={"phi_p": 0.25}).of(layers)


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ({"sparsity": 1.0}, "wanted a fraction of the weights in"),
        ({"overrides": {"phi_o": -0.1}}, "sparsity of 'phi_o' is -0.1"),
        ({"begin": 0.6, "end": 0.6}, "0 ≤ begin < end ≤ 1"),
    ],
)
def test_what_cannot_be_pruned_is_refused(given_: dict[str, float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        PruningConfig(**given_)  # type: ignore[arg-type]

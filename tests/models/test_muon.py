"""Muon: orthogonal steps for matrices, Adam's for the rest, and a state that can be saved."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from edgetrack.models.muon import Muon, is_matrix, orthogonal


@pytest.mark.parametrize("shape", [(5, 5), (4, 9), (9, 4)])
def test_orthogonal_keeps_the_singular_vectors_and_levels_the_singular_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, v = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    in_its_basis = u.T @ orthogonal(matrix).double().numpy() @ v.T
    levelled = np.diag(in_its_basis)
    assert levelled.min() > 0.6  # five Newton–Schulz steps level to about [0.7, 1.2]
    assert levelled.max() < 1.25
    np.testing.assert_allclose(in_its_basis, np.diag(levelled), atol=1e-4)


def test_a_matrix_takes_a_step_of_the_learning_rate_in_every_direction() -> None:
    weight = nn.Parameter(torch.zeros(8, 2))
    optimizer = Muon([weight], learning_rate=0.1)
    weight.grad = torch.randn(8, 2, generator=torch.Generator().manual_seed(2))
    optimizer.step()
    singular = torch.linalg.svdvals(weight.detach())
    assert singular.min() > 0.1 * 2 * 0.6  # × √(8 / 2), the factor for tall matrices
    assert singular.max() < 0.1 * 2 * 1.25


def test_other_parameters_step_as_adam_does() -> None:
    start = torch.randn(4, generator=torch.Generator().manual_seed(3))
    mine, reference = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    muon = Muon([mine], adam_learning_rate=0.02, betas=(0.9, 0.99))
    adam = torch.optim.Adam([reference], lr=0.02, betas=(0.9, 0.99))
    for step in range(5):
        gradient = torch.randn(4, generator=torch.Generator().manual_seed(step))
        mine.grad, reference.grad = gradient.clone(), gradient.clone()
        muon.step()
        adam.step()
    torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-7)  # the same formula, rounded elsewhere
    assert not torch.equal(mine, nn.Parameter(start))


def test_rows_and_columns_of_one_are_no_matrices() -> None:
    assert is_matrix(torch.zeros(2, 3))
    assert not any(is_matrix(torch.zeros(shape)) for shape in [(1, 40), (40, 1), (7,), ()])


def test_a_saved_state_goes_on_bitwise() -> None:
    torch.manual_seed(4)
    network = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 1))
    x = torch.randn(20, 3)

    def steps(module: nn.Module, optimizer: Muon, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss = optimizer.step(lambda: module(x).square().mean().backward())
            assert loss is None

    optimizer = Muon(network.parameters())
    steps(network, optimizer, 3)
    twin = copy.deepcopy(network)
    resumed = Muon(twin.parameters())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    forgetful = copy.deepcopy(network)
    without = Muon(forgetful.parameters())
    for module, one in ((network, optimizer), (twin, resumed), (forgetful, without)):
        steps(module, one, 3)
    for mine, same, other in zip(network.parameters(), twin.parameters(), forgetful.parameters(), strict=True):
        assert np.array_equal(mine.detach().numpy(), same.detach().numpy())
        assert not np.array_equal(mine.detach().numpy(), other.detach().numpy())

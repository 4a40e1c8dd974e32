"""Message passing as matrix products: the same network on incidence matrices.

Battaglia et al., "Interaction networks for learning about objects, relations and physics" (2016), section 3.1, and
DeZoort et al. (2021), section 4, write the network so. With X (N, 3) hits, R_a (E, 4) edges, and for each end of the
edges an incidence matrix R (N, E), R[n, e] = 1 where edge e has hit n there, receivers R_i, senders R_o:

    B = [R_iᵀ X, R_oᵀ X, R_a]      E = φ_R1(B)      P = R_i E      X̃ = φ_O([X, P])
    W = φ_R2([R_iᵀ X̃, R_oᵀ X̃, E])

A gather is a product with Rᵀ, a sum over messages one with R; everything else acts on rows. (In the matrices of the
papers elements are columns, here rows as everywhere in this package.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows, check_inputs
from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter, Step, Table, refuse_step


def matrix_values(network: GraphNetwork, rows: Rows[Tensor]) -> dict[str, Tensor]:
    """Every value of `GraphNetwork.values`, each (rows of its domain, width), by incidence matrices.

    Equal to message passing up to the order of float sums. Takes gathers, concatenations, MLPs and sums: what the
    Interaction Network has; other steps raise ValueError.
    Cost: O(N + E) times widths and the sizes of the MLPs; the matrices are sparse, one entry an edge and end.
    """
    check_inputs(network.description.inputs, rows)
    incidence = {end: _incidence(index, rows.counts[rows.domain_at(end)]) for end, index in rows.ends.items()}
    values = {
        value.name: rows.features[value.name] * network.get_buffer(f"scale_{value.name}")
        for value in network.description.inputs
    }
    for step in network.description.steps:
        values[step.name] = _value(step, values, incidence, network)
    return values


def _value(step: Step, values: dict[str, Tensor], incidence: dict[str, Tensor], network: GraphNetwork) -> Tensor:
    match step:
        case Gather():
            return _product(incidence[step.end].t(), values[step.source])
        case Scatter(reduce="sum"):
            return _product(incidence[step.end], values[step.source])
        case Concat():
            return torch.cat([values[part] for part in step.parts], dim=1)
        case Mlp():
            result: Tensor = network.mlps[step.parameters](values[step.source])
            return result
        case Scatter() | Map() | Table():
            raise ValueError(
                f"matrix form: step {step.name!r} is a {type(step).__name__} that is no product with an incidence "
                "matrix; wanted gathers, concatenations, MLPs and sums, as in the Interaction Network"
            )
        case _:
            refuse_step(step, "matrix form")


def _product(matrix: Tensor, rows: Tensor) -> Tensor:
    product: Tensor = torch.sparse.mm(matrix, rows)
    return product


def _incidence(index: Tensor, count: int) -> Tensor:
    """(count, E) sparse, 1 where an edge has a row at this end, from `index` (E,)."""
    at = torch.stack([index, torch.arange(len(index), device=index.device)])
    ones = torch.ones(len(index), device=index.device)
    return torch.sparse_coo_tensor(at, ones, (count, len(index)), check_invariants=True).coalesce()

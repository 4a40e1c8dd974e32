"""The Interaction Network and the compact HyperTrack on PyTorch Geometric, as its users write them."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows


def message_passing() -> Any:
    """PyTorch Geometric's MessagePassing. Raises ModuleNotFoundError without torch_geometric."""
    try:
        with warnings.catch_warnings():  # its import scripts a class, which PyTorch now deprecates
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch_geometric.nn import MessagePassing
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("torch_geometric is missing: pip install 'edgetrack[peers]'") from error
    return MessagePassing


def pyg_interaction_network(network: GraphNetwork) -> nn.Module:
    """DeZoort's network of the same weights; called with rows of a hit graph, gives logits (E,)."""
    base = message_passing()

    class InteractionNetwork(base):  # type: ignore[misc, valid-type]  # it has no types
        def __init__(self) -> None:
            super().__init__(aggr="add")
            self.mlps = network.mlps
            self.x_scale, self.edge_scale = (network.get_buffer(f"scale_{name}") for name in ("x", "edge_attr"))
            self.effects = torch.empty(0)

        def forward(self, rows: Rows[Tensor]) -> Tensor:
            x, edge_attr = rows.features["x"] * self.x_scale, rows.features["edge_attr"] * self.edge_scale
            edge_index = torch.stack([rows.ends["source"], rows.ends["target"]])
            aggregate = self.propagate(edge_index, x=x, edge_attr=edge_attr)
            hits = self.mlps["phi_o"](torch.cat([x, aggregate], dim=1))
            pairs = torch.cat([hits[edge_index[1]], hits[edge_index[0]], self.effects], dim=1)
            logits: Tensor = self.mlps["phi_r2"](pairs)
            return logits.squeeze(1)

        def message(self, x_i: Tensor, x_j: Tensor, edge_attr: Tensor) -> Tensor:
            self.effects = self.mlps["phi_r1"](torch.cat([x_i, x_j, edge_attr], dim=1))
            return self.effects

    made: nn.Module = InteractionNetwork().eval()
    return made


def pyg_compact_hypertrack(network: GraphNetwork, layers: int) -> nn.Module:
    """The compact HyperTrack of the same weights (own weights both ways, L1 distances); rows → logits (E,)."""
    base = message_passing()

    class Messages(base):  # type: ignore[misc, valid-type]
        def __init__(self, name: str, flow: str) -> None:
            super().__init__(aggr="mean", flow=flow)
            self.mlp, self.outer_receives = network.mlps[name], flow == "source_to_target"

        def forward(self, h: Tensor, edge_index: Tensor, geometry: Tensor) -> Tensor:
            means: Tensor = self.propagate(edge_index, h=h, geometry=geometry)
            return means

        def message(self, h_i: Tensor, h_j: Tensor, geometry: Tensor) -> Tensor:
            target, source = (h_i, h_j) if self.outer_receives else (h_j, h_i)
            product = target * source
            distance = (source - target).abs().sum(dim=1, keepdim=True)
            joined = [target, source, product, product.sum(dim=1, keepdim=True), distance, geometry]
            message: Tensor = self.mlp(torch.cat(joined, dim=1))
            return message

    class CompactHyperTrack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            flows = {"forward": "source_to_target", "backward": "target_to_source"}
            self.messages = nn.ModuleList(
                nn.ModuleList(Messages(f"{side}_{layer}", flow) for side, flow in flows.items())
                for layer in range(1, layers + 1)
            )

        def forward(self, rows: Rows[Tensor]) -> Tensor:
            scaled = {name: value * network.get_buffer(f"scale_{name}") for name, value in rows.features.items()}
            edge_index = torch.stack([rows.ends["source"], rows.ends["target"]])
            geometry = torch.cat([scaled["pair_geometry"], scaled["doublet_geometry"]], dim=1)
            hits, every = scaled["cylindrical"], []
            for layer, both in enumerate(self.messages, 1):
                assert isinstance(both, nn.ModuleList)
                means = [messages(hits, edge_index, geometry) for messages in both]
                change = network.mlps["hits_1" if layer == 1 else f"change_{layer}"](torch.cat([hits, *means], dim=1))
                hits = change if layer == 1 else hits + change
                every.append(hits)
            latent = network.mlps["latent"](torch.cat(every, dim=1))
            product = latent[edge_index[0]] * latent[edge_index[1]]
            logits: Tensor = network.mlps["edge_logit"](torch.cat([product, geometry], dim=1))
            return logits.squeeze(1)

    return CompactHyperTrack().eval()

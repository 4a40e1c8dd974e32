"""Run by test_training.py: a small training that kills its own process at a given forward pass.

Usage: train_and_die.py FOLDER KILL_AT [DEVICES]; 0 kills never. Each device that survives writes
FOLDER/state<its number>.safetensors.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.torch import save_file
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.models.rows import Rows
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit

CONFIG = TrainConfig(epochs=6, batch_graphs=2, keep="best", seed=5, schedule=ScheduleConfig(optimizer="muon"))


def toy_graphs(count: int, num_nodes: int = 60, num_edges: int = 3000) -> list[HitGraph]:
    """Graphs whose edges are true where they are short in ΔR."""
    graphs = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        x = np.column_stack(
            [rng.uniform(0.03, 0.17, num_nodes), rng.uniform(-1, 1, num_nodes), rng.uniform(-1.5, 1.5, num_nodes)]
        )
        edge_index = rng.integers(0, num_nodes, (2, num_edges))
        unlabelled = HitGraph(x.astype(np.float32), edge_index)
        graphs.append(HitGraph(unlabelled.x, edge_index, y=unlabelled.edge_attr[:, 3] < 2.0, name=f"toy{seed}"))
    return graphs


def toy_network() -> nn.Module:
    config = InteractionNetworkConfig(hidden=6, node_scale=(1.0,) * 3, edge_scale=(1.0,) * 4)
    return seeded_network(interaction_network(config), seed=2)


class Mortal(nn.Module):
    """A network that takes its process with it, without any farewell, in its forward pass number `kill_at`."""

    def __init__(self, network: nn.Module, kill_at: int) -> None:
        super().__init__()
        self.network = network
        self.kill_at = kill_at
        self.passes = 0

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        self.passes += 1
        if self.passes == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        logits: Tensor = self.network(rows)
        return logits


if __name__ == "__main__":
    folder, kill_at = Path(sys.argv[1]), int(sys.argv[2])
    graphs = toy_graphs(7)
    devices = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    config = replace(CONFIG, devices=devices, strategy="ddp" if devices > 1 else "auto")
    result = fit(
        Mortal(toy_network(), kill_at), EdgeClassification(), graphs[:5], graphs[5:], config, folder, progress=False
    )
    save_file(result.state, folder / f"state{os.environ.get('LOCAL_RANK', '0')}.safetensors")

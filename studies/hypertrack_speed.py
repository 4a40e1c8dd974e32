"""How fast HyperTrack's network and its clustering are, beside straightforward forms of the same, in one process."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.fused import FusedHyperTrack
from edgetrack.models.hypertrack.mask_models import float_mask_model, hit_tokens
from edgetrack.models.hypertrack.network import HyperTrackNetwork, dense_layers
from edgetrack.models.hypertrack.set_transformer import SetTransformer
from edgetrack.models.hypertrack.steps import folded
from edgetrack.models.micrographs import MaskModel, Micrographs
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.models.threads import torch_threads
from edgetrack.studies.straightforward_hypertrack import Mask, networkx_candidates, pyg_network
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig, cluster
from edgetrack.tracks.hypertrack.masking import true_masking
from edgetrack.tracks.hypertrack.pivots import PivotConfig

TOLERANCE = 1e-4  # float32, sums in other orders, values near 1
CUT = math.log(0.85 / 0.15)  # logit of the edge cut
MARGIN = 0.5  # of the mask's logit, for hits of the pivots' particle and against the others
CLUSTERING = ClusteringConfig(pivots=PivotConfig(hits_per_path=0))


def network_case(nodes: int, pairs: int, repeats: int, seed: int) -> dict[str, Any]:
    """Encoder and decoder of the published network on a random graph, one thread, all features of hits and edges given.

    `pyg`: PyTorch Geometric on 2 × `pairs` directed edges, everything concatenated. `module`: what is trained, pairs
    once. `ours`: `FusedHyperTrack`. Raises RuntimeError where the three differ by more than rounding.
    """
    graph, network = random_graph(nodes, pairs, seed), random_network(HyperTrackConfig(), seed)
    rows = as_tensors(hit_rows(graph, network.inputs))
    ours, straightforward = FusedHyperTrack(network.config, folded(network)[1]), pyg_network(network)
    source, target = rows.ends["source"], rows.ends["target"]
    both_ways = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
    change = rows.features["degree_difference"]
    messages = rows.features["cartesian"], both_ways, torch.cat([change, -change])

    def pyg() -> tuple[Tensor, Tensor]:
        z = straightforward.encode(*messages)
        return z, straightforward.decode(z, both_ways)

    def module() -> tuple[Tensor, Tensor]:
        z = network.encode(rows)
        return z, network.decode(z, rows)

    with torch_threads(1), torch.inference_mode():
        difference = _largest_difference(ours.latent_and_logits(rows), module(), pyg(), pairs)
        runs: dict[str, Callable[[], object]] = {
            "pyg": pyg,
            "module": module,
            "ours": lambda: ours.latent_and_logits(rows),
        }
        times = interleaved(runs, repeats)
    return {
        "name": "network",
        "size": {"nodes": nodes, "directed_edges": 2 * pairs},
        "largest_difference": difference,
        **_compared(times, ("pyg", "module")),
    }


def clustering_case(tracks: int, repeats: int, seed: int) -> dict[str, Any]:
    """Components, pivots and the published transformer, on one graph of `tracks` particles of about 10 hits.

    Scores are drawn around the truth; a mask's logit is ±`MARGIN` by the truth plus the transformer's, of random
    weights. `networkx`: one subgraph and one micrograph at a time. Raises RuntimeError where the candidates differ.
    """
    graph, logits = random_tracks(tracks, seed)
    rng = np.random.default_rng(seed)
    latent = rng.normal(0, 1, (graph.num_nodes, HyperTrackConfig().latent)).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformer = SetTransformer().eval()
    mask_model, mask = _mask_model(graph, transformer), _mask(graph, latent, transformer)

    def ours() -> list[list[int]]:
        found = cluster(graph, logits, latent, mask_model, CUT, CLUSTERING).candidates
        return [hits.tolist() for hits in found]

    def straightforward() -> list[list[int]]:
        return networkx_candidates(graph, logits, mask, CUT, CLUSTERING)

    with torch_threads(1), torch.inference_mode():
        found, wanted = ours(), sorted(straightforward())
        if sorted(found) != wanted:
            odd = len({*map(tuple, found)} ^ {*map(tuple, wanted)})
            raise RuntimeError(f"{odd} candidates of {len(found)} and {len(wanted)} are not found by both loops")
        times = interleaved({"networkx": straightforward, "ours": ours}, repeats)
    return {
        "name": "clustering",
        "size": {"hits": graph.num_nodes, "pairs": graph.num_edges, "candidates": len(found)},
        **_compared(times, ("networkx",)),
    }


def random_graph(nodes: int, pairs: int, seed: int) -> HitGraph:
    """Hits anywhere in the tracker, and different pairs of them in random order."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0.03, 1, nodes), rng.uniform(-1, 1, nodes), rng.uniform(-3, 3, nodes)])
    possible = nodes * (nodes - 1) // 2
    if pairs > possible:
        raise ValueError(f"{pairs} pairs of {nodes} hits, wanted at most {possible}")
    number = rng.choice(possible, pairs, replace=False)
    second = ((1 + np.sqrt(1 + 8 * number)) / 2).astype(
        np.int64
    )  # pair (first, second) is second (second − 1)/2 + first
    second -= second * (second - 1) // 2 > number
    return HitGraph(x.astype(np.float32), np.stack([number - second * (second - 1) // 2, second]))


def random_network(config: HyperTrackConfig, seed: int) -> HyperTrackNetwork:
    """In evaluation mode, with batch norms that do something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = HyperTrackNetwork(config).eval()
        for layer in dense_layers(network):
            for value in (layer.norm.weight, layer.norm.bias, layer.norm.running_mean, layer.norm.running_var):
                assert value is not None
                value.data.uniform_(0.5, 1.5)
    return network


def random_tracks(tracks: int, seed: int) -> tuple[HitGraph, NDArray[np.float64]]:
    """A graph of so many particles of 4 to 16 hits, and logits (E,) of its pairs.

    Every two hits of a particle are a pair; as many other pairs are false. Logits scatter by 2 around ±4: about one in
    fifty is on the wrong side.
    """
    rng = np.random.default_rng(seed)
    particle = np.repeat(np.arange(1, tracks + 1), rng.integers(4, 17, tracks))
    hits = len(particle)
    first, second = np.triu_indices(16, 1)
    offset, size = np.searchsorted(particle, np.arange(1, tracks + 1)), np.bincount(particle)[1:]
    inside = second < size[:, None]
    true = np.stack([(offset[:, None] + first)[inside], (offset[:, None] + second)[inside]])
    number = np.unique(rng.integers(0, hits, (true.shape[1], 2)) @ np.array([hits, 1]))
    false = np.stack([number // hits, number % hits])
    false = false[:, (false[0] < false[1]) & (particle[false[0]] != particle[false[1]])]
    edges = np.concatenate([true, false], axis=1)
    order = rng.permutation(edges.shape[1])
    y = np.arange(edges.shape[1]) < true.shape[1]
    logits = np.where(y, 4.0, -4.0) + rng.normal(0, 2, len(y))
    x = np.column_stack([rng.uniform(0.03, 1, hits), rng.uniform(-1, 1, hits), rng.uniform(-3, 3, hits)])
    graph = HitGraph(x.astype(np.float32), edges[:, order], y[order], particle)
    return graph, logits[order]


def interleaved(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of the processor for each run, all run once before any is run again."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            begin = time.process_time()
            run()
            seconds[name].append(time.process_time() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _compared(times: Mapping[str, float], others: tuple[str, ...]) -> dict[str, Any]:
    return {
        "ratios": {name: times[name] / times["ours"] for name in others},
        "milliseconds": {name: 1e3 * value for name, value in times.items()},
    }


def _largest_difference(
    ours: tuple[Tensor, Tensor], module: tuple[Tensor, Tensor], pyg: tuple[Tensor, Tensor], pairs: int
) -> float:
    """Of latent or logits; those of PyG in both directions."""
    wanted = {"module": module, "pyg": (pyg[0], pyg[1][:pairs]), "pyg backward": (pyg[0], pyg[1][pairs:])}
    differences = {
        name: max(float((a - b).abs().max()) for a, b in zip(ours, values, strict=True))
        for name, values in wanted.items()
    }
    name = max(differences, key=lambda name: differences[name])
    if not differences[name] < TOLERANCE or not float(ours[1].std()) > 10 * TOLERANCE:
        raise RuntimeError(
            f"fused inference is {differences[name]:.3g} from {name}, wanted below {TOLERANCE}, of logits that scatter "
            f"by {float(ours[1].std()):.3g}"
        )
    return differences[name]


def _mask_model(graph: HitGraph, transformer: SetTransformer) -> MaskModel:
    """Right masks, ±MARGIN, plus the transformer's logits."""
    truth, model = true_masking(graph), float_mask_model(transformer)

    def logits(graph: HitGraph, latent: NDArray[np.floating], micrographs: Micrographs) -> NDArray[np.floating]:
        right = truth.model(graph, truth.latent, micrographs)
        return MARGIN * np.sign(right) + model(graph, latent, micrographs)

    return logits


def _mask(graph: HitGraph, latent: NDArray[np.float32], transformer: SetTransformer) -> Mask:
    """The same of one micrograph."""
    truth = true_masking(graph)
    tokens = torch.from_numpy(hit_tokens(graph, latent))

    def logits(hits: list[int], pivots: list[int]) -> NDArray[np.floating]:
        alone = Micrographs(np.array(hits), np.array([0, len(hits)]), np.array([pivots]))
        right = truth.model(graph, truth.latent, alone)
        masks = torch.ones(1, len(hits), dtype=torch.bool), torch.ones(1, len(pivots), dtype=torch.bool)
        of_hits, of_pivots = tokens[hits][None], tokens[pivots][None]
        value: NDArray[np.float32] = transformer(of_hits, masks[0], of_pivots, masks[1])[0].numpy()
        return MARGIN * np.sign(right) + value

    return logits

"""`edgetrack bench inference`: times of every runtime against the pT threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.graphs.files import load_graphs
from edgetrack.models.checkpoint import float_network, load_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.report.figure_inference import draw_inference
from edgetrack.scripts.benches.threshold_graphs import NETWORKS, THRESHOLDS, WHERE, graph_folders
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.inference_times import calibrated_model, inference_case, typical_graph


@dataclass(frozen=True)
class InferenceBenchConfig:
    """Graphs, network and how often each runtime runs."""

    graphs: str = option("", WHERE)
    checkpoint: str = option(NETWORKS[1.0], "float checkpoint: a file, or a name of the package's own")
    thresholds: tuple[float, ...] = THRESHOLDS  # GeV; 0.5 and above where graphs are simulated
    weight_bits: int = option(6, "of the quantised network, at most 8 (the recipe: 6); activations have 8")
    threads: int = option(1, "threads of every runtime")
    repeats: int = option(5, "interleaved repeats, of which the median counts")
    compiled: bool = option(True, "also torch.compile, which takes half a minute a threshold before it runs")
    events: int = option(3, "events to simulate where no graphs are given")
    seed: int = option(1, "of the simulated events")
    optimise: int = option(3, "the compiler's -O level of the native kernels")

    def __post_init__(self) -> None:
        for name in ("threads", "repeats", "events"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} = {getattr(self, name)}: wanted at least 1")
        if not 2 <= self.weight_bits <= 8:
            raise ValueError(f"--weight-bits = {self.weight_bits}: wanted 2 to 8, which QCDQ holds")
        if not self.thresholds:
            raise ValueError("thresholds is empty: wanted some in GeV")


def bench_inference(config: InferenceBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Milliseconds for the logits of one graph by each runtime, at several pT thresholds; DeZoort et al., table 3.

    The graph with the median number of edges of each threshold; one network for all, whose integers are calibrated on
    it. Eager PyTorch Geometric, the network's steps in PyTorch, the same under torch.compile, ONNX Runtime in float and
    QCDQ, native float and int8 kernels; PyTorch Geometric on a GPU where there is one. One process, repeats
    interleaved, freed memory kept, results compared first; one thread: time of the processor. Writes inference.png.
    """
    folders = graph_folders(config.graphs, config.thresholds, config.events, config.seed, folder, console)
    network = float_network(load_checkpoint(checkpoint_path(config.checkpoint)))
    cases = []
    for pt_min, place in folders.items():
        graph = typical_graph(load_graphs(place))
        model = calibrated_model(network, graph, config.weight_bits)
        cases.append(
            inference_case(
                pt_min, graph, network, model, config.threads, config.repeats, config.compiled, config.optimise
            )
        )
        _show(cases[-1:], console)
    for name, why in cases[0]["skipped"].items():
        console.say(f"skipped: {name}, {why}")
    console.say(f"against the threshold: {draw_inference(cases, folder / 'inference.png')}")
    return {"cases": cases, "failed": False}


def _show(cases: Sequence[dict[str, Any]], console: Console) -> None:
    for case in cases:
        title = f"pT > {case['pt_min']:g} GeV: {case['size']['nodes']:,} nodes, {case['size']['edges']:,} edges"
        rows = [(name, f"{value:.3g}", f"{case['ratios'][name]:.2f}") for name, value in case["milliseconds"].items()]
        rows += [(name, "skipped", "–") for name in case["skipped"]]
        console.table(title, ("runtime", "ms", "PyG eager / it"), rows)

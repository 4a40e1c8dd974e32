"""`edgetrack bench runtimes`: the speed of the native kernels beside PyTorch Geometric and ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.scripts.benches.case_table import show_cases
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.runtimes import RuntimeCase, runtime_case

# Nodes and edges of the published graphs of one event above 1 GeV and above 0.5 GeV.
SIZES = {200_000: 5_309, 2_500_000: 16_178}


@dataclass(frozen=True)
class RuntimesBenchConfig:
    """Which networks on which graphs."""

    networks: tuple[str, ...] = option(
        ("interaction_network", "compact_hypertrack"), "networks: 40 hidden units; 16 numbers a hit, 5 layers"
    )
    edges: tuple[int, ...] = option(tuple(SIZES), "edges of the random graphs; the network of HyperTrack: the first")
    threads: tuple[int, ...] = option((1, 2), "threads of every runtime")
    weight_bits: int = option(6, "of the quantised network, at most 8 (the recipe: 6); activations have 8")
    repeats: int = option(5, "interleaved repeats, of which the median counts")
    seed: int = option(1, "of graphs and weights")
    optimise: int = option(3, "the compiler's -O level of the native kernels")

    def __post_init__(self) -> None:
        for name in ("edges", "threads"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(
                    f"{name} is {list(getattr(self, name))}, wanted numbers of at least 1: --set '{name}=[1]'"
                )
        if self.repeats < 1:
            raise ValueError(f"--repeats = {self.repeats}: wanted at least 1")
        if not 2 <= self.weight_bits <= 8:
            raise ValueError(f"--weight-bits = {self.weight_bits}: wanted 2 to 8, which QCDQ holds")


def bench_runtimes(config: RuntimesBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Logits of a random graph from raw features by each runtime, in one process, repeats interleaved.

    Ratios are times of eager PyTorch Geometric / times of a runtime; the C library keeps freed memory, so that nobody
    pays for page faults. One thread: time of the processor; several: of the clock. Results are compared first. Peak
    memory is what one run adds; the peak is that of the same inner loops in the nearest cache. Writes nothing.
    """
    cases = []
    for network in config.networks:
        for edges in config.edges if network == "interaction_network" else config.edges[:1]:
            for threads in config.threads:
                nodes = SIZES.get(edges, max(edges // 40, 2))
                sizes = (nodes, edges, threads, config.weight_bits, config.repeats, config.seed, config.optimise)
                cases.append(runtime_case(RuntimeCase(network, *sizes)))
                show_cases(f"{network}, {threads} threads", cases[-1:], console)
    return {"cases": cases, "failed": False}

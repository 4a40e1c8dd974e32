"""The bench of the accelerator: what it measures is compared, what is missed is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.simulation import AcceleratorLibrary
from edgetrack.scripts.benches import accelerator as bench_accelerator
from edgetrack.scripts.benches.accelerator import AcceleratorBenchConfig
from edgetrack.scripts.benches.accelerator import bench_accelerator as run_bench
from edgetrack.scripts.console import Console
from edgetrack.studies.accelerator_cases import RANDOM, missed, network
from edgetrack.studies.published_designs import SIZES, Goal, Published, Size

GOOD = {
    "mismatches": 0,
    "logits": 100,
    "distinct_logits": 50,
    "nanoseconds": 300.0,
    "million_graphs_per_second": 25.0,
    "latency_cycles": 60,
    "interval_cycles": 8.0,
    "formula": {"latency_cycles": 60, "interval_cycles": 8.0},
    "seconds": {"generate": 1.0},
}


def test_small_accelerator_is_measured_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Size(AcceleratorConfig(8, 12, 2, 2, 2, 2), 24, Published("other", 500.0, 10.0), Goal(1.0))
    monkeypatch.setattr(bench_accelerator, "SIZES", (small,))
    config = AcceleratorBenchConfig(networks=(RANDOM,), latency_cutoffs=(5.0,), clock_mhz=100.0)
    result = run_bench(config, tmp_path, Console(quiet=True))
    (case,) = result["cases"]
    assert (case["size"], case["graphs"], case["mismatches"]) == ("8/12 on 2/2 lanes", 2 * 24, 0)
    assert 24 * 12 < case["logits"] < 2 * 24 * 12  # full ones, and as many of mixed sizes
    mixed = case["mixed_sizes"]
    assert (mixed["graphs"], mixed["excess"] > 0, mixed["edges"] < 12) == (24, True, True)
    assert case["latency_cycles"] <= mixed["cycles"] <= case["latency_cycles"] + mixed["excess"]
    assert case["distinct_logits"] > 5
    assert case["nanoseconds"] == 10 * case["latency_cycles"]
    assert case["ratios"]["latency"] == 500.0 / case["nanoseconds"]
    assert case["formula"] == {"latency_cycles": case["latency_cycles"], "interval_cycles": case["interval_cycles"]}
    assert "resources" not in case
    assert result["failed"]  # no graph goes through in a nanosecond
    assert case["missed"] == [f"latency {case['nanoseconds']:.0f} ns, wanted below 1"]
    run = AcceleratorLibrary.run
    monkeypatch.setattr(
        AcceleratorLibrary, "run", lambda *given: [replace(one, flags=Flags.CAPACITY) for one in run(*given)]
    )
    (flagged,) = run_bench(config, tmp_path, Console(quiet=True))["cases"]
    assert (
        flagged["mismatches"] >= case["logits"]
    )  # one for a graph without edges; logits of a graph that is flagged as too large mean nothing


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mismatches": 3}, "3 of 100 logits differ"),
        ({"distinct_logits": 1}, "proves nothing"),
        ({"nanoseconds": 632.0}, "latency 632 ns, wanted below 632"),
        ({"interval_cycles": 8.75}, "wanted at most 8"),
        ({"latency_cycles": 61}, "latency_cycles 61, by the formula 60"),
        ({"seconds": {"generate": 61.0}}, "within 60"),
        ({"resources": {"dsp": 2}}, "2 DSP, wanted none"),
    ],
)
def test_what_is_missed_is_told(change: dict[str, Any], words: str) -> None:
    goal = SIZES[0].goal
    assert missed(GOOD, goal) == []
    assert words in missed({**GOOD, **change}, goal)[0]


def test_published_rate_is_to_be_beaten() -> None:
    case = {**GOOD, "million_graphs_per_second": 2.35}
    assert missed(case, SIZES[1].goal) == ["2.350 M graphs/s, wanted above 2.35"]


def test_random_network_is_that_of_its_seed() -> None:
    first, again, other = (network(RANDOM, seed).layers["phi_r1"][0].weight for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="no networks"):
        AcceleratorBenchConfig(networks=())
    with pytest.raises(ValueError, match=r"clock_mhz is 0, wanted above 0"):
        AcceleratorBenchConfig(clock_mhz=0)

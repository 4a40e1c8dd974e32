"""The bench of runtimes: all give what they have to, before anything is timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb

from edgetrack.export.onnx.qcdq import qcdq_onnx
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import as_tensors, rows_of
from edgetrack.scripts.benches.runtimes import RuntimesBenchConfig, bench_runtimes
from edgetrack.scripts.console import Console
from edgetrack.studies import runtimes as bench
from edgetrack.studies.straightforward_networks import pyg_compact_hypertrack

TINY = RuntimesBenchConfig(("interaction_network",), (400,), (1,), repeats=2, optimise=0)


def test_cases_have_ratios_memory_and_shares_of_the_peak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "keep_memory", lambda: True)
    (case,) = bench_runtimes(TINY, tmp_path, Console(quiet=True))["cases"]
    assert case["size"] == {"nodes": 10, "edges": 400}
    names = {"pyg", "pytorch", "onnx", "qcdq", "native_float", "native_int8"}
    times = case["milliseconds"]
    assert set(times) == set(case["ratios"]) == set(case["peak_megabytes"]) == names
    for name in names:
        assert case["ratios"][name] == pytest.approx(times["pyg"] / times[name])
    assert set(case["share_of_peak"]) == {"native_float", "native_int8"}
    # 10 · 40 + 40 · 40 + 40 · 4 an edge, 7 · 40 + 40 · 40 + 40 · 3 a hit, 10 · 40 + 40 · 40 + 40 an edge
    description = bench.describe("interaction_network")
    assert bench.multiply_adds(description, case["size"] | {"node": 10, "edge": 400}) == 400 * 4200 + 10 * 2000


def test_another_weight_of_the_peer_stops_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(network: GraphNetwork) -> GraphNetwork:
        return seeded_network(network.description, 99).eval()

    monkeypatch.setattr(bench, "_peer", wrong)
    with pytest.raises(RuntimeError, match="pyg differs by"):
        bench_runtimes(TINY, tmp_path, Console(quiet=True))


def test_another_bit_of_the_integers_stops_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "qcdq_onnx", lambda model: qcdq_onnx(flip_lsb(model, "phi_r1", 0)))
    with pytest.raises(RuntimeError, match="qcdq and native_int8 give other logits"):
        bench_runtimes(TINY, tmp_path, Console(quiet=True))


def test_the_compact_hypertrack_on_pyg_is_the_same_function() -> None:
    description = bench.describe("compact_hypertrack")
    network = seeded_network(description, 3).eval()
    rows = as_tensors(rows_of(bench.random_hits(40, 150, 2), description))
    with torch.inference_mode():
        wanted = network(rows)
        got = pyg_compact_hypertrack(network, 5)(rows)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    assert float(wanted.std()) > 1e-3


def test_sizes_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted numbers of at least 1"):
        RuntimesBenchConfig(edges=(0,))
    with pytest.raises(ValueError, match="wanted 2 to 8"):
        RuntimesBenchConfig(weight_bits=9)
    with pytest.raises(ValueError, match="wanted one of interaction_network, compact_hypertrack"):
        bench.describe("other")

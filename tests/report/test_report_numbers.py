"""Numbers, verdicts and checks of the report, on hand-made run folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import SKIPPED, write_run, write_stage, write_verification

from edgetrack.report.collect import RunRecord, collect
from edgetrack.report.figures_training import training_figure
from edgetrack.report.recompute import disagreements, evaluation_config
from edgetrack.report.tables import (
    Tile,
    headline,
    high_pt_rows,
    measured,
    number,
    resource_rows,
    verdict,
    verification_rows,
)
from edgetrack.tracks.evaluation import EvaluationConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "example")


@pytest.fixture(scope="module")
def record(run: Path) -> RunRecord:
    return collect(run)


def test_evaluation_is_checked_against_the_logits(record: RunRecord) -> None:
    assert disagreements(record, EvaluationConfig()) == []
    forms = {**record.forms, "integer": {**record.forms["integer"], "perfect": 0.125}}
    changed = RunRecord(**{**record.__dict__, "forms": forms})
    assert [line.partition(" in ")[0] for line in disagreements(changed, EvaluationConfig())] == [
        "integer: perfect is 0.125"
    ]


def test_ceiling_is_checked_against_the_graphs(record: RunRecord) -> None:
    changed = replace(record, perfect_scores={**record.perfect_scores, "double_majority": 0.125})
    assert [line.partition(" in ")[0] for line in disagreements(changed, EvaluationConfig())] == [
        "perfect scores: double_majority is 0.125"
    ]


def test_efficiency_at_high_pt_has_its_interval(record: RunRecord) -> None:
    rows = high_pt_rows(record)
    assert [row["name"] for row in rows] == ["float", "integer", "perfect scores"]
    figures = {
        "high_pt": {"low": 5.0, "particles": 138, "double_majority": 0.964, "double_majority_interval": [0.94, 0.98]}
    }
    assert high_pt_rows(replace(record, forms={"float": figures}, float_names=("float",), perfect_scores={})) == [
        {"name": "float", "above": 5.0, "particles": "138", "value": "0.964 (+0.016 −0.024)"}
    ]
    assert high_pt_rows(replace(record, forms={"float": {"high_pt": None}}, perfect_scores={})) == []


def test_trainings_leave_their_curves(record: RunRecord) -> None:
    assert list(record.histories) == ["quantize", "train"]
    assert record.histories["train"]["train_loss"].tolist() == [0.7, 0.3]
    assert training_figure(record) is not None
    assert training_figure(replace(record, histories={})) is None
    one = {"epoch": np.zeros(1), "train_loss": np.ones(1), "validation_accuracy": np.ones(1)}
    assert training_figure(replace(record, histories={"train": one})) is not None


def test_evaluation_section_of_the_config_is_found_wherever_it_stands() -> None:
    section = {"building": {"min_hits": 3}, "matching": {"min_particle_hits": 4}, "seed": 5}
    found = evaluation_config({"compare": {"evaluation": section}})
    assert (found.building.min_hits, found.matching.min_particle_hits, found.seed) == (3, 4, 5)
    assert evaluation_config({"evaluation": "no section"}) == EvaluationConfig()
    with pytest.raises(ValueError, match="evaluation section"):
        evaluation_config({"evaluation": {"building": {"min_hits": "many"}}})


def test_verdicts() -> None:
    assert verdict({"mismatches": 0, "distinct_outputs": 2}) == "equal"
    assert verdict({"mismatches": 1, "distinct_outputs": 2}) == "FAILED"
    assert verdict({"mismatches": 0, "distinct_outputs": 1}) == "FAILED"
    assert verdict({}) == "FAILED"
    assert verdict({"mismatches": 0, "distinct_outputs": 0, "skipped": "no tool"}) == "skipped"
    assert verdict({"mismatches": None, "distinct_outputs": 0, "error": "not possible: 12 bits"}) == "FAILED"


def test_special_graphs_and_sectors_are_shown_apart() -> None:
    whole, cut = ({"graphs": 20, "special_graphs": 7, "sectors": sectors} for sectors in (0, 24))
    _, rows = verification_rows({"forms": {"qcdq": whole, "hls4ml": cut, "rtl": {"graphs": 0}}})
    assert [row["graphs"] for row in rows] == ["20 + 7", "24 sectors of 20 + 7", "0"]


def mismatch_tile(folder: Path, old: str, new: str) -> Tile:
    folder.mkdir()
    write_verification(folder)
    path = folder / "verify" / "verify.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return headline(collect(folder))[0]


def test_headline_is_bad_exactly_when_something_failed(tmp_path: Path) -> None:
    equal = mismatch_tile(tmp_path / "a", '"mismatches": 17', '"mismatches": 0')
    assert equal == Tile(
        "bit mismatches", "0", "3 of 4 forms equal the integers; 296,295 integers compared; skipped: rtl", "part"
    )
    failed = mismatch_tile(
        tmp_path / "b", '"distinct_outputs": 99, "mismatches": 0', '"distinct_outputs": 1, "mismatches": 0'
    )
    assert (failed.value, failed.state) == ("17", "bad")
    assert "failed: brevitas, qcdq" in failed.note
    onnx = mismatch_tile(tmp_path / "c", '"failed": false', '"failed": true')
    assert "failed: qcdq, onnx" in onnx.note


def test_headline_is_good_when_all_forms_are_equal(tmp_path: Path) -> None:
    (tmp_path / "verify").mkdir()
    forms = {"qcdq": {"mismatches": 0, "distinct_outputs": 9, "values": 1234}}
    (tmp_path / "verify" / "verify.json").write_text(json.dumps({"forms": forms}))
    assert headline(collect(tmp_path))[0] == Tile(
        "bit mismatches", "0", "1 of 1 forms equal the integers; 1,234 integers compared", "good"
    )


def test_run_where_all_forms_are_skipped_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "verify").mkdir()
    forms = {"rtl": {"mismatches": 0, "skipped": SKIPPED}}
    (tmp_path / "verify" / "verify.json").write_text(json.dumps({"forms": forms}))
    tile = headline(collect(tmp_path))[0]
    assert tile.state == "unknown"
    assert tile.note.startswith("0 of 1 forms equal")


def test_resources_sum_only_what_all_have(record: RunRecord) -> None:
    encode, message, total = resource_rows(record, clock_period_ns=2.5)
    assert (encode["cycles"], encode["nanoseconds"], encode["lut"]) == (3, 7.5, 4321)
    assert (message["cycles"], message["nanoseconds"], message["lut"]) == (7, 17.5, None)
    assert (total["alkaid"], total["registers"], total["lut"]) == (2468.0, 154, None)
    assert resource_rows(record, None)[0]["nanoseconds"] is None


def test_two_syntheses_of_one_mlp_are_not_guessed_between(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "export" / "rtl" / "yosys" / "encode-fedcba9876543210.json").write_text('{"lut": 1}')
    assert collect(folder).synthesis == {}
    write_stage(folder, "verify", {"estimates": {"rtl": {"blocks": {"encode": {"lut": 5}}}}})
    assert collect(folder).synthesis == {"encode": {"lut": 5}}


def test_numbers_as_people_write_them() -> None:
    assert measured(0.99987, 0.0000234) == ("0.99987", "0.00002")
    assert measured(0.5, 0.012) == ("0.5000", "0.0120")
    assert measured(1.0, 0.0) == ("1.0000", "0.0000")
    assert measured(None, None) == ("–", "–")
    assert [number(value) for value in (None, 1234567, 0.98765, -1.5)] == ["–", "1,234,567", "0.9877", "−1.5000"]


def test_checkpoints_are_found_where_the_folder_has_moved_to(record: RunRecord) -> None:
    assert record.quantised is not None
    assert record.quantised.kind == "quantised"
    assert list(record.floats) == ["train"]
    assert (record.float_names, record.quantized_names) == (("float",), ("integer", "hls4ml", "accelerator", "rtl"))
    assert (record.reference, record.integers) == ("float", "integer")


def test_logits_of_other_graphs_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    path = folder / "evaluate" / "logits.npz"
    with np.load(path) as archive:
        arrays = {key: archive[key] for key in archive.files}
    np.savez(path, **{**arrays, "float/1": arrays["float/1"][:-1]})
    with pytest.raises(ValueError, match=r"logits.npz: float has logits \(\d+,\) for event000000001"):
        collect(folder)

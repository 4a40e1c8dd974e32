"""What the report measures and counts, on hand-made inputs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from integer_networks import random_graph, random_integer_model, toy_description
from matplotlib.figure import Figure
from run_folders import SKIPPED, track_graph, write_run, write_stage, write_verification

from edgetrack.export.hls4ml.types import requantized
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.ranges import (
    CodeUse,
    activation_use,
    unclipped_values,
    weight_use,
)
from edgetrack.report import theme
from edgetrack.report.collect import RunRecord, collect
from edgetrack.report.figures_event import (
    FAKE,
    IMPURE,
    MATCHED,
    PIECE,
    EventView,
    event_view,
    polyline,
)
from edgetrack.report.figures_ranges import code_sparkline
from edgetrack.report.figures_scores import CURVE_POINTS, roc_curve, thinned
from edgetrack.report.figures_training import training_figure
from edgetrack.report.recompute import disagreements, evaluation_config, tracks_of_events, typical_event
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
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.evaluation import EvaluationConfig
from edgetrack.tracks.matching import match_candidates
from edgetrack.tracks.track_metrics import MatchingConfig

NETWORKS = {"toy": toy_description(), "in": interaction_network(InteractionNetworkConfig(hidden=6))}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "example")


@pytest.fixture(scope="module")
def record(run: Path) -> RunRecord:
    return collect(run)


# Ranges


@pytest.mark.parametrize("name", NETWORKS)
def test_values_before_their_format_give_the_models_own_codes(name: str) -> None:
    model = random_integer_model(NETWORKS[name], seed=3)
    graph = random_graph(40, 150, seed=1, spread=2.0)
    made = model.run_graph(graph, hidden=True)
    last = {f"{mlp.name}.{len(mlp.widths) - 1}": mlp.name for mlp in model.description.mlps}
    names = []
    for value, fmt, integers, exponent in unclipped_values(model, graph):
        codes = made[last.get(value, value)]
        assert np.array_equal(fmt.requantize(integers, exponent), codes)
        names.append(last.get(value, value))
    exact = {step.name for step in model.description.steps if step.kind in ("gather", "concat")}
    assert names == [value for value in made if value not in exact]


def test_saturation_counts_what_the_limits_cut_and_only_that() -> None:
    model = random_integer_model(toy_description(), seed=3)
    graph = random_graph(40, 150, seed=1, spread=2.0)
    uses = {use.name: use for use in activation_use(model, [graph, graph])[0]}
    scaled = graph.x.astype(np.float64) * [4.0, 1.0, 0.5]
    fmt = model.formats["x"]  # 8 bits, LSB 2^-7
    cut = (np.rint(scaled * 128) > 127) | (np.rint(scaled * 128) < -128)
    assert 0 < cut.sum() < cut.size
    assert uses["x"].fmt == fmt
    assert uses["x"].saturated == 2 * cut.sum()
    assert uses["x"].total == 2 * cut.size
    assert uses["x"].saturation == cut.sum() / cut.size
    assert uses["x"].largest == pytest.approx(np.abs(scaled).max(), abs=2.0**-8)
    assert uses["x"].used == (-128, 127)


def test_relus_zero_is_no_saturation() -> None:
    model = random_integer_model(toy_description(), seed=3)
    graph = random_graph(40, 150, seed=1)
    use = {use.name: use for use in activation_use(model, [graph])[0]}["message.0"]
    accumulators = next(v for name, _, v, _ in unclipped_values(model, graph) if name == "message.0")
    assert (accumulators < 0).any()
    assert use.zeros >= (accumulators < 0).sum()
    codes = model.run_graph(graph, hidden=True)["message.0"]
    assert use.saturated <= (codes == use.fmt.highest).sum()


def test_accumulators_reach_no_more_bits_than_they_have() -> None:
    for description in NETWORKS.values():
        model = random_integer_model(description, seed=5)
        accumulators = activation_use(model, [random_graph(50, 200, spread=8.0)])[1]
        assert [use.name for use in accumulators] == [
            f"{mlp.name}.{index}" for mlp in description.mlps for index in range(len(mlp.widths))
        ]
        assert all(2 <= use.used_bits <= use.bits for use in accumulators)


def test_empty_graph_has_ranges_of_nothing() -> None:
    model: IntegerModel = random_integer_model(toy_description())
    empty = HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64))
    uses, accumulators = activation_use(model, [empty])
    assert {use.total for use in uses} == {0}
    assert {use.saturation for use in uses} == {None}
    assert {use.used for use in uses} == {None}
    assert accumulators
    assert activation_use(model, []) == ([], [])


def test_weight_codes_are_counted() -> None:
    model = random_integer_model(toy_description(), seed=2)
    use = weight_use(model)[0]
    weight = model.layers["encode"][0].weight
    assert use.name == "encode.0"
    assert use.total == weight.size
    assert {code for code, count in zip(use.fmt.codes(), use.counts, strict=True) if count} == set(weight.ravel())
    assert use.saturated == 0
    assert use.largest == np.abs(weight).max() * use.fmt.step


def test_quantiles_leave_zeros_out() -> None:
    # codes −2 … 1, LSB 1/2: two of −1.0, three zeros, one of 0.5 and one of −0.5
    use = CodeUse("t", Format(2, -1), np.array([2, 1, 3, 1]), 1.0, 0)
    assert use.zeros == 3
    assert use.quantiles((0.0, 0.5, 0.51, 1.0)).tolist() == [0.5, 0.5, 1.0, 1.0]
    assert CodeUse("t", Format(2, -1), np.array([0, 0, 3, 0]), 0.0, 0).quantiles((0.5,)).size == 0


def test_formats_are_named_as_hls_names_them() -> None:
    assert requantized(Format(8, -7)) == "fixed<8,1,RND_CONV,SAT>"
    assert requantized(Format(8, -6, signed=False)) == "ufixed<8,2,RND_CONV,SAT>"
    assert requantized(Format(6, -5, narrow=True)) == "fixed<6,1,RND_CONV,SAT_SYM>"


@pytest.mark.parametrize("bits", [2, 6, 8, 10])
def test_sparkline_draws_a_bar_for_each_group_of_codes_that_occurs(bits: int) -> None:
    fmt = Format(bits, 0, narrow=True)
    counts = np.zeros(len(fmt.codes()), np.int64)
    counts[[0, -1]] = 5
    bars = re.findall(r"M[\d.]+ 26v-", str(code_sparkline(CodeUse("t", fmt, counts, 1.0, 0))))
    assert len(bars) == 2
    assert "nan" not in code_sparkline(CodeUse("t", fmt, np.zeros_like(counts), 0.0, 0))


# The event display


def test_candidates_fall_into_their_classes() -> None:
    # four particles of 4, 4, 6 and 2 hits, and noise
    particle = np.array([1] * 4 + [2] * 4 + [3] * 6 + [4] * 2 + [0] * 2)
    label = np.array([0] * 4 + [1] * 3 + [-1] + [2] * 2 + [-1] * 4 + [1] * 2 + [3] * 2)
    graph = HitGraph(np.full((18, 3), 0.1, np.float32), np.array([[0, 4, 5], [1, 5, 7]]), particle_id=particle)
    view = event_view(graph, TrackCandidates(label), np.array([1.0, -1.0, 1.0]), 0.0, MatchingConfig())
    # all of particle 1; 3 of 5 hits from particle 2; 2 hits of particle 3's 6; noise only
    assert view.classes.tolist() == [MATCHED, IMPURE, PIECE, FAKE]
    assert view.particles.tolist() == [1, 2, 3, 4]
    assert view.found.tolist() == [True, True, False, False]
    assert view.joined.tolist() == [True, False, False]  # kept inside a candidate, dropped, kept but leaving it


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_display_agrees_with_matching(seed: int, candidates: int) -> None:
    rng = np.random.default_rng(seed)
    graph = HitGraph(rng.random((40, 3), np.float32), np.zeros((2, 0), np.int64), particle_id=rng.integers(0, 8, 40))
    tracks = TrackCandidates.from_labels(rng.integers(-1, candidates, 40))
    config = MatchingConfig(min_particle_hits=3, min_candidate_hits=3)
    view = event_view(graph, tracks, np.zeros(0), 0.0, config)
    matches = match_candidates(graph, tracks, 3, 3)
    assert view.found.tolist() == matches.double_majority.tolist()
    assert view.count(MATCHED) + view.count(PIECE) == matches.lhc.sum()
    assert view.count(FAKE) + view.count(IMPURE) == (~matches.lhc).sum()
    assert view.count(MATCHED) + view.count(IMPURE) == matches.double_majority.sum()


@pytest.mark.parametrize(("particles", "wedge"), [(0, 1), (300, 1), (301, 1 / 2), (900, 1 / 3), (901, 1 / 4)])
def test_wedge_shows_a_readable_number_of_particles(particles: int, wedge: float) -> None:
    graph = HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64))
    none = np.zeros(0, np.int64)
    view = EventView(graph, np.arange(particles), np.zeros(particles, bool), none, none, none.astype(bool))
    assert view.wedge == wedge


def test_polyline_goes_outwards_and_breaks_between_particles() -> None:
    x = np.array([[0.3, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [0.1, 0.5, 0.2], [0.2, 0.5, 0.4], [0.1, 1, 1]], np.float32)
    graph = HitGraph(x, np.zeros((2, 0), np.int64), particle_id=np.array([5, 5, 5, 7, 7, 9]))
    assert graph.particle_id is not None
    line = polyline(graph, x[:, :1].astype(np.float64), graph.particle_id, np.array([5, 7]))
    assert np.allclose(line, [[0.1, 0.2, 0.3, np.nan, 0.1, 0.2]], equal_nan=True)


def test_display_takes_the_event_nearest_to_the_pooled_efficiency(record: RunRecord) -> None:
    config = EvaluationConfig()
    tracks = tracks_of_events(record, "integer", config)
    values = [event.metrics.overall.double_majority.value if event.metrics else None for event in tracks]
    for index, value in enumerate(values):
        assert typical_event(tracks, value) == values.index(value) <= index
    assert typical_event(tracks, None) == 0


# Scores


def test_roc_curve_by_hand() -> None:
    logits = np.array([2.0, 1.0, 1.0, 0.0, -1.0])
    truth = np.array([True, True, False, False, True])
    false, true = roc_curve(logits, truth)
    assert false.tolist() == [0, 1 / 2, 1, 1]
    assert true.tolist() == [1 / 3, 2 / 3, 2 / 3, 1]


@given(st.integers(0, 1000), st.sampled_from([1, 2, 10, 5000]), st.booleans())
def test_thinned_curve_keeps_its_ends(seed: int, points: int, starts_at_zero: bool) -> None:
    false = np.sort(np.random.default_rng(seed).random(points))
    false[-1] = 1.0
    if starts_at_zero and points > 1:
        false[0] = 0.0
    keep = thinned(false)
    assert len(keep) <= CURVE_POINTS + 1
    assert keep[-1] == points - 1
    assert keep[0] == 0
    assert (np.diff(keep) > 0).all()


# Numbers


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


# Drawing


def test_drawing_is_deterministic_and_takes_its_colours_from_the_page() -> None:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([1, 2], [1, 10], "o", color=theme.QUANTISED)
        theme.log_axis(axes, "y")
        axes.set_title("a < b")

    svg = theme.figure_svg("one", 'label "&"', (2, 2), draw)
    assert svg == theme.figure_svg("one", 'label "&"', (2, 2), draw)
    assert set(re.findall(r'id="([a-z]+)-', svg)) == {"one"}
    assert "var(--quantised)" in svg
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]\b", svg)
    assert "a &lt; b" in svg
    assert 'aria-label="label &#34;&amp;&#34;"' in svg
    assert "10¹" in svg
    assert "://" not in svg


def test_example_graph_is_what_it_says() -> None:
    graph = track_graph("g", particles=3)
    assert graph.y is not None
    assert graph.y.sum() == 3 * 5
    assert graph.num_nodes == 3 * 6 + 5

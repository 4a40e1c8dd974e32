"""The command line as a user meets it: exit codes, one line of JSON, messages that say what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from edgetrack.events.event import HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.trackml import write_event
from edgetrack.export.forms import DEFAULT_FORMS, descriptions, exportable
from edgetrack.graphs.files import load_graph
from edgetrack.graphs.layers import PIXEL_LAYERS
from edgetrack.scripts import doctor as doctor_module
from edgetrack.scripts.main import main
from edgetrack.studies import simulation_table as bench_simulation

Call = Callable[..., Result]
TRACKS = ((4503668346847232, 0.1, 1.5), (4503668346847233, 2.0, 0.75))  # particle, φ, pT in GeV


def frame(columns: dict[str, str], values: dict[str, Any]) -> pd.DataFrame:
    size = len(next(iter(values.values())))
    return pd.DataFrame({name: values.get(name, np.zeros(size)) for name in columns}).astype(columns)


def straight_tracks(event_id: int, truth: bool = True) -> Event:
    """Two tracks through the four barrel layers, in the plane z = 0."""
    radius, phi = (grid.ravel() for grid in np.meshgrid((32.0, 72.0, 116.0, 172.0), [track[1] for track in TRACKS]))
    volume, layer = np.array(PIXEL_LAYERS[:4] * len(TRACKS)).T
    hit_id = np.arange(1, len(radius) + 1)
    hits = frame(
        HIT_COLUMNS,
        {
            "hit_id": hit_id,
            "x": radius * np.cos(phi),
            "y": radius * np.sin(phi),
            "volume_id": volume,
            "layer_id": layer,
        },
    )
    if not truth:
        return Event(event_id, hits)
    identifiers = [track[0] for track in TRACKS]
    return Event(
        event_id,
        hits,
        frame(TRUTH_COLUMNS, {"hit_id": hit_id, "particle_id": np.repeat(identifiers, 4)}),
        frame(
            PARTICLE_COLUMNS,
            {
                "particle_id": identifiers,
                "px": [pt * np.cos(a) for _, a, pt in TRACKS],
                "py": [pt * np.sin(a) for _, a, pt in TRACKS],
            },
        ),
    )


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        result = CliRunner().invoke(main, list(words))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def events(tmp_path: Path) -> Path:
    for number in (0, 1):
        write_event(straight_tracks(number), tmp_path / "events")
    return tmp_path / "events"


@pytest.fixture
def bare_events(tmp_path: Path) -> Path:
    write_event(straight_tracks(0, truth=False), tmp_path / "bare")
    return tmp_path / "bare"


def only_json(result: Result) -> dict[str, Any]:
    lines = result.stdout.splitlines()
    assert len(lines) == 1
    content: dict[str, Any] = json.loads(lines[0], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    return content


def test_build_ends_with_one_line_of_json(call: Call, events: Path, tmp_path: Path) -> None:
    result = call("build", "--events", str(events), "--folder", "graphs", "--json")
    assert result.exit_code == 0
    summary = only_json(result)
    assert summary["graphs"] == 2
    assert summary["mean_nodes"] == 4  # the other particle is below 1 GeV
    assert (summary["efficiency"], summary["purity"]) == (1.0, 1.0)
    assert summary["truth"] == "selection, labels and figures"
    assert load_graph(tmp_path / "graphs" / "event000000001.npz").num_edges == 3
    assert yaml.safe_load((tmp_path / "graphs" / "build.yaml").read_text())["events"] == str(events)
    assert json.loads((tmp_path / "graphs" / "build.json").read_text()) == summary


def test_build_without_truth_says_what_truth_is_used_for(call: Call, events: Path, bare_events: Path) -> None:
    result = call("build", "--events", str(events), "--no-truth", "--folder", "graphs")
    assert result.exit_code == 0
    assert "truth used for labels and figures only" in " ".join(result.stdout.split())
    with_files = only_json(call("build", "--events", str(events), "--no-truth", "--folder", "graphs", "--json"))
    assert (with_files["mean_nodes"], with_files["truth"]) == (8, "labels and figures only")
    without = only_json(call("build", "--events", str(bare_events), "--no-truth", "--folder", "bare-graphs", "--json"))
    assert (without["mean_nodes"], without["efficiency"], without["truth"]) == (8, None, "none")


def test_build_of_events_without_truth_names_the_option(call: Call, bare_events: Path) -> None:
    result = call("build", "--events", str(bare_events), "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "event 0 has no truth and no particles file" in result.stderr
    assert "give --no-truth" in result.stderr


def test_a_cut_that_leaves_nothing_is_an_error_with_volumes_and_reasons(call: Call, events: Path) -> None:
    result = call("build", "--events", str(events), "--set", "graph.selection.pt_min=50", "--folder", "graphs")
    assert result.exit_code == 1
    text = " ".join(result.output.split())
    assert "no hit of 2 events in volumes 7, 8, 9 passes the selection" in text
    assert "hits left out: 16 pT not above 50 GeV; change graph.selection" in text


def test_build_counts_the_hits_that_it_leaves_out(call: Call, events: Path) -> None:
    summary = only_json(call("build", "--events", str(events), "--folder", "graphs", "--json"))
    assert summary["left_out"] == {"pT not above 1 GeV": 8}


def test_build_replaces_graphs_of_the_same_events_and_refuses_others_among_them(
    call: Call, events: Path, tmp_path: Path
) -> None:
    graphs = tmp_path / "graphs"
    assert call("build", "--events", str(events), "--folder", "graphs").exit_code == 0
    first = (graphs / "event000000000.npz").read_bytes()
    assert call("build", "--events", str(events), "--no-truth", "--folder", "graphs").exit_code == 0
    assert (graphs / "event000000000.npz").read_bytes() != first
    (graphs / "event000000007.npz").write_bytes(first)
    refused = call("build", "--events", str(events), "--folder", "graphs")
    assert refused.exit_code == 1
    assert "holds 1 graphs of other events (event000000007)" in " ".join(refused.output.split())
    assert (graphs / "event000000007.npz").read_bytes() == first


def test_build_fills_the_cache_and_reads_it_again(call: Call, events: Path, tmp_path: Path) -> None:
    arguments = ("build", "--events", str(events), "--cache", "cache", "--json")
    plain = call("build", "--events", str(events), "--folder", "plain", "--json")
    assert only_json(call(*arguments, "--folder", "first"))["graphs"] == 2
    assert len(list((tmp_path / "cache").glob("event*-hits.parquet"))) == 2
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    cached = only_json(call(*arguments, "--folder", "second"))
    assert cached | {"folder": ""} == only_json(plain) | {"folder": ""}
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}


@pytest.mark.parametrize("cache", [(), ("--cache", "cache")])
def test_bad_events_stop_the_build_or_are_skipped(call: Call, events: Path, cache: tuple[str, ...]) -> None:
    (events / "event000000000-hits.csv.gz").write_bytes(b"broken")
    arguments = ("build", "--events", str(events), *cache, "--folder", "graphs", "--json")
    stopped = call(*arguments)
    assert stopped.exit_code == 1
    assert "event000000000-hits.csv.gz" in stopped.stderr
    summary = only_json(call(*arguments, "--skip-bad"))
    assert (summary["graphs"], summary["skipped"]) == (1, [0])


def test_a_failed_call_leaves_no_config(call: Call, events: Path, tmp_path: Path) -> None:
    assert call("build", "--events", "nowhere", "--folder", "mistyped").exit_code == 1
    assert not (tmp_path / "mistyped").exists()
    assert call("build", "--events", str(events), "--folder", "graphs").exit_code == 0
    before = (tmp_path / "graphs" / "build.yaml").read_bytes()
    assert call("build", "--events", "nowhere", "--folder", "graphs", "--no-truth").exit_code == 1
    assert (tmp_path / "graphs" / "build.yaml").read_bytes() == before


def test_a_missing_option_is_named_without_a_dump(call: Call) -> None:
    result = call("build", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: build: --events is missing (folder of events in TrackML format); give it, or the "
        "key 'events' in the config file\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("build", "--set", "graph.selection.ptmin=2"), 1, "did you mean 'graph.selection.pt_min'?"),
        (("build", "--set", "event=x"), 1, "did you mean 'events'?"),
        (("build", "--event", "x"), 2, "--events"),
        (("simulate", "--events", "many"), 2, "'many' is not a valid integer"),
        (("simulate", "--events", "-1"), 1, "--events = -1: wanted at least 1 event"),
        (("simulate", "--first", "-1"), 1, "--first = -1"),
        (("simulate", "--config", "none.yaml"), 1, "none.yaml does not exist"),
        (("bench", "graphs", "--hits", "0"), 1, "--hits = 0: wanted at least 1"),
        (("bench", "graphs", "--repeats", "0"), 1, "--repeats = 0: wanted at least 1"),
        (("bench", "grphs"), 2, "'graphs'"),
        (("biuld",), 2, "did you mean 'build'?"),
        (("xyzzy",), 2, "the verbs are simulate, thin, voxels, module-map, build"),
    ],
)
def test_slips_end_with_a_message_and_a_code(call: Call, words: tuple[str, ...], code: int, message: str) -> None:
    result = call(*words)
    assert result.exit_code == code
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())


def test_a_file_in_the_way_is_named_with_a_remedy_in_one_line(call: Call, events: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = call("build", "--events", str(events), "--folder", "taken", "--quiet")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "taken: " in result.stderr
    assert "choose another place" in result.stderr
    assert "Errno" not in result.stderr


def test_print_config_shows_a_place_for_what_is_required(call: Call, tmp_path: Path) -> None:
    result = call("build", "--print-config", "--skip-bad")
    assert result.exit_code == 0
    tree = yaml.safe_load(result.stdout)
    assert tree["events"] == "<folder of events in TrackML format>"
    assert tree["skip_bad"] is True
    assert tree["graph"]["selection"]["pt_min"] == 1.0
    assert list(tmp_path.iterdir()) == []
    whole = call("build", "--print-config", "--events", "here").stdout
    (tmp_path / "c.yaml").write_text(whole)
    assert call("build", "--print-config", "--config", "c.yaml").stdout == whole


def test_doctor_tells_what_is_required_and_fails_where_it_is_missing(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "_version", lambda need: "1" if need.required else None)
    result = call("doctor", "--json")
    summary = only_json(result)
    assert (result.exit_code, summary["failed"]) == (0, False)
    assert "vivado" in summary["remedies"]
    assert "make" not in summary["required"]
    assert not (tmp_path / "runs").exists()
    monkeypatch.setattr(doctor_module, "_version", lambda need: None if need.name == "hls4ml" else "1")
    result = call("doctor", "--json")
    summary = only_json(result)
    assert (result.exit_code, summary["failed"]) == (1, True)
    assert summary["remedies"] == {"hls4ml": "pip install edgetrack"}


def test_help_and_version_answer(call: Call) -> None:
    assert "simulate" in call("--help").stdout
    assert "--no-truth" in call("build", "--help").stdout
    for verb in ("export", "verify"):
        for name in exportable() if verb == "export" else DEFAULT_FORMS:
            (sentence,) = descriptions([name]).values()
            assert f"{name} {sentence}" in " ".join(call(verb, "--help").stdout.split())
    assert call("--version").stdout.startswith("edgetrack, version ")


def test_bench_takes_hits_from_real_events(call: Call, events: Path) -> None:
    result = call("bench", "graphs", "--sample", str(events), "--repeats", "1", "--json")
    assert result.exit_code == 0
    assert only_json(result)["cases"][0]["size"]["hits"] == 8


@pytest.mark.parametrize("within", [True, False])
def test_bench_simulation_gives_a_verdict(call: Call, monkeypatch: pytest.MonkeyPatch, within: bool) -> None:
    event = {name: value * (1.0 if within else 1.2) for name, value in bench_simulation.PUBLISHED.items()}
    monkeypatch.setattr(bench_simulation, "simulate", lambda *arguments: [])
    monkeypatch.setattr(bench_simulation, "read_event", lambda *arguments: None)
    monkeypatch.setattr(bench_simulation, "event_quantities", lambda _: event)
    result = call("bench", "simulation", "--events", "1", "--json")
    summary = only_json(result)
    assert (result.exit_code, summary["failed"]) == (int(not within), not within)
    assert {case["within"] for case in summary["cases"]} == {within}
    assert [case["name"] for case in summary["cases"]] == list(bench_simulation.PUBLISHED)


def test_pythia_does_not_write_to_standard_output(call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    for module in ("acts", "pythia8mc"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'edgetrack[sim]'")
    result = call("simulate", "--events", "1", "--set", 'simulation.soft_process=["foo = on"]', "--json")
    assert result.exit_code == 1
    assert "foo = on" in result.stderr
    written = capfd.readouterr()
    assert written.out == ""
    assert "PYTHIA Error" in written.err

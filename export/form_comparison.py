"""The proof that a form equals the integer model, bit by bit, with the place of the first difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetrack.export.back_to_back import StreamCases, StreamingForm
from edgetrack.export.cases import count_vectors, mlp_vectors
from edgetrack.export.form import Form, InexactForm
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Mismatch:
    """Where a form first departs from the integer model."""

    form: str
    layer: str  # first divergent value or layer, in the order of the network's steps
    graph: str  # graph's name, or "vectors" for an MLP on its own
    index: tuple[int, ...]  # row (node, edge or vector) and column
    wanted: int | None  # None where what the form gives cannot be compared: `note` says why
    got: int | None
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"{self.form}: {self.layer or 'a value'} in {self.graph}: {self.note}"
        return (
            f"{self.form}: {self.layer} differs in {self.graph} at {list(self.index)}: "
            f"got {self.got}, wanted {self.wanted}"
        )


@dataclass(frozen=True)
class StreamResult:
    """What was sent one behind the other: the same graphs in every round, each round with stalls of its own."""

    graphs: int
    shapes: int  # different sizes among them
    clocks: Mapping[str, int]  # by round

    def to_json(self) -> dict[str, Any]:
        return {
            "graphs": self.graphs,
            "shapes": self.shapes,
            "runs": self.graphs * len(self.clocks),
            "clocks": dict(self.clocks),
        }


@dataclass(frozen=True)
class FormResult:
    """What was compared of one form, and how many integers differed."""

    form: str
    vectors: Mapping[str, int]  # compared input vectors, by MLP
    graphs: int  # compared graphs, special ones apart; 0 for a form that has MLPs only
    values: int  # compared integers
    distinct_outputs: int  # different output codes seen: 1 would prove nothing
    mismatches: int
    first: Mismatch | None
    skipped: str = ""  # which missing tool kept the form from being compared at all
    error: str = ""  # why the form cannot be made of this network, or could not be run: a failure
    special_graphs: int = 0  # compared graphs made up to be hard: empty, a hub, saturating, …
    sectors: int = 0  # for a form of fixed size: compared sectors, of `graphs` graphs
    random_graphs: int = 0  # compared graphs of chance, in chosen sizes
    streamed: StreamResult | None = None  # for a form that holds several graphs at once: all of the above, in rounds
    design: Mapping[str, Any] | None = None  # for the accelerator: cycles and resources, nothing that is judged

    @property
    def failed(self) -> bool:
        """Something differs, or nothing was proved though no tool is missing."""
        return bool(self.error) or self.mismatches > 0 or (not self.skipped and self.distinct_outputs < 2)

    def to_json(self) -> dict[str, Any]:
        smallest = min(self.vectors.values(), default=0)
        result: dict[str, Any] = {
            "vectors": smallest,
            "vectors_by_mlp": dict(self.vectors),
            "graphs": self.graphs,
            "sectors": self.sectors,
            "special_graphs": self.special_graphs,
            "values": self.values,
            "distinct_outputs": self.distinct_outputs,
            "mismatches": None if self.skipped or self.error else self.mismatches,
            "failed": self.failed,
        }
        if self.streamed:
            result |= {"random_graphs": self.random_graphs, "streamed": self.streamed.to_json()}
        if self.design:
            result |= self.design
        if self.first:
            result["first_mismatch"] = str(self.first)
        if self.skipped:
            result["skipped"] = self.skipped
        if self.error:
            result["error"] = self.error
        return result


def skipped(form: str, why: str) -> FormResult:
    """The visible result of a form that cannot run here."""
    return FormResult(form, {}, 0, 0, 0, 0, None, why)


def impossible(form: str, why: str) -> FormResult:
    """The failed result of a form that cannot be made of this network, or not be run."""
    return FormResult(form, {}, 0, 0, 0, 0, None, error=f"not possible: {why}")


def verify_form(
    reference: IntegerModel,
    form: Form,
    graphs: Sequence[HitGraph],
    vectors: int,
    seed: int,
    report: Report,
    special: Sequence[HitGraph] = (),
    stream: StreamCases | None = None,
) -> FormResult:
    """Compare `form` with `reference` on `vectors` inputs of each MLP, on `graphs` and on `special` ones.

    Every value that the form shows is compared, in the order of the steps; an integer that differs counts as one
    mismatch, and so does a run whose result is no integers of the model at all. With `stream`, for a `StreamingForm`,
    graphs go one behind the other, together with the random ones of `stream` and once in each of its rounds.
    `report(done, total)` is called after each MLP and each graph or round.
    """
    tally = _Tally(form.name, reference.description.output)
    mlps = [mlp.name for mlp in reference.description.mlps]
    total = len(mlps) + (len(stream.rounds) if stream else len(graphs) + len(special))
    compared: dict[str, int] = {}
    for done, mlp in enumerate(mlps, 1):
        inputs = mlp_vectors(reference, mlp, vectors, seed)
        wanted = reference.submodel(mlp).run(inputs)[mlp]
        try:
            tally.compare("vectors", {mlp: wanted}, {mlp: form.run_mlp(mlp, inputs)})
        except InexactForm as error:
            tally.note("vectors", error)
        compared[mlp] = count_vectors(inputs)
        report(done, total)

    def after(done: int) -> None:
        report(len(mlps) + done, total)

    streamed = None
    if stream is None:
        seen = _one_by_one(reference, form, graphs, special, tally, after)
    else:
        assert isinstance(form, StreamingForm)
        seen = (len(graphs), len(special))
        streamed = _in_rounds(reference, form, [*graphs, *special, *stream.random], stream, tally, after)
    return FormResult(
        form.name,
        compared,
        seen[0],
        tally.values,
        len(tally.outputs),
        tally.mismatches,
        tally.first,
        special_graphs=seen[1],
        random_graphs=len(stream.random) if stream else 0,
        streamed=streamed,
    )


def _one_by_one(
    reference: IntegerModel,
    form: Form,
    graphs: Sequence[HitGraph],
    special: Sequence[HitGraph],
    tally: _Tally,
    after: Callable[[int], None],
) -> tuple[int, int]:
    """How many graphs and special ones were compared: none by a form that has MLPs only."""
    seen = [0, 0]
    for index, graph in enumerate([*graphs, *special]):
        try:
            got = form.run_graph(graph)
            if got is not None:
                tally.compare(graph.name, reference.run_graph(graph, hidden=True), got)
        except InexactForm as error:
            tally.note(graph.name, error)
            got = {}
        seen[index >= len(graphs)] += got is not None
        after(index + 1)
    return seen[0], seen[1]


def _in_rounds(
    reference: IntegerModel,
    form: StreamingForm,
    graphs: Sequence[HitGraph],
    stream: StreamCases,
    tally: _Tally,
    after: Callable[[int], None],
) -> StreamResult:
    """All graphs one behind the other, in every round of stalls, each time in another order."""
    output = reference.description.output
    wanted = [reference.run_graph(graph)[output] for graph in graphs]
    clocks: dict[str, int] = {}
    for done, (name, stalls) in enumerate(stream.rounds.items(), 1):
        order = np.random.default_rng([stream.seed, done]).permutation(len(graphs))
        received = form.run_graphs([graphs[index] for index in order], stalls)
        for index, one in zip(order, received, strict=True):
            graph = f"{graphs[index].name} (stalls: {name})"
            try:
                codes = one.fitting_codes(graphs[index].name, output)
                tally.compare(graph, {output: wanted[index]}, {output: codes})
            except InexactForm as error:
                tally.note(graph, error)
        clocks[name] = received[-1].last_logit - received[0].first_node + 1
        after(done)
    return StreamResult(len(graphs), len({(graph.num_nodes, graph.num_edges) for graph in graphs}), clocks)


class _Tally:
    """Counts differences and remembers the first."""

    def __init__(self, form: str, output: str) -> None:
        self.form, self.output = form, output
        self.values = self.mismatches = 0
        self.first: Mismatch | None = None
        self.outputs: set[int] = set()

    def compare(self, graph: str, wanted: Mapping[str, IntArray], got: Mapping[str, IntArray]) -> None:
        unknown = set(got) - set(wanted)
        if unknown:
            raise InexactForm(f"the form shows values {sorted(unknown)} that the network does not have")
        for layer in (name for name in wanted if name in got):
            self._compare_layer(graph, layer, wanted[layer], np.asarray(got[layer]))
        if self.output in got:
            self.outputs.update(np.unique(got[self.output]).tolist())

    def note(self, graph: str, error: InexactForm) -> None:
        """Count a result that cannot be compared."""
        self.mismatches += 1
        if self.first is None:
            self.first = Mismatch(self.form, error.layer, graph, error.index, None, None, str(error))

    def _compare_layer(self, graph: str, layer: str, wanted: IntArray, got: IntArray) -> None:
        if got.shape != wanted.shape:
            raise InexactForm(f"its shape is {got.shape}, wanted {wanted.shape}", layer)
        self.values += wanted.size
        different = got != wanted
        count = int(np.count_nonzero(different))
        if count and self.first is None:
            index = tuple(int(i) for i in np.argwhere(different)[0])
            self.first = Mismatch(self.form, layer, graph, index, int(wanted[index]), int(got[index]))
        self.mismatches += count

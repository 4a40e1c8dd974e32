"""The proof that a form equals the integer model, bit by bit, with the place of the first difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgetrack.events.progress import Progress
from edgetrack.export.back_to_back import StreamCases, StreamingForm, compare_received
from edgetrack.export.cases import count_vectors, kernel_vectors
from edgetrack.export.form import Form, InexactForm
from edgetrack.export.tally import Mismatch, Tally
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.rows import Graph
from edgetrack.quantize.integer_model import IntegerModel


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


@dataclass(frozen=True, kw_only=True)
class FormResult:
    """What was compared of one form, and how many integers differed."""

    form: str
    vectors: Mapping[str, int] = field(default_factory=dict)  # compared input vectors, by kernel
    graphs: int = 0  # compared graphs, special ones apart; none for a form that has kernels only
    values: int = 0  # compared integers
    distinct_outputs: int = 0  # different output codes seen: 1 would prove nothing
    mismatches: int = 0
    first: Mismatch | None = None
    skipped: str = ""  # which missing tool kept the form from being compared at all
    error: str = ""  # why the form cannot be made of this network, or could not be run: a failure
    special_graphs: int = 0  # compared graphs made up to be hard: empty, a hub, saturating, …
    sectors: int = 0  # for a form of fixed size: compared sectors, of `graphs` graphs
    random_graphs: int = 0  # compared random graphs, in chosen sizes
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
            "vectors_by_kernel": dict(self.vectors),
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
    return FormResult(form=form, skipped=why)


def impossible(form: str, why: str) -> FormResult:
    """The failed result of a form that cannot be made of this network, or not be run."""
    return FormResult(form=form, error=f"not possible: {why}")


def verify_form(
    reference: IntegerModel,
    form: Form,
    graphs: Sequence[Graph],
    vectors: int,
    seed: int,
    progress: Progress,
    special: Sequence[Graph] = (),
    stream: StreamCases | None = None,
) -> FormResult:
    """Compare `form` with `reference` on `vectors` inputs of each kernel, on `graphs` and on `special` ones.

    Every value that the form shows is compared, in the order of the steps; an integer that differs counts as one
    mismatch, and so does a run whose result is no integers of the model at all. With `stream`, for a `StreamingForm`,
    graphs go one behind the other, together with the random ones of `stream` and once in each of its rounds.
    `progress(done, total)` is called after each kernel and each graph or round.
    """
    tally = Tally(form.name, reference.description.output)
    kernels = [kernel.name for kernel in reference.description.kernels]
    total = len(kernels) + (len(stream.rounds) if stream else len(graphs) + len(special))
    compared: dict[str, int] = {}
    for done, kernel in enumerate(kernels, 1):
        inputs = kernel_vectors(reference, kernel, vectors, seed)
        wanted = reference.submodel(kernel).run(inputs)[kernel]
        try:
            tally.compare("vectors", {kernel: wanted}, {kernel: form.run_kernel(kernel, inputs)})
        except InexactForm as error:
            tally.reject("vectors", error)
        compared[kernel] = count_vectors(inputs)
        progress(done, total)

    def after(done: int) -> None:
        progress(len(kernels) + done, total)

    streamed = None
    if stream is None:
        seen = _one_by_one(reference, form, graphs, special, tally, after)
    else:
        assert isinstance(form, StreamingForm)
        seen = (len(graphs), len(special))
        streamed = _in_rounds(reference, form, [*graphs, *special, *stream.random], stream, tally, after)
    return FormResult(
        form=form.name,
        vectors=compared,
        graphs=seen[0],
        values=tally.values,
        distinct_outputs=len(tally.outputs),
        mismatches=tally.mismatches,
        first=tally.first,
        special_graphs=seen[1],
        random_graphs=len(stream.random) if stream else 0,
        streamed=streamed,
    )


def _one_by_one(
    reference: IntegerModel,
    form: Form,
    graphs: Sequence[Graph],
    special: Sequence[Graph],
    tally: Tally,
    after: Callable[[int], None],
) -> tuple[int, int]:
    """How many graphs and special ones were compared: none by a form that has kernels only."""
    seen = [0, 0]
    for index, graph in enumerate([*graphs, *special]):
        try:
            got = form.run_graph(graph)
            if got is not None:
                tally.compare(graph.name, reference.run_graph(graph, hidden=True), got)
        except InexactForm as error:
            tally.reject(graph.name, error)
            got = {}
        seen[index >= len(graphs)] += got is not None
        after(index + 1)
    return seen[0], seen[1]


def _in_rounds(
    reference: IntegerModel,
    form: StreamingForm,
    graphs: Sequence[Graph],
    stream: StreamCases,
    tally: Tally,
    after: Callable[[int], None],
) -> StreamResult:
    """All graphs one behind the other, in every round of stalls, each time in another order."""
    output = reference.description.output
    wanted = [reference.run_graph(graph)[output] for graph in graphs]
    clocks: dict[str, int] = {}
    for done, (name, stalls) in enumerate(stream.rounds.items(), 1):
        order = np.random.default_rng([stream.seed, done]).permutation(len(graphs))
        received = form.run_graphs([graphs[index] for index in order], stalls)
        names = [f"{graphs[index].name} (stalls: {name})" for index in order]
        compare_received(tally, names, [wanted[index] for index in order], received)
        clocks[name] = received[-1].last_logit - received[0].first_node + 1
        after(done)
    return StreamResult(len(graphs), len({_size(graph) for graph in graphs}), clocks)


def _size(graph: Graph) -> tuple[int, ...]:
    """Nodes and edges of a hit graph, elements of each domain of any other."""
    return (graph.num_nodes, graph.num_edges) if isinstance(graph, HitGraph) else tuple(graph.counts.values())

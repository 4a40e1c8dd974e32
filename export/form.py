"""What every exported form can do, so that `verify` and `evaluate` treat all of them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edgetrack.models.rows import Graph
from edgetrack.quantize.fixed_point import IntArray


@dataclass(frozen=True)
class Capacity:
    """Largest graph that a fixed-size form takes."""

    counts: Mapping[str, int]  # domain → elements

    @property
    def nodes(self) -> int:
        return self.counts["node"]

    @property
    def edges(self) -> int:
        return self.counts["edge"]

    def __str__(self) -> str:
        return " and ".join(f"{count} {domain}s" for domain, count in self.counts.items())


def hit_capacity(nodes: int, edges: int) -> Capacity:
    """Largest hit graph."""
    return Capacity({"node": nodes, "edge": edges})


class FormUnavailable(RuntimeError):
    """A form cannot be made or run here: names the missing tool and how to get it. Shown, never hidden."""


class InexactForm(ValueError):
    """A form gives what no integer of the model stands for, or two runs of one artefact disagree.

    `layer` is the value where that shows, `index` its place (row, column); empty where not known.
    """

    def __init__(self, message: str, layer: str = "", index: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.layer, self.index = layer, index


class Form(Protocol):
    """An exported artefact that can be run.

    All integers are codes on the grids of the `IntegerModel` that it was exported from.
    """

    @property
    def name(self) -> str:
        """Its name on the command line and in tables."""

    @property
    def capacity(self) -> Capacity | None:
        """Largest graph it takes; None: graphs of any size."""

    def run_graph(self, graph: Graph) -> Mapping[str, IntArray] | None:
        """Codes of the values that this form can show (name → (N or E, width)), always with the output.

        The order is that of the network's steps, so the first difference names the first divergent layer; keys
        beyond the network's values, such as "phi_r1.0" (activation of the MLP's first layer), are allowed where
        the integer model shows them too. None where the form has no whole graph (one kernel at a time in RTL). Raises
        InexactForm for a value that is none of the model's integers.
        """

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one MLP, map or table for codes of the inputs of `IntegerModel.submodel(kernel)`.

        Raises InexactForm as `run_graph` does.
        """

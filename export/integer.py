"""The integer model itself as a form: the file that ships beside the others, read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgetrack.export.form import Capacity
from edgetrack.export.kind import FormKind, NoSettings
from edgetrack.models.rows import Graph
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_file import load_integer_model, save_integer_model
from edgetrack.quantize.integer_model import IntegerModel

FILE = "integer_model.safetensors"


class IntegerForm:
    """`integer_model.safetensors`, run in numpy. Cost: O(N + E) times the sizes of the MLPs."""

    name = "integer"
    capacity: Capacity | None = None

    def __init__(self, path: Path) -> None:
        self.model = load_integer_model(path)

    def run_graph(self, graph: Graph) -> Mapping[str, IntArray]:
        """Codes of every value and every hidden activation."""
        return self.model.run_graph(graph, hidden=True)

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one kernel."""
        return self.model.submodel(kernel).run(inputs)[kernel]


def export_integer(model: IntegerModel, folder: Path) -> IntegerForm:
    """Write the integer model into `folder` and read it back."""
    save_integer_model(model, folder / FILE)
    return IntegerForm(folder / FILE)


INTEGER: FormKind[IntegerForm, NoSettings] = FormKind(
    "integer",
    lambda source, folder, settings: export_integer(source.model, folder),
    description="the integers themselves, the reference of all other forms, in one file",
    open=lambda source, folder: IntegerForm(folder / FILE),
)

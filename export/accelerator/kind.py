"""The accelerator as a form: its settings, and what it can do beyond running graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgetrack.events.progress import Progress
from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.resource_estimate import quick_estimate
from edgetrack.export.accelerator.timing import accelerator_timing
from edgetrack.export.hardware import Estimate, Placement
from edgetrack.export.kind import FormKind
from edgetrack.export.synthesis.device import Device
from edgetrack.export.synthesis.place_and_route import PlaceConfig, place_streams
from edgetrack.graphs.hitgraph import HitGraph

PASSAGES = 4  # graphs whose way through the accelerator is written down


def default_settings() -> AcceleratorConfig:
    """Several lanes and banks, so that what is verified has all that a fast one has; more take longer to build."""
    return AcceleratorConfig(edge_lanes=4, node_lanes=2, graphs_in_flight=3)


def design_figures(form: AcceleratorForm, graphs: Sequence[HitGraph], seed: int, device: Device) -> dict[str, Any]:
    """Cycles in simulation, with the passage of the first few graphs; resources by closed formulas."""
    return {
        "timing": accelerator_timing(form, graphs[:PASSAGES], seed).to_json(),
        "resources": quick_estimate(form, device),
    }


def count_primitives(form: AcceleratorForm, progress: Progress) -> Estimate:
    """Yosys maps each part once: minutes, kept in the form's folder."""
    design = form.estimate()
    progress(1, 1)
    return Estimate(design.total, design.blocks(), {part.name: (part.instances, part.each) for part in design.parts})


def place(form: AcceleratorForm, config: PlaceConfig) -> Placement:
    """The design behind narrow pins: 10 minutes for 30,000 LUTs, or more."""
    nodes, edges = form.capacity.nodes, form.capacity.edges
    return Placement(
        place_streams(dict(form.sources), form.top, form.folder / "placed", config),
        form.capacity,
        form.formula.latency(nodes, edges),
        form.formula.interval(nodes, edges),
    )


ACCELERATOR: FormKind[AcceleratorForm, AcceleratorConfig] = FormKind(
    "accelerator",
    lambda source, folder, config: export_accelerator(source.model, folder, config, source.origin),
    description="the whole network as one Verilog design that graphs stream through",
    settings=default_settings,
    capacity=lambda config: config.capacity,
    design=design_figures,
    estimate=count_primitives,
    slow_estimate=True,
    place=place,
)

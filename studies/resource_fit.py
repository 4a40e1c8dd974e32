"""The closed-form resource model against synthesis, and its constants measured anew.

The constants of the pipelines come from small kernels; everything is then compared on kernels and whole designs that no
constant was taken from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.progress import Progress
from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.resource_model import MODELLED, STATED_ERRORS, KernelFactors, kernel_resources
from edgetrack.export.exploration.grid import Grid, SizedNetwork, evaluate
from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.export.exploration.representative_model import representative_model
from edgetrack.export.resources.kernel_figures import KernelFigures, kernel_figures
from edgetrack.export.rtl.kernel import RtlKernel, make_kernel
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.export.synthesis.hierarchy import estimate_hierarchy
from edgetrack.export.synthesis.yosys import Resources, estimate_resources
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.pretrained_checkpoints import DEFAULT_QUANTISED, load_kind
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.recipe import PrecisionRecipe


@dataclass(frozen=True)
class KernelCase:
    """One pipeline of a drawn network."""

    hidden: int
    weight_bits: int
    activation_bits: int
    latency_cutoff: float
    mlp: str


@dataclass(frozen=True)
class DesignCase:
    """One accelerator of a drawn network."""

    hidden: int
    weight_bits: int
    activation_bits: int
    config: AcceleratorConfig


CALIBRATION = tuple(
    KernelCase(hidden, weight_bits, activation_bits, cutoff, mlp)
    for hidden, weight_bits, activation_bits, cutoff, mlp in (
        (4, 3, 6, 4.0, "phi_o"),
        (4, 4, 8, 1.5, "phi_o"),
        (4, 6, 4, 4.0, "phi_r2"),
        (4, 6, 8, 5.0, "phi_o"),
        (4, 8, 4, 1.5, "phi_o"),
        (4, 8, 8, 2.0, "phi_o"),
        (4, 3, 4, 3.0, "phi_r1"),
        (4, 4, 6, 2.0, "phi_r1"),
        (8, 3, 6, 2.0, "phi_r2"),
        (8, 3, 6, 5.0, "phi_r1"),
        (8, 4, 6, 1.5, "phi_o"),
        (8, 4, 6, 3.0, "phi_r2"),
        (8, 6, 8, 5.0, "phi_r1"),
        (8, 6, 8, 2.0, "phi_r2"),
        (8, 8, 6, 2.0, "phi_o"),
        (8, 8, 8, 4.0, "phi_r2"),
    )
)
KERNELS = (KernelCase(12, 5, 7, 3.0, "phi_r1"), KernelCase(12, 4, 8, 5.0, "phi_o"), KernelCase(6, 7, 5, 2.0, "phi_r2"))
DESIGNS = (
    DesignCase(6, 5, 7, AcceleratorConfig(40, 80, 2, 1, 3, 2, RtlConfig(3.0))),
    DesignCase(6, 7, 6, AcceleratorConfig(300, 700, 3, 2, 2, 2, RtlConfig(2.0))),
    DesignCase(4, 3, 8, AcceleratorConfig(96, 192, 6, 4, 8, 3, RtlConfig(5.0))),
    DesignCase(10, 5, 8, AcceleratorConfig(660, 1320, 16, 8, 5, 3, RtlConfig(4.0))),
)


@dataclass(frozen=True)
class ResourceFit:
    """Formulas beside synthesis, and the formulas' constants measured anew."""

    constants: KernelFactors
    kernels: list[dict[str, Any]]  # rows of pipelines that no constant was taken from
    designs: list[dict[str, Any]]  # and of whole designs
    drawn_against_trained: float  # LUTs of drawn networks over those of the trained one, less 1

    @property
    def beyond(self) -> list[str]:
        """Designs that are further off than the errors that the model states, in words."""
        return [
            f"{row['name']}: {key} is {error:+.1%} off, stated {STATED_ERRORS[key]:.1%}"
            for row in self.designs
            for key, error in row["errors"].items()
            if abs(error) > STATED_ERRORS[key]
        ]


def measure_fit(seed: int, folder: Path, progress: Progress) -> ResourceFit:
    """Synthesise, fit and compare: about ten minutes on one core, seconds for what `folder` holds already."""
    library = KernelLibrary(folder / "kernels")
    trained = integer_model(load_kind(DEFAULT_QUANTISED, "quantised"))
    calibration, kernels, designs = _synthesise(trained, seed, library, folder, progress)
    return ResourceFit(fit(calibration), kernels, designs, drawn_against_trained(trained, seed, library))


def _synthesise(
    trained: IntegerModel, seed: int, library: KernelLibrary, folder: Path, progress: Progress
) -> tuple[list[tuple[KernelFigures, Resources]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Kernels to calibrate with, rows of other kernels, rows of designs; the last two of other weights."""
    calibration, kernels, designs = [], [], []
    steps = len(CALIBRATION) + len(KERNELS) + len(DESIGNS) + 1
    for case in CALIBRATION:
        calibration.append(_kernel(case, seed, folder))
        progress(len(calibration), steps)
    for held_out in KERNELS:
        kernels.append(_kernel_row(_name(held_out), *_kernel(held_out, seed + 1, folder)))
        progress(len(calibration) + len(kernels), steps)
    kernel = make_kernel(trained, "phi_r1", 5.0, 5.0)
    kernels.append(_kernel_row(f"{DEFAULT_QUANTISED}, phi_r1", *_synthesised(kernel, folder)))
    for design in DESIGNS:
        designs.append(_design(design, seed + 1, library, folder))
        progress(len(calibration) + len(kernels) + len(designs), steps)
    return calibration, kernels, designs


def fit(kernels: Sequence[tuple[KernelFigures, Resources]]) -> KernelFactors:
    """Least squares of relative errors."""

    def solve(columns: Sequence[str], wanted: Sequence[float], given: Sequence[float]) -> list[float]:
        values = np.array([[getattr(figures, column) for column in columns] for figures, _ in kernels], float)
        scale = 1 / np.array(given, float)
        factors: list[float] = np.linalg.lstsq(values * scale[:, None], np.array(wanted) * scale, rcond=None)[
            0
        ].tolist()
        return factors

    adders = ("adder_bits", "ternary_bits")
    luts = [counted.lut for _, counted in kernels]
    logic = [count - figures.shift_registers for count, (figures, _) in zip(luts, kernels, strict=True)]
    adder_lut, ternary_lut = solve(adders, logic, luts)
    carries = [counted.carry4 for _, counted in kernels]
    adder_carry, ternary_carry = solve(adders, carries, carries)
    flip_flops = [counted.ff for _, counted in kernels]
    (ff,) = solve(("flip_flops",), flip_flops, flip_flops)
    return KernelFactors(adder_lut, ternary_lut, adder_carry, ternary_carry, ff)


def _model(hidden: int, weight_bits: int, activation_bits: int, seed: int) -> IntegerModel:
    recipe = PrecisionRecipe(weight_bits=weight_bits, activation_bits=activation_bits, aggregation_bits=activation_bits)
    return representative_model(interaction_network(InteractionNetworkConfig(hidden=hidden)), recipe, seed)


def _kernel(case: KernelCase, seed: int, folder: Path) -> tuple[KernelFigures, Resources]:
    model = _model(case.hidden, case.weight_bits, case.activation_bits, seed)
    return _synthesised(make_kernel(model, case.mlp, case.latency_cutoff, 5.0), folder)


def _synthesised(kernel: RtlKernel, folder: Path) -> tuple[KernelFigures, Resources]:
    return kernel_figures(kernel), estimate_resources(kernel.sources, kernel.top, folder / "yosys")


def _design(case: DesignCase, seed: int, library: KernelLibrary, folder: Path) -> dict[str, Any]:
    model = _model(case.hidden, case.weight_bits, case.activation_bits, seed)
    network = SizedNetwork(case.hidden, case.weight_bits, case.activation_bits, model)
    grid = replace(Grid(), nodes=case.config.nodes, edges=case.config.edges)
    by_formula = evaluate(network, case.config, grid, library.figures(model, case.config.rtl)).resources
    config = case.config
    name = (
        f"{case.hidden} hidden, {case.weight_bits}/{case.activation_bits} bits, {config.nodes}/{config.edges}, "
        f"{config.edge_lanes}/{config.node_lanes} lanes"
    )
    form = export_accelerator(model, folder / f"design-{config.edge_lanes}-{config.node_lanes}", config)
    return _row(name, by_formula, estimate_hierarchy(form.sources, form.top, folder / "yosys").total)


def drawn_against_trained(trained: IntegerModel, seed: int, library: KernelLibrary) -> float:
    """LUTs of all pipelines of drawn networks, the mean of five, over those of the trained one, less 1."""
    sizes = max(width for mlp in trained.description.mlps for width in mlp.widths)

    def luts(model: IntegerModel) -> float:
        return sum(kernel_resources(kernel).lut for kernel in library.figures(model, RtlConfig()).values())

    return float(np.mean([luts(_model(sizes, 6, 8, seed + index)) for index in range(5)])) / luts(trained) - 1


def _name(case: KernelCase) -> str:
    return (
        f"{case.hidden} hidden, {case.weight_bits}/{case.activation_bits} bits, cutoff {case.latency_cutoff:g}, "
        f"{case.mlp}"
    )


def _kernel_row(name: str, figures: KernelFigures, counted: Resources) -> dict[str, Any]:
    amount = kernel_resources(figures)
    return _row(name, Resources(round(amount.lut), round(amount.ff), round(amount.carry4), 0, 0), counted)


def _row(name: str, by_formula: Resources, counted: Resources) -> dict[str, Any]:
    pairs = {key: (getattr(by_formula, key), getattr(counted, key)) for key in MODELLED}
    return {
        "name": name,
        **{key: {"formula": formula, "synthesised": real} for key, (formula, real) in pairs.items()},
        "errors": {key: (formula - real) / max(real, 1) for key, (formula, real) in pairs.items()},
    }

"""Resources of a written accelerator by closed formulas, in milliseconds: what a report shows without synthesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from edgetrack.export.accelerator.form import AcceleratorForm
from edgetrack.export.accelerator.resource_model import BASIS, model_resources, total_resources
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.export.resources.kernel_figures import WIRES, KernelFigures, kernel_figures
from edgetrack.export.rtl.kernel import make_kernel
from edgetrack.export.synthesis.device import Device


def quick_estimate(form: AcceleratorForm, device: Device) -> dict[str, Any]:
    """The whole, its blocks and its shares of `device`, plain types; `missing` says why where there is no formula."""
    try:
        blocks = model_resources(form.plan, form.formula, _kernels(form))
    except (ValueError, KeyError) as error:  # a part that the formulas do not know, or know otherwise
        return {"missing": f"the closed formulas do not cover this design: {error}"}
    total = total_resources(blocks)
    order = sorted(blocks, key=lambda name: (name != TOP, blocks[name].lut), reverse=True)
    return {
        "basis": BASIS,
        "device": device.part,
        "total": asdict(total),
        "shares": device.shares(total),
        "blocks": {name: asdict(blocks[name]) for name in order},
    }


def _kernels(form: AcceleratorForm) -> Mapping[str, KernelFigures]:
    rtl = form.plan.config.rtl
    found = {}
    for stage in form.plan.passes:
        if stage.kernel == "copy":
            found[stage.name] = WIRES
        else:
            kernel = form.mlps.kernels.get(stage.name) or make_kernel(
                form.plan.model, stage.name, rtl.latency_cutoff, rtl.clock_period_ns
            )
            found[stage.name] = kernel_figures(kernel)
    return found

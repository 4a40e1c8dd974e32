"""Where everything lies in the accelerator's streams, as plain values for `accelerator.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.widths import make_widths
from edgetrack.quantize.fixed_point import Format


def stream_layout(plan: Plan) -> dict[str, Any]:
    """Of each stream the lanes, the fields of one lane of `tdata` and those of `tuser`, each from its lowest bit on."""
    widths, config = make_widths(plan), plan.config
    index = {"bits": widths.index, "exponent": 0, "signed": False}
    number = {"name": "graph number", "low": 0, "bits": widths.number}
    counts = {
        what: {"name": f"number of {what}", "low": widths.number, "bits": bits}
        for what, bits in (("nodes", widths.node_count), ("edges", widths.edge_count))
    }
    flags = [
        {"name": str(flag.name).lower(), "low": widths.number + place, "bits": 1} for place, flag in enumerate(Flags)
    ]
    nodes = [_column(value.name, plan.model.columns(value.name), value.scale) for value in plan.node_inputs]
    edges = [_column(value.name, plan.model.columns(value.name), value.scale) for value in plan.edge_inputs]
    ends = [{"name": end, "columns": 1, **index} for end in ("source", "target")]
    output = plan.model.description.output
    return {
        "node": _stream(config.node_lanes, nodes, [number, counts["nodes"]]),
        "edge": _stream(config.edge_lanes, [*ends, *edges], [number, counts["edges"]]),
        "logit": _stream(config.edge_lanes, [_column(output, plan.model.columns(output))], [number, *flags]),
    }


def _column(name: str, columns: Sequence[Format], scale: Sequence[float] = ()) -> dict[str, Any]:
    """A value's columns, all of one format; `scale` of each, where the integers are made from raw features."""
    fmt = columns[0]
    shown = {"name": name, "columns": len(columns), "bits": fmt.bits, "exponent": fmt.exponent, "signed": fmt.signed}
    return {**shown, "narrow": fmt.narrow, **({"scale": list(scale)} if scale else {})}


def _stream(lanes: int, fields: Sequence[dict[str, Any]], user: Sequence[dict[str, Any]]) -> dict[str, Any]:
    placed, low = [], 0
    for field in fields:
        placed.append({**field, "low": low})
        low += field["columns"] * field["bits"]
    return {
        "lanes": lanes,
        "lane_bits": low,
        "tdata_bits": lanes * low,
        "tkeep_bits": lanes,
        "tuser_bits": sum(field["bits"] for field in user),
        "lane": placed,
        "tuser": list(user),
    }

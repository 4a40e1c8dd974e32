"""nextpnr's JSON report of a routed design: the clock, what it takes of the device, and its longest path."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CriticalPath:
    """The path from register to register that limits the clock. Times in ns."""

    source: str  # cell whose output starts it
    sink: str  # cell whose input ends it
    logic_ns: float  # in cells, clock-to-output and setup included
    routing_ns: float  # in wires between them
    cells: int  # cells that it goes through, ends included
    through: tuple[str, ...]  # nets on the way, first one first, as the Verilog calls them where it does


@dataclass(frozen=True)
class RoutedReport:
    """What nextpnr says after routing."""

    clock_mhz: float
    used: Mapping[str, int]
    available: Mapping[str, int]
    critical_path: CriticalPath


def read_report(text: str) -> RoutedReport:
    """Parse a report. The clock is the lowest of all clocks'. Raises ValueError where it has no clock or is none."""
    try:
        report = json.loads(text)
        clocks = {name: float(clock["achieved"]) for name, clock in report["fmax"].items()}
        utilization = {name: (int(row["used"]), int(row["available"])) for name, row in report["utilization"].items()}
        paths = [path for path in report["critical_paths"] if path["from"] == path["to"] and path["path"]]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"this is no report of nextpnr, wanted JSON with fmax, utilization and critical_paths: {error!r}"
        ) from error
    if not clocks or not paths:
        raise ValueError("nextpnr's report has no clock with a path from register to register; is the design clocked?")
    longest = max(paths, key=lambda path: sum(hop["delay"] for hop in path["path"]))
    return RoutedReport(
        min(clocks.values()),
        {name: used for name, (used, _) in utilization.items()},
        {name: available for name, (_, available) in utilization.items()},
        _critical_path(longest["path"]),
    )


def _critical_path(hops: Sequence[Mapping[str, Any]]) -> CriticalPath:
    logic, routing = (
        sum(float(hop["delay"]) for hop in hops if (hop["type"] == "routing") == wires) for wires in (False, True)
    )
    nets = [str(hop["net"]) for hop in hops if "net" in hop]
    cells = dict.fromkeys(hop[end]["cell"] for hop in hops for end in ("from", "to"))
    return CriticalPath(
        _readable(hops[0]["from"]["cell"]),
        _readable(hops[-1]["to"]["cell"]),
        round(logic, 3),
        round(routing, 3),
        len(cells),
        tuple(dict.fromkeys(map(_readable, nets))),
    )


def _readable(name: str) -> str:
    """A cell's or net's name without what the tools put behind it: the Verilog's own name, where there is one."""
    return re.split(r"_(?:TRELLIS|LUT4|PFUMX|L6MUX|CCU2C|DP16KD)|\$(?:TRELLIS|ver|auto|lut)", name)[0]

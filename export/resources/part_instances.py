"""The parts that a generated top module is joined from: which, with which parameters, how many.

Read from the Verilog itself, so that whatever the generator writes is counted, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LOOP = r"for \(\w+ = 0; \w+ < (?P<count>\d+);"
_END = r"(?P<end>end endgenerate)"
_WITH = r"(?P<module>\w+) #\((?P<parameters>(?:\s*\.\w+\([^()]*\),?)+)\s*\)\s*(?P<name>\w+) \("
_WITHOUT = r"^ +(?P<plain>\w+) (?P<plain_name>\w+) \(\s*\.clk\(clk\)"
_TOKEN = re.compile("|".join((_LOOP, _END, _WITH, _WITHOUT)), re.MULTILINE)
_PARAMETER = re.compile(r"\.(\w+)\((-?\d+)\)")


@dataclass(frozen=True)
class Instance:
    """`count` equal instances of a module; `parameters` has those that are plain numbers."""

    module: str
    name: str
    parameters: Mapping[str, int]
    count: int


def read_instances(verilog: str) -> list[Instance]:
    """Instances in the one module of `verilog`, those in a `generate for` as often as it goes round.

    Cost: one pass over the text, about a millisecond for the accelerator.
    """
    found: list[Instance] = []
    times = [1]
    for token in _TOKEN.finditer(verilog):
        if token["count"]:
            times.append(times[-1] * int(token["count"]))
        elif token["end"]:
            times.pop()
        elif token["plain"]:
            found.append(Instance(token["plain"], token["plain_name"], {}, times[-1]))
        else:
            parameters = {name: int(value) for name, value in _PARAMETER.findall(token["parameters"])}
            found.append(Instance(token["module"], token["name"], parameters, times[-1]))
    assert times == [1], "a generate loop does not end"
    return found

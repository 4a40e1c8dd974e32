"""What the templates of hls4ml layers share: the headers of their kernels, and how a kernel is configured in C++."""

from __future__ import annotations

from typing import Any

HEADERS = ("nnet_rows.h", "nnet_message_passing.h", "nnet_message_passing_stream.h")
INCLUDES = [f"nnet_utils/{header}" for header in HEADERS]


def config_struct(
    node: Any, base: str, constants: dict[str, Any], types: dict[str, str], more: tuple[str, ...] = ()
) -> str:
    """The struct that a kernel is configured by, derived from `base`."""
    lines = [f"static const unsigned {name} = {value};" for name, value in constants.items()]
    lines += [f"typedef {value} {name};" for name, value in types.items()]
    body = "".join(f"    {line}\n" for line in (*lines, *more))
    return f"struct config{node.index} : nnet::{base} {{\n{body}}};\n"

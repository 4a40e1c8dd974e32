"""What `edgetrack export --to native` writes: sources, a Makefile, an example, and a page that explains them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgetrack.events.atomic_write import write_text
from edgetrack.export.native.build import DRIVER, FLAGS, HEADERS, PATH_FLAGS, native_header, symbols_source
from edgetrack.export.native.network_source import NetworkSource

EXAMPLE = "example.cpp"
README = "README.md"


def write_package(source: NetworkSource, folder: Path) -> None:
    """Write the network into `folder`; the same network gives the same bytes. It needs a C++17 compiler, no library."""
    texts = {
        "network.cpp": source.text,
        "network.h": network_header(source),
        "paths.cpp": symbols_source(source.symbol),
        "Makefile": _makefile(source),
        README: native_header(README).replace("@network@", source.symbol).replace("@tables@", _tables(source)),
        EXAMPLE: native_header(EXAMPLE).replace("@network@", source.symbol),
    }
    texts |= {name: native_header(name) for name in (*HEADERS, DRIVER)}
    for name, text in texts.items():
        write_text(folder / name, text)


def network_header(source: NetworkSource) -> str:
    """network.h: the network's symbol, and the numbers of its domains, inputs, ends and shown values."""
    description, symbol = source.description, source.symbol
    output = description.shape(description.output)
    domains = {name: number for number, name in enumerate(source.domains)}
    inputs = description.inputs
    ends = [description.end(end)[0].name for end in source.ends]
    lines = [
        f"/* The network {description.name} of edgetrack. */",
        "#pragma once",
        '#include "native.h"',
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        f"const edgetrack_network *const *{symbol}(void); /* for edgetrack_open */",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        _enum(symbol, "domain", source.domains),
        _enum(symbol, "input", (value.name for value in inputs)),
        _enum(symbol, "end", source.ends),
        _enum(symbol, "shown", (one.name.replace(".", "_layer_") for one in source.shown)),
        f"static const int {symbol}_input_width[] = {{{_list(value.width for value in inputs)}}};",
        f"static const int {symbol}_input_domain[] = {{{_list(domains[value.domain] for value in inputs)}}};",
        f"static const int {symbol}_end_domain[] = {{{_list(domains[name] for name in ends) or 0}}};",
        f"enum {{ {symbol}_output_domain = {domains[output.domain]}, {symbol}_output_width = {output.width} }};",
    ]
    return "\n".join(lines) + "\n"


def _enum(symbol: str, kind: str, names: Iterable[str]) -> str:
    """Numbers from 0 on, and how many there are. A name that cannot stand in C is left to its number."""
    each = [f"{symbol}_{kind}_{name if name.isascii() else number}" for number, name in enumerate(names)]
    return f"enum {{ {', '.join([*each, f'{symbol}_{kind}s'])} }};"


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _makefile(source: NetworkSource) -> str:
    x86 = [path for path, flags in PATH_FLAGS.items() if flags]
    lines = [
        "CXX ?= c++",
        "OPTIMISE ?= -O3",
        "PATHS ?= portable $(if $(filter x86_64 amd64,$(shell uname -m)),{})".format(" ".join(x86)),
        f"FLAGS := {' '.join(flag for flag in FLAGS if flag != '-O3')} $(OPTIMISE)",
        *(f"flags_{path} := {' '.join(flags)}" for path, flags in PATH_FLAGS.items()),
        "upper = $(shell echo $(1) | tr a-z A-Z)",
        f"LIBRARY := lib{source.symbol}.a",
        "",
        "example: example.cpp network.h $(LIBRARY)",
        "\t$(CXX) $(FLAGS) example.cpp $(LIBRARY) -o $@",
        "",
        "$(LIBRARY): native_driver.o paths.o $(PATHS:%=network_%.o)",
        "\trm -f $@ && ar rcs $@ $^",
        "",
        f"network_%.o: network.cpp {' '.join(HEADERS)}",
        "\t$(CXX) $(FLAGS) $(flags_$*) -DEDGETRACK_PATH=$* -DEDGETRACK_$(call upper,$*) -c network.cpp -o $@",
        "",
        "native_driver.o: native_driver.cpp native.h native_network.h",
        "\t$(CXX) $(FLAGS) -c native_driver.cpp -o $@",
        "",
        "paths.o: paths.cpp",
        "\t$(CXX) $(FLAGS) $(foreach path,$(PATHS),-DEDGETRACK_HAS_$(call upper,$(path))) -c paths.cpp -o $@",
        "",
        ".PHONY: clean",
        "clean:",
        "\trm -f *.o *.a example",
    ]
    return "\n".join(lines) + "\n"


def _tables(source: NetworkSource) -> str:
    """Inputs and ends of the network, as tables of the page."""
    lines = ["| input | elements | width |", "|---|---|---|"]
    lines += [f"| `{value.name}` | {value.domain}s | {value.width} |" for value in source.description.inputs]
    if source.ends:
        lines += ["", "| end | of each | lies in |", "|---|---|---|"]
        for end in source.ends:
            elements, among = source.description.end(end)
            lines.append(f"| `{end}` | {elements.name} | {among.name}s |")
    return "\n".join(lines)

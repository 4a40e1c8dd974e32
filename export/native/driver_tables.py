"""The tables that the driver reads: where stores, sums and ends lie, and the functions of passes and kernels."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrack.export.native.network_layout import NetworkLayout


def driver_tables(layout: NetworkLayout) -> str:
    """C++ of `edgetrack_network`, behind the functions."""
    domain = {name: number for number, name in enumerate(layout.domains)}
    stores = [
        f"{{{domain[layout.description.shape(name).domain]}, {len(layout.dialect.planes(name))}}}"
        for name in layout.schedule.stored
    ]
    sums = []
    for step in layout.scatters:
        store = layout.dialect.sums(step).store
        among = domain[layout.description.shape(step.name).domain]
        first = {-(1 << 63): "INT64_MIN"}.get(store.first, f"INT64_C({store.first})")
        end = layout.ends.index(step.end)
        sums.append(f"{{{among}, {store.columns}, {store.bytes}, {end}, {store.magnitude}, {first}}}")
    ends = [_end(layout, end, domain) for end in layout.ends]
    passes = [f"{{{domain[one.domain]}, pass_{index}}}" for index, one in enumerate(layout.schedule.passes)]
    kernels = [f"kernel_{index}" for index in range(len(layout.description.kernels))]
    tables = {"store": stores, "sum": sums, "end": ends, "pass": passes}
    lines = [_rows(f"edgetrack_{kind}", f"{kind}_table", rows) for kind, rows in tables.items()]
    lines.append(_rows("edgetrack_kernel", "kernel_table", kernels))
    sizes = ", ".join(str(len(each)) for each in (layout.domains, stores, sums, ends, passes, kernels))
    places = ", ".join(f"{kind}_table" for kind in (*tables, "kernel"))
    return "\n".join(
        [
            "namespace {",
            *lines,
            "} // namespace",
            "#define EDGETRACK_JOIN(name, path) name##_##path",
            "#define EDGETRACK_NAME(name, path) EDGETRACK_JOIN(name, path)",
            "#define EDGETRACK_TEXT(path) EDGETRACK_WORD(path)",
            "#define EDGETRACK_WORD(path) #path",
            'extern "C" {',
            f"extern const edgetrack_network EDGETRACK_NAME({layout.symbol}, EDGETRACK_PATH);",
            f"const edgetrack_network EDGETRACK_NAME({layout.symbol}, EDGETRACK_PATH) = {{",
            f"EDGETRACK_TEXT(EDGETRACK_PATH), {sizes},",
            f"{places}}};",
            "}",
        ]
    )


def _end(layout: NetworkLayout, end: str, domain: dict[str, int]) -> str:
    elements, among = layout.description.end(end)
    means = any(step.reduce == "mean" and step.end == end for step in layout.scatters)
    return f"{{{domain[elements.name]}, {domain[among.name]}, {layout.dialect.max_degree if means else 0}}}"


def _rows(kind: str, name: str, rows: Sequence[str]) -> str:
    """A table; C++ has none without rows."""
    return f"const {kind} {name}[] = {{{', '.join(rows) or '{}'}}};"

"""The C++ of a network: one function a pass, one a kernel, and the tables that the driver reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from edgetrack.export.native.driver_tables import driver_tables
from edgetrack.export.native.network_layout import NetworkLayout
from edgetrack.export.native.schedule import Pass, leaves
from edgetrack.export.native.tile_statements import TileStatements
from edgetrack.models.steps import Kernel, Mlp, Scatter


@dataclass(frozen=True)
class NetworkSource(NetworkLayout):
    """A network's source on every path."""

    @cached_property
    def _tile(self) -> TileStatements:
        return TileStatements(self)

    @cached_property
    def text(self) -> str:
        """network.cpp: to be compiled once a path."""
        includes = [f'#include "{header}"' for header in self.dialect.headers]
        functions = [self._tile.functions[step.name].text for step in self.description.kernels]
        passes = [self._pass(index, one) for index, one in enumerate(self.schedule.passes)]
        kernels = [self._kernel(index, step) for index, step in enumerate(self.description.kernels)]
        return "\n\n".join(
            [
                f"// The network {self.description.name}, written by edgetrack. Compile it once for each path.",
                "\n".join(includes),
                "namespace {",
                *functions,
                *passes,
                *kernels,
                "} // namespace",
                driver_tables(self),
                "",
            ]
        )

    def _pass(self, index: int, one: Pass) -> str:
        tile, dialect = self._tile, self.dialect
        names = [*one.loaded, *one.made]
        lines = [f"alignas(64) u32 {tile.buffer(name)}[{len(dialect.planes(name))} * T];" for name in names]
        for step in tile.steps(one.made):
            if isinstance(step, Mlp):
                hidden = tile.functions[step.name].hidden
                lines += [f"alignas(64) u32 {tile.hidden(step, i)}[{len(p)} * T];" for i, p in enumerate(hidden)]
        lines += ["for (int64_t at = first; at < last; at += T) {"]
        lines += ["const int n = static_cast<int>(least(T, last - at));", *tile.indices(one)]
        for name in one.loaded:
            lines.append(f"load_planes<{len(dialect.planes(name))}>({tile.store(name)}, at, n, {tile.buffer(name)});")
        for step in tile.steps(one.made):
            lines += [f"// {step.name}", *tile.make(step)]
            if self.made_in[step.name] == index:
                lines += tile.show(step)
        for name in one.stored:
            lines.append(f"store_planes<{len(dialect.planes(name))}>({tile.buffer(name)}, at, n, {tile.store(name)});")
        for step in tile.steps(one.scattered):
            assert isinstance(step, Scatter)
            lines += tile.scatter(step)
        if self._gives_output(one):
            lines += tile.output()
        lines += ["}", "return EDGETRACK_OK;"]
        head = f"static int pass_{index}(const edgetrack_job *job, int thread, int64_t first, int64_t last) {{"
        return "\n".join([f"// {one.domain}s", head, "(void)thread;", *lines, "}"])

    def _gives_output(self, one: Pass) -> bool:
        there = {*one.made, *one.loaded}
        passes = [each for each in self.schedule.passes if set(self.output_leaves) <= {*each.made, *each.loaded}]
        return set(self.output_leaves) <= there and one == passes[0]

    def _kernel(self, index: int, step: Kernel) -> str:
        tile, dialect = self._tile, self.dialect
        sources = list(dict.fromkeys(leaf for source in step.sources for leaf in leaves(self.description, source)))
        declared = [(tile.buffer(name), dialect.planes(name)) for name in (*sources, step.name)]
        if isinstance(step, Mlp):
            hidden = tile.functions[step.name].hidden
            declared += [(tile.hidden(step, i), planes) for i, planes in enumerate(hidden)]
        lines = [f"alignas(64) u32 {buffer}[{len(planes)} * T];" for buffer, planes in declared]
        lines += ["for (int64_t at = 0; at < rows; at += T) {", "const int n = static_cast<int>(least(T, rows - at));"]
        for number, name in enumerate(sources):
            lines += dialect.take(dialect.planes(name), f"inputs[{number}]", tile.buffer(name))
        lines += tile.call(step, tile.buffer(step.name))
        lines += dialect.show(dialect.planes(step.name), tile.buffer(step.name), "output")
        head = f"static int kernel_{index}(int64_t rows, const int32_t *const *inputs, int32_t *output) {{"
        return "\n".join([f"// {step.name} alone", head, *lines, "}", "return EDGETRACK_OK;", "}"])

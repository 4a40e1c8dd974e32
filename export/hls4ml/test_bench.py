"""The test bench of a vendor project: graphs, the integer model's outputs for them, and an exit status that compares.

hls4ml's bench reads tb_data and logs the results; made here are the data and the comparison, so that the vendor's C
simulation and co-simulation fail on the first difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import write_text
from edgetrack.export.cases import special_graphs
from edgetrack.export.hls4ml.layer_list import index_inputs
from edgetrack.export.hls4ml.simulation import HlsProject
from edgetrack.models.hit_features import FEATURES
from edgetrack.models.padding import padded
from edgetrack.models.rows import Rows, rows_of
from edgetrack.models.steps import Scatter
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

Sample = tuple[dict[str, IntArray], Rows[NDArray[Any]]]

INPUTS, OUTPUTS = "tb_data/tb_input_features.dat", "tb_data/tb_output_predictions.dat"
SEED = 1
RANDOM_SAMPLES = 8

COMPARISON = f"""
    // The outputs of the integer model, which the results must equal exactly.
    std::ifstream wanted("{OUTPUTS}"), got(RESULTS_LOG);
    double want, have;
    unsigned long values = 0, mismatches = 0;
    for (; wanted >> want; values++) {{
        if (!(got >> have) || have != want)
            mismatches++;
    }}
    std::cout << "INFO: " << mismatches << " of " << values << " outputs differ from the integer model" << std::endl;
    return mismatches ? 1 : 0;
}}
"""

# hls4ml's prints six digits, and ap_fixed's own text is wrong for a grid coarser than one.
PRINTING = """
template <class res_T, size_t SIZE> void print_exactly(res_T result[SIZE], std::ostream &out, bool = false) {
    out.precision(17);
    for (size_t i = 0; i < SIZE; i++)
        out << result[i].to_double() << " ";
    out << std::endl;
}

template <class res_T, size_t SIZE>
void print_exactly(hls::stream<res_T> &result, std::ostream &out, bool keep = false) {
    out.precision(17);
    for (size_t i = 0; i < SIZE / res_T::size; i++) {
        res_T beat = result.read();
        for (size_t j = 0; j < res_T::size; j++)
            out << beat[j].to_double() << " ";
        if (keep)
            result.write(beat);
    }
    out << std::endl;
}

int main("""

CHANGES = (
    ("nnet::print_result<", "print_exactly<"),
    ("\nint main(", PRINTING),
    ("bool trace_enabled = true;", "bool trace_enabled = false;"),  # no text of every layer
    ("\n    return 0;\n}\n", COMPARISON),
)


def write_test_bench(project: HlsProject, model: IntegerModel, counts: Mapping[str, int]) -> None:
    """Put graphs of exactly `counts` elements of each domain (dummies included) and their outputs beside the project.

    Its bench compares. One line a graph: the values of all inputs one after another; the output. Deterministic.
    """
    folder = project.folder
    lines: dict[str, list[str]] = {INPUTS: [], OUTPUTS: []}
    for codes, rows in samples(model, counts):
        real = {value: model.formats[value].dequantize(one) for value, one in codes.items()}
        real |= index_inputs(rows)
        output = model.description.output
        outputs = model.run(codes, rows)[output] * 2.0 ** model.exponent(output)
        lines[INPUTS].append(_line(np.concatenate([real[value].ravel() for value in project.inputs])))
        lines[OUTPUTS].append(_line(outputs.ravel()))
    for file, written in lines.items():
        write_text(folder / file, "".join(f"{line}\n" for line in written))
    if (folder / "CMakeLists.txt").is_file():
        write_text(folder / f"src/{project.name}_test.cpp", _oneapi_bench(project))
        return
    bench = folder / f"{project.name}_test.cpp"
    text = bench.read_text()
    for old, new in CHANGES:
        assert old in text, f"hls4ml's test bench has no {old!r}"
        text = text.replace(old, new)
    write_text(bench, text)


def samples(model: IntegerModel, counts: Mapping[str, int]) -> Iterator[Sample]:
    """Input codes and ends of several graphs, none with a mean over more elements than the model is precise for.

    Hits like real ones where the network takes hit features, among them an empty graph and a hub; any codes otherwise,
    in the last graph with all ends together.
    """
    description = model.description
    is_hits = all(
        value.name in FEATURES and len(FEATURES[value.name].columns) == value.width for value in description.inputs
    )
    if is_hits and set(counts) == {"node", "edge"} and counts["node"] > 1:
        graphs = special_graphs(counts["node"] - 1, counts["edge"], SEED)
        filled = [padded(description, rows_of(graph, description), counts) for graph in graphs]
        cases = [(model.quantize_inputs(rows.features), rows) for rows in filled]
    else:
        cases = list(_any_codes(model, counts))
    ends = {step.end for step in description.steps if isinstance(step, Scatter) and step.reduce == "mean"}
    for codes, rows in cases:
        if all(rows.degrees(end).max(initial=0) <= model.max_degree for end in ends):
            yield codes, rows


def _any_codes(model: IntegerModel, counts: Mapping[str, int]) -> Iterator[Sample]:
    rng = np.random.default_rng(SEED)
    domains = model.description.domains
    for sample in range(RANDOM_SAMPLES):
        codes = {}
        for value in model.description.inputs:
            fmt = model.formats[value.name]
            codes[value.name] = rng.integers(fmt.lowest, fmt.highest + 1, (counts[value.domain], value.width))
        ends = {}
        for domain in domains:
            for end in domain.ends:
                ends[end.name] = rng.integers(0, counts[end.domain], counts[domain.name])
                if sample == RANDOM_SAMPLES - 1:
                    ends[end.name] = np.arange(counts[domain.name]) // model.max_degree % counts[end.domain]
        yield codes, Rows(domains, counts, {}, ends)


def _oneapi_bench(project: HlsProject) -> str:
    """hls4ml's own bench for oneAPI feeds one input only."""
    header = (project.folder / f"src/firmware/{project.name}.h").read_text()
    *inputs, output = re.findall(r"^using (\w+) = .*pipe<", header, re.MULTILINE)
    (top,) = re.findall(r"^struct (\w+) ", header, re.MULTILINE)
    feeds = "\n".join(
        f"        feed<{pipe}>(q, inputs, {project.shapes[name][0]});"
        for pipe, name in zip(inputs, project.inputs, strict=True)
    )
    template = resources.files("edgetrack.hls_projects").joinpath("hls4ml/oneapi_test.cpp").read_text()
    return Template(template).substitute(
        name=project.name, feeds=feeds, top=top, output=output, beats=project.shapes[project.output][0]
    )


def _line(values: NDArray[np.floating[Any]]) -> str:
    return " ".join(f"{value:.17g}" for value in values)

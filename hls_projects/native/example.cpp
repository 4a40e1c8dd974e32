// Reads a graph from a file and prints the output, one element a line. File: counts by domain (int64), features by
// input (float32, row by row), rows at ends by end (int64).  example FILE [THREADS [PATH]]
#include "network.h"
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

int main(int argc, char **argv) {
    if (argc < 2) return std::fprintf(stderr, "usage: example FILE [THREADS [PATH]]\n"), 2;
    std::ifstream file(argv[1], std::ios::binary);
    std::vector<int64_t> counts(@network@_domains);
    file.read(reinterpret_cast<char *>(counts.data()), 8 * counts.size());

    std::vector<std::vector<float>> features;
    std::vector<const float *> feature_places;
    for (int i = 0; i < @network@_inputs; ++i) {
        features.emplace_back(counts[@network@_input_domain[i]] * @network@_input_width[i]);
        file.read(reinterpret_cast<char *>(features[i].data()), 4 * features[i].size());
    }
    std::vector<std::vector<int64_t>> ends;
    std::vector<const int64_t *> end_places;
    for (int i = 0; i < @network@_ends; ++i) {
        ends.emplace_back(counts[@network@_end_domain[i]]);
        file.read(reinterpret_cast<char *>(ends[i].data()), 8 * ends[i].size());
    }
    if (!file) return std::fprintf(stderr, "%s: not a graph of this network\n", argv[1]), 1;
    for (const auto &values : features) feature_places.push_back(values.data());
    for (const auto &rows : ends) end_places.push_back(rows.data());

    edgetrack_runtime *const runtime = edgetrack_open(@network@(), argc > 3 ? argv[3] : nullptr);
    if (runtime == nullptr) return std::fprintf(stderr, "no such path here\n"), 1;
    const edgetrack_graph graph = {counts.data(), feature_places.data(), end_places.data()};
    const int64_t elements = counts[@network@_output_domain], width = @network@_output_width;
    std::vector<int32_t> codes(elements * width);
    std::vector<float> reals(elements * width);
    const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
    const int error = edgetrack_run(runtime, &graph, threads, codes.data(), reals.data(), nullptr);
    if (error != EDGETRACK_OK) return std::fprintf(stderr, "%s\n", edgetrack_message(error)), 1;
    for (int64_t i = 0; i < elements; ++i)
        for (int64_t c = 0; c < width; ++c)
            std::printf("%d %.9g%c", codes[i * width + c], reals[i * width + c], c + 1 < width ? ' ' : '\n');
    edgetrack_close(runtime);
}

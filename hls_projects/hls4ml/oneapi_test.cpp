// Graphs of tb_data through the network, one after another; the exit status says whether every output equals the
// integer model's.

#include <fstream>
#include <iostream>
#include <string>

#include "firmware/$name.h"
#include "firmware/parameters.h"

#include <sycl/ext/intel/fpga_extensions.hpp>

#if (__INTEL_CLANG_COMPILER < 20250000)
#include <sycl/ext/intel/prototype/interfaces.hpp>
#endif

#include "exception_handler.hpp"

namespace nnet {
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
} // namespace nnet

template <class pipe> void feed(sycl::queue &q, std::istream &values, size_t beats) {
    for (size_t b = 0; b < beats; b++) {
        typename nnet::ExtractPipeType<pipe>::value_type beat;
        for (auto &value : beat) {
            double real;
            values >> real;
            value = real;
        }
        pipe::write(q, beat);
    }
}

int main() {
#if FPGA_SIMULATOR
    auto selector = sycl::ext::intel::fpga_simulator_selector_v;
#elif FPGA_HARDWARE
    auto selector = sycl::ext::intel::fpga_selector_v;
#else
    auto selector = sycl::ext::intel::fpga_emulator_selector_v;
#endif
    sycl::queue q(selector, fpga_tools::exception_handler, sycl::property::queue::enable_profiling{});

    std::ifstream inputs("tb_data/tb_input_features.dat"), wanted("tb_data/tb_output_predictions.dat");
    std::ofstream results("tb_data/results.log");
    results.precision(17);
    unsigned long values = 0, mismatches = 0;
    while (inputs >> std::ws && inputs.peek() != EOF) {
$feeds
        q.single_task($top{});
        for (size_t b = 0; b < $beats; b++) {
            for (auto &value : $output::read(q)) {
                double want;
                const double have = value.to_double();
                mismatches += !(wanted >> want) || have != want;
                values++;
                results << have << " ";
            }
        }
        results << std::endl;
    }
    q.wait();
    std::cout << "INFO: " << mismatches << " of " << values << " outputs differ from the integer model" << std::endl;
    return mismatches || !values;
}

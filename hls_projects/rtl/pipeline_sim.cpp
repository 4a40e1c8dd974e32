// Drives a pipeline with one vector a clock and reads each result LATENCY clocks after its vector was taken:
// equal results therefore prove the initiation interval of 1 and the latency along with the arithmetic.
// LATENCY comes from the command line. Rows are packed in 32-bit words, first column in the lowest bits.
#include "Vpipeline.h"
#include "verilated.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace {

template <typename Port> void put(Port &port, const uint32_t *words) {
    uint64_t value = words[0];
    if (sizeof(Port) > 4) value |= static_cast<uint64_t>(words[1]) << 32;
    port = static_cast<Port>(value);
}

template <std::size_t N> void put(VlWide<N> &port, const uint32_t *words) {
    for (std::size_t i = 0; i < N; i++) port[i] = words[i];
}

template <typename Port> void get(const Port &port, uint32_t *words) {
    words[0] = static_cast<uint32_t>(port);
    if (sizeof(Port) > 4) words[1] = static_cast<uint32_t>(static_cast<uint64_t>(port) >> 32);
}

template <std::size_t N> void get(const VlWide<N> &port, uint32_t *words) {
    for (std::size_t i = 0; i < N; i++) words[i] = port[i];
}

} // namespace

double sc_time_stamp() { return 0; }

extern "C" void simulate(const uint32_t *input, uint32_t *output, std::size_t vectors, std::size_t input_words,
                         std::size_t output_words) {
    const auto context = std::make_unique<VerilatedContext>();
    const auto top = std::make_unique<Vpipeline>(context.get());
    top->clk = 0;
    for (std::size_t clock = 0; clock < vectors + LATENCY; clock++) {
        // After the last vector the first ones follow again: nothing idles while results are still inside.
        put(top->model_inp, input + (clock % vectors) * input_words);
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
        if (clock >= LATENCY) get(top->model_out, output + (clock - LATENCY) * output_words);
    }
    top->final();
}

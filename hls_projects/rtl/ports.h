// What every simulation of a design needs: its ports as 32-bit words, the lowest bits in the first.
// Stands in front of the test bench in one unit (export/rtl/verilator.py).
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


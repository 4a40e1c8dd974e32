// Sends words to the two inputs of an accelerator behind pins (nodes and edges) and writes down the words that leave
// it, with random pauses on all three streams.
#include "Vpipeline.h"
#include "verilated.h"

#include <cstdint>
#include <memory>

double sc_time_stamp() { return 0; }

// Words given before `wanted` of them, before nothing moved for `patience` clocks, or before one changed while held.
extern "C" uint64_t simulate(const uint32_t *nodes, uint64_t node_count, const uint32_t *edges, uint64_t edge_count,
                             uint32_t *logits, uint64_t wanted, uint32_t pause_per_65536, uint64_t seed,
                             uint64_t patience) {
    const auto context = std::make_unique<VerilatedContext>();
    const auto top = std::make_unique<Vpipeline>(context.get());
    uint64_t state = seed * 2 + 1;
    auto pause = [&] { // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (state * 0x2545F4914F6CDD1DULL >> 48) < pause_per_65536;
    };
    auto clock = [&] {
        top->clk = 1;
        top->eval();
        top->clk = 0;
    };
    uint64_t node = 0, edge = 0, given = 0, quiet = 0;
    bool node_offered = false, edge_offered = false, holding = false;
    uint32_t held = 0;
    top->node_tvalid = top->edge_tvalid = top->logit_tready = top->clk = 0;
    top->rst = 1;
    for (int i = 0; i < 4; i++) {
        top->eval();
        clock();
    }
    top->rst = 0;
    while (given < wanted && quiet++ < patience) {
        // A word that was offered stays until it is taken, as AXI4-Stream asks.
        node_offered = node < node_count && (node_offered || !pause());
        edge_offered = edge < edge_count && (edge_offered || !pause());
        top->node_tvalid = node_offered;
        top->edge_tvalid = edge_offered;
        if (node_offered) top->node_tdata = nodes[node];
        if (edge_offered) top->edge_tdata = edges[edge];
        top->logit_tready = !pause();
        top->eval();
        if (node_offered && top->node_tready) {
            node++;
            node_offered = false;
            quiet = 0;
        }
        if (edge_offered && top->edge_tready) {
            edge++;
            edge_offered = false;
            quiet = 0;
        }
        if (holding && (!top->logit_tvalid || top->logit_tdata != held)) break;
        held = top->logit_tdata;
        holding = top->logit_tvalid && !top->logit_tready;
        if (top->logit_tvalid && top->logit_tready) {
            logits[given++] = top->logit_tdata;
            quiet = 0;
        }
        clock();
    }
    top->final();
    return given;
}

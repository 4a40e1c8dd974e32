// Plays graphs into the accelerator and writes down what leaves it, with random gaps and stalls on all streams.
// A stream offers its next row after a gap and then holds it until it is taken, as AXI4-Stream asks; the accelerator's
// own stream is checked for the same. Rows are packed in 32-bit words, lane 0 in the lowest bits.
// WATCHED(root), written in front of this file, lists the wires inside whose clocks can be asked for.
#include "Vpipeline___024root.h"

#include <vector>

namespace {

class Chance {
  public:
    explicit Chance(uint64_t seed) : state(seed * 2 + 1) {}
    // True in `per_65536` of 65536 cases (xorshift64*).
    bool operator()(uint32_t per_65536) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (state * 0x2545F4914F6CDD1DULL >> 48) < per_65536;
    }

  private:
    uint64_t state;
};

} // namespace

// One stream into the accelerator: `rows` of `words` words.
struct Input {
    const uint32_t *data;
    const uint32_t *keep; // two words a row
    const uint32_t *user; // two words a row
    const uint8_t *last;
    uint64_t *taken; // the clock at which each row was taken
    uint64_t rows, words;
    uint32_t gap; // chance of a clock without an offer, of 65536
};

struct Output {
    uint32_t *data, *keep, *user;
    uint8_t *last;
    uint64_t *given;
    uint64_t room, words, graphs; // rows that fit, words a row, graphs to wait for (0: until nothing moves any more)
    uint32_t stall;               // chance of a clock that takes nothing, of 65536
};

// Which of the watched wires was high, and when, in order of time; `count` goes on where `room` ends.
struct Watch {
    uint64_t *clocks;
    uint32_t *wires;
    uint64_t room, count;
};

// Registers and memories start with random values. Before the clock `reset` there is one clock of rst, mid-transfer or
// on; all graphs are then sent from the start, and only what leaves behind it is written down.
// Rows given, or: -1 nothing moved for `patience` clocks, with a row or a graph still to come, -2 a row changed while it was held, -3 more rows than room.
extern "C" int64_t simulate(const Input *nodes, const Input *edges, const Output *logits, Watch *watch, uint64_t seed,
                            uint64_t patience, uint64_t reset) {
    const auto context = std::make_unique<VerilatedContext>();
    for (auto *own : {context.get(), Verilated::threadContextp()}) { // parts compiled for themselves have the latter
        own->randReset(2);
        own->randSeed(static_cast<int>(seed % 0x7FFFFFFF) + 1);
    }
    const auto top = std::make_unique<Vpipeline>(context.get());
    Chance chance(seed);
    uint64_t node = 0, edge = 0, given = 0, graphs = 0, quiet = 0;
    bool node_offered = false, edge_offered = false;
    std::vector<uint32_t> held, now(logits->words + 5); // tdata, two words of tkeep and of tuser, tlast
    bool holding = false;
    top->node_tvalid = top->edge_tvalid = top->logit_tready = 0;
    for (int clock = 0; clock < 4; clock++) {
        top->rst = 1;
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
    }
    top->rst = 0;
    for (uint64_t clock = 0; logits->graphs == 0 || graphs < logits->graphs; clock++) {
        if (clock == reset) {
            top->rst = 1;
            top->node_tvalid = top->edge_tvalid = top->logit_tready = top->clk = 0;
            top->eval();
            top->clk = 1;
            top->eval();
            top->rst = 0;
            node = edge = given = graphs = quiet = 0;
            node_offered = edge_offered = holding = false;
        }
        node_offered = node_offered || (node < nodes->rows && !chance(nodes->gap));
        edge_offered = edge_offered || (edge < edges->rows && !chance(edges->gap));
        if (node_offered) {
            put(top->node_tdata, nodes->data + node * nodes->words);
            put(top->node_tkeep, nodes->keep + node * 2);
            put(top->node_tuser, nodes->user + node * 2);
            top->node_tlast = nodes->last[node];
        }
        if (edge_offered) {
            put(top->edge_tdata, edges->data + edge * edges->words);
            put(top->edge_tkeep, edges->keep + edge * 2);
            put(top->edge_tuser, edges->user + edge * 2);
            top->edge_tlast = edges->last[edge];
        }
        top->node_tvalid = node_offered;
        top->edge_tvalid = edge_offered;
        top->logit_tready = !chance(logits->stall);
        top->clk = 0;
        top->eval();
        if (watch) {
            const uint8_t wires[] = {WATCHED(top->rootp)};
            for (uint32_t wire = 0; wire < sizeof(wires); wire++)
                if (wires[wire] && watch->count++ < watch->room) {
                    watch->clocks[watch->count - 1] = clock;
                    watch->wires[watch->count - 1] = wire;
                }
        }
        quiet++;
        if (node_offered && top->node_tready) {
            nodes->taken[node++] = clock;
            node_offered = false;
            quiet = 0;
        }
        if (edge_offered && top->edge_tready) {
            edges->taken[edge++] = clock;
            edge_offered = false;
            quiet = 0;
        }
        if (holding && !top->logit_tvalid) return -2;
        if (top->logit_tvalid) {
            get(top->logit_tdata, now.data());
            get(top->logit_tkeep, now.data() + logits->words);
            get(top->logit_tuser, now.data() + logits->words + 2);
            now[logits->words + 4] = top->logit_tlast;
            if (holding && now != held) return -2;
            held = now;
            holding = !top->logit_tready;
        }
        if (top->logit_tvalid && top->logit_tready) {
            if (given == logits->room) return -3;
            for (uint64_t i = 0; i < logits->words; i++) logits->data[given * logits->words + i] = now[i];
            get(top->logit_tkeep, logits->keep + given * 2);
            logits->last[given] = top->logit_tlast;
            get(top->logit_tuser, logits->user + given * 2);
            graphs += top->logit_tlast;
            logits->given[given++] = clock;
            quiet = 0;
        }
        if (quiet > patience) {
            if (logits->graphs == 0 && node == nodes->rows && edge == edges->rows) break;
            return -1;
        }
        top->clk = 1;
        top->eval();
    }
    top->final();
    return static_cast<int64_t>(given);
}

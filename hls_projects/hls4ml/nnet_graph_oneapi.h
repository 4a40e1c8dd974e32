#ifndef NNET_GRAPH_ONEAPI_H_
#define NNET_GRAPH_ONEAPI_H_

// The kernels of nnet_rows.h and nnet_message_passing_stream.h for oneAPI: tasks that read and write beats of rows
// through pipes, one beat a clock. A beat holds one row a lane: node n is in lane n % node_lanes of beat
// n / node_lanes, and lies in that bank and row of every node memory. Edges stand for the elements of any domain with an
// end, nodes for those that the end lies in. Results are rounded and saturated once, by the
// conversion into the result's type; everything before it is exact, which the accumulator's width guarantees.

#include <tuple>

#include "nnet_common.h"
#include "nnet_mult.h"
#include "nnet_types.h"

namespace nnet {

struct dense_rows_config {
    static constexpr unsigned beats = 1;
    static constexpr unsigned lanes = 1;
};

struct message_passing_config {
    static constexpr unsigned bypass = 8; // sums in registers, as long as a memory may take from writing to reading
};

// A signed number of W bits, I of them left of the binary point: what a map's intermediate results are.
template <int W, int I> using exact_t = ac_fixed<W, I, true>;

template <class T> T magnitude(T value) {
    if (value < 0)
        return -value;
    return value;
}

// How the messages at one node become one number: `start` before any came, `made` of what was reduced.

template <class T> struct summed {
    static T start() { return 0; }
    static T made(T total) { return total; }
    T operator()(T a, T b) const { return a + b; }
};

// T has a code below every message, its lowest: it is left at a node without any, which gets 0.
template <class T> struct largest {
    static T start() {
        T least = 0;
        least[T::width - 1] = 1;
        return least;
    }
    static T made(T total) {
        if (total == start())
            return 0;
        return total;
    }
    T operator()(T a, T b) const {
        if (a > b)
            return a;
        return b;
    }
};

template <class pipe> using beat_of = typename ExtractPipeType<pipe>::value_type;

// res = weights · data + biases for every row of a beat, one copy of the layer a lane

template <class data_pipe, class res_pipe, typename CONFIG_T>
void dense_rows_stream(typename CONFIG_T::weight_t weights, typename CONFIG_T::bias_t biases) {
    using x_T = typename beat_of<data_pipe>::value_type;
    using w_T = typename CONFIG_T::weight_t::value_type;
DenseBeats:
    [[intel::initiation_interval(1)]] for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        [[intel::fpga_register]] const auto beat = data_pipe::read();
        [[intel::fpga_register]] beat_of<res_pipe> out;
        #pragma unroll
        for (unsigned lane = 0; lane < CONFIG_T::lanes; lane++) {
            #pragma unroll
            for (unsigned o = 0; o < CONFIG_T::n_out; o++) {
                typename CONFIG_T::accum_t sum = biases[o];
                #pragma unroll
                for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
                    sum += CONFIG_T::template product<x_T, w_T>::product(beat[lane * CONFIG_T::n_in + i],
                                                                         weights[i * CONFIG_T::n_out + o]);
                }
                out[lane * CONFIG_T::n_out + o] = sum;
            }
        }
        res_pipe::write(out);
    }
}

// Columns side by side

template <unsigned LANES, unsigned OFFSET, class res_T, class part_pipe, class... rest_pipes>
void read_columns(res_T &beat) {
    constexpr unsigned all = std::tuple_size<res_T>{} / LANES;
    constexpr unsigned width = std::tuple_size<beat_of<part_pipe>>{} / LANES;
    const auto columns = part_pipe::read();
    #pragma unroll
    for (unsigned lane = 0; lane < LANES; lane++) {
        #pragma unroll
        for (unsigned f = 0; f < width; f++) {
            beat[lane * all + OFFSET + f] = columns[lane * width + f];
        }
    }
    if constexpr (sizeof...(rest_pipes) > 0) {
        read_columns<LANES, OFFSET + width, res_T, rest_pipes...>(beat);
    }
}

template <typename CONFIG_T, class res_pipe, class... part_pipes> void join_columns_stream() {
JoinBeats:
    [[intel::initiation_interval(1)]] for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        [[intel::fpga_register]] beat_of<res_pipe> beat;
        read_columns<CONFIG_T::lanes, 0, beat_of<res_pipe>, part_pipes...>(beat);
        res_pipe::write(beat);
    }
}

// Each row of `res` computed from the same row of the parts, by an expression that the layer brings

template <typename CONFIG_T, class res_pipe, class... part_pipes> void map_rows_stream() {
MapBeats:
    [[intel::initiation_interval(1)]] for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        [[intel::fpga_register]] beat_of<res_pipe> out;
        const std::tuple<beat_of<part_pipes>...> parts{part_pipes::read()...};
        #pragma unroll
        for (unsigned lane = 0; lane < CONFIG_T::lanes; lane++) {
            std::apply([&](const auto &...part) { CONFIG_T::map(lane, out, part...); }, parts);
        }
        res_pipe::write(out);
    }
}

// A function of each number, read at the bits of its code

template <typename CONFIG_T, class res_pipe, class x_pipe> void table_rows_stream(typename CONFIG_T::table_t table) {
    constexpr unsigned size = std::tuple_size<beat_of<x_pipe>>{};
    constexpr unsigned bits = beat_of<x_pipe>::value_type::width;
TableBeats:
    [[intel::initiation_interval(1)]] for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        [[intel::fpga_register]] const auto beat = x_pipe::read();
        [[intel::fpga_register]] beat_of<res_pipe> out;
        #pragma unroll
        for (unsigned i = 0; i < size; i++) {
            const ac_int<bits, false> code = beat[i].template slc<bits>(0);
            out[i] = table[code.to_uint()];
        }
        res_pipe::write(out);
    }
}

// res[e] = x[index[e]]: each edge lane reads a copy of its own, whichever node it needs

template <typename CONFIG_T, class res_pipe, class x_pipe, class index_pipe> void edge_gather_stream() {
    using value_T = typename beat_of<x_pipe>::value_type;
    [[intel::fpga_memory]] value_T
        table[CONFIG_T::node_beats][CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::width];

StoreNodes:
    [[intel::initiation_interval(1)]] for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        const auto beat = x_pipe::read();
        #pragma unroll
        for (unsigned copy = 0; copy < CONFIG_T::edge_lanes; copy++) {
            #pragma unroll
            for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                #pragma unroll
                for (unsigned f = 0; f < CONFIG_T::width; f++) {
                    table[r][copy][bank][f] = beat[bank * CONFIG_T::width + f];
                }
            }
        }
    }

ReadNodes:
    [[intel::initiation_interval(1)]] for (unsigned b = 0; b < CONFIG_T::edge_beats; b++) {
        const auto nodes = index_pipe::read();
        [[intel::fpga_register]] beat_of<res_pipe> out;
        #pragma unroll
        for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
            const unsigned node = nodes[lane].to_uint();
            #pragma unroll
            for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                #pragma unroll
                for (unsigned f = 0; f < CONFIG_T::width; f++) {
                    const value_T value = table[node / CONFIG_T::node_lanes][lane][bank][f];
                    if (node % CONFIG_T::node_lanes == bank) {
                        out[lane * CONFIG_T::width + f] = value;
                    }
                }
            }
        }
        res_pipe::write(out);
    }
}

// Messages reduced by node (summed, or the largest kept), each edge lane with memories of its own. A message for one of
// the `bypass` nodes before it takes that total from a register, so that memory need not be read within that many clocks after it is written. With
// `columns` one more than `width`, the last one counts the messages, in units of its last bit.

template <typename CONFIG_T, class m_pipe, class index_pipe, class total_T> void reduce_edges(total_T &total) {
    using accum_T = typename CONFIG_T::accum_t;
    const accum_T start = CONFIG_T::reduction::start();
    [[intel::fpga_register]] unsigned place[CONFIG_T::edge_lanes][CONFIG_T::bypass];
    [[intel::fpga_register]] accum_T recent[CONFIG_T::edge_lanes][CONFIG_T::bypass][CONFIG_T::columns];

ClearTotals:
    [[intel::initiation_interval(1)]] for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        #pragma unroll
        for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
            #pragma unroll
            for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                #pragma unroll
                for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                    total[r][lane][bank][f] = start;
                }
            }
        }
    }

ClearRecent: // the start of node 0, as its memory has
    #pragma unroll
    for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
        #pragma unroll
        for (unsigned k = 0; k < CONFIG_T::bypass; k++) {
            place[lane][k] = 0;
            #pragma unroll
            for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                recent[lane][k][f] = start;
            }
        }
    }

ReduceEdges:
    [[intel::initiation_interval(1), intel::ivdep(CONFIG_T::bypass)]]
    for (unsigned b = 0; b < CONFIG_T::edge_beats; b++) {
        const auto values = m_pipe::read();
        const auto nodes = index_pipe::read();
        #pragma unroll
        for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
            const unsigned node = nodes[lane].to_uint();
            [[intel::fpga_register]] accum_T reduced[CONFIG_T::columns];
            #pragma unroll
            for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                #pragma unroll
                for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                    const accum_T value = total[node / CONFIG_T::node_lanes][lane][bank][f];
                    if (node % CONFIG_T::node_lanes == bank) {
                        reduced[f] = value;
                    }
                }
                #pragma unroll
                for (unsigned k = CONFIG_T::bypass; k-- > 0;) { // the youngest last, it counts
                    if (place[lane][k] == node) {
                        reduced[f] = recent[lane][k][f];
                    }
                }
                accum_T term = 0;
                if (f < CONFIG_T::width) {
                    term = values[lane * CONFIG_T::width + f];
                } else {
                    term.set_slc(0, ac_int<1, false>(1));
                }
                reduced[f] = typename CONFIG_T::reduction()(reduced[f], term);
                #pragma unroll
                for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                    if (node % CONFIG_T::node_lanes == bank) {
                        total[node / CONFIG_T::node_lanes][lane][bank][f] = reduced[f];
                    }
                }
                #pragma unroll
                for (unsigned k = CONFIG_T::bypass - 1; k > 0; k--) {
                    recent[lane][k][f] = recent[lane][k - 1][f];
                }
                recent[lane][0][f] = reduced[f];
            }
            #pragma unroll
            for (unsigned k = CONFIG_T::bypass - 1; k > 0; k--) {
                place[lane][k] = place[lane][k - 1];
            }
            place[lane][0] = node;
        }
    }
}

// The totals of all edge lanes at one place, joined by a tree.

template <typename CONFIG_T, class total_T>
typename CONFIG_T::accum_t joined(const total_T &total, unsigned r, unsigned bank, unsigned f) {
    using accum_T = typename CONFIG_T::accum_t;
    [[intel::fpga_register]] accum_T parts[CONFIG_T::edge_lanes];
    #pragma unroll
    for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
        parts[lane] = total[r][lane][bank][f];
    }
    using reduction = typename CONFIG_T::reduction;
    return reduce<accum_T, CONFIG_T::edge_lanes, reduction>(parts, reduction());
}

// res[n] = Σ m[e], or the largest m[e], over the edges e with index[e] = n

template <typename CONFIG_T, class res_pipe, class m_pipe, class index_pipe> void scatter_stream() {
    [[intel::fpga_memory]] typename CONFIG_T::accum_t
        total[CONFIG_T::node_beats][CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::columns];
    reduce_edges<CONFIG_T, m_pipe, index_pipe>(total);

WriteTotals:
    [[intel::initiation_interval(1)]] for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        [[intel::fpga_register]] beat_of<res_pipe> out;
        #pragma unroll
        for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
            #pragma unroll
            for (unsigned f = 0; f < CONFIG_T::width; f++) {
                out[bank * CONFIG_T::width + f] = CONFIG_T::reduction::made(joined<CONFIG_T>(total, r, bank, f));
            }
        }
        res_pipe::write(out);
    }
}

// res[n] = reciprocal[degree of n] · Σ m[e] over the edges e with index[e] = n; reciprocal[0] = 0

template <typename CONFIG_T, class res_pipe, class m_pipe, class index_pipe>
void scatter_mean_stream(typename CONFIG_T::reciprocal_t reciprocal) {
    [[intel::fpga_memory]] typename CONFIG_T::accum_t
        total[CONFIG_T::node_beats][CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::columns];
    reduce_edges<CONFIG_T, m_pipe, index_pipe>(total);

WriteMeans:
    [[intel::initiation_interval(1)]] for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        [[intel::fpga_register]] beat_of<res_pipe> out;
        #pragma unroll
        for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
            const ac_int<CONFIG_T::degree_bits, false> degree =
                joined<CONFIG_T>(total, r, bank, CONFIG_T::width).template slc<CONFIG_T::degree_bits>(0);
            const auto factor = reciprocal[degree.to_uint()];
            #pragma unroll
            for (unsigned f = 0; f < CONFIG_T::width; f++) {
                out[bank * CONFIG_T::width + f] = joined<CONFIG_T>(total, r, bank, f) * factor;
            }
        }
        res_pipe::write(out);
    }
}

} // namespace nnet

#endif

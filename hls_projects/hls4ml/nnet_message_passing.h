#ifndef NNET_MESSAGE_PASSING_H_
#define NNET_MESSAGE_PASSING_H_

// Message passing for hls4ml: gathers from nodes to edges; sums, means and maxima from edges to nodes; over arrays
// (io_parallel, small fixed graphs). Edges stand for the elements of any domain with an end (triplets, pairs), nodes for
// those that the end lies in (edges, tokens). Graphs have a fixed size; unused rows belong to a dummy node. Results are
// rounded and saturated once, by the conversion into res_T; everything before it is exact, which the accumulator's
// width guarantees.

#include "nnet_common.h"

namespace nnet {

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

struct message_passing_config {
    static const unsigned n_node = 1;
    static const unsigned n_edge = 1;
    static const unsigned width = 1;
    static const unsigned columns = 1; // of the accumulators over streams: width, and a count for a mean
    static const unsigned node_beats = 1;
    static const unsigned node_lanes = 1;
    static const unsigned edge_beats = 1;
    static const unsigned edge_lanes = 1;
    static const unsigned bypass = 3; // sums in registers: the tool may take two clocks to read a memory
    static const unsigned reuse_factor = 1;
};

// res[e] = x[index[e]]

template <class x_T, class index_T, class res_T, typename CONFIG_T>
void edge_gather(x_T x[CONFIG_T::n_node * CONFIG_T::width], index_T index[CONFIG_T::n_edge],
                 res_T res[CONFIG_T::n_edge * CONFIG_T::width]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor

GatherEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS UNROLL
        const unsigned node = index[e].to_uint();
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            res[e * CONFIG_T::width + f] = x[node * CONFIG_T::width + f];
        }
    }
}

// res[n] = Σ m[e], or the largest m[e], over the edges e with index[e] = n

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter(m_T m[CONFIG_T::n_edge * CONFIG_T::width], index_T index[CONFIG_T::n_edge],
             res_T res[CONFIG_T::n_node * CONFIG_T::width]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor

    typename CONFIG_T::accum_t total[CONFIG_T::n_node * CONFIG_T::width];
    #pragma HLS ARRAY_PARTITION variable=total complete

ClearNodes:
    for (unsigned i = 0; i < CONFIG_T::n_node * CONFIG_T::width; i++) {
        #pragma HLS UNROLL
        total[i] = CONFIG_T::reduction::start();
    }

ReduceEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS UNROLL
        const unsigned node = index[e].to_uint();
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            const unsigned place = node * CONFIG_T::width + f;
            total[place] = typename CONFIG_T::reduction()(total[place], m[e * CONFIG_T::width + f]);
        }
    }

WriteNodes:
    for (unsigned i = 0; i < CONFIG_T::n_node * CONFIG_T::width; i++) {
        #pragma HLS UNROLL
        res[i] = CONFIG_T::reduction::made(total[i]);
    }
}

// res[n] = reciprocal[degree of n] · Σ m[e] over the edges e with index[e] = n; reciprocal[0] = 0

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter_mean(m_T m[CONFIG_T::n_edge * CONFIG_T::width], index_T index[CONFIG_T::n_edge],
                  res_T res[CONFIG_T::n_node * CONFIG_T::width],
                  typename CONFIG_T::reciprocal_t reciprocal[CONFIG_T::n_edge + 1]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor

    typename CONFIG_T::accum_t total[CONFIG_T::n_node * CONFIG_T::width];
    typename CONFIG_T::degree_t degree[CONFIG_T::n_node];
    #pragma HLS ARRAY_PARTITION variable=total complete
    #pragma HLS ARRAY_PARTITION variable=degree complete

ClearNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS UNROLL
        degree[n] = 0;
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[n * CONFIG_T::width + f] = 0;
        }
    }

SumEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS UNROLL
        const unsigned node = index[e].to_uint();
        degree[node]++;
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[node * CONFIG_T::width + f] += m[e * CONFIG_T::width + f];
        }
    }

WriteNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS UNROLL
        const typename CONFIG_T::reciprocal_t factor = reciprocal[degree[n].to_uint()];
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            res[n * CONFIG_T::width + f] = total[n * CONFIG_T::width + f] * factor;
        }
    }
}

} // namespace nnet

#endif

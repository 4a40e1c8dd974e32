#ifndef NNET_MESSAGE_PASSING_STREAM_H_
#define NNET_MESSAGE_PASSING_STREAM_H_

// Message passing over streams (io_stream). A beat holds one row a lane: node n is in lane n % node_lanes of beat
// n / node_lanes, and lies in that bank and row of every node memory. Each kernel is a dataflow of two processes with a
// memory between them, which the tool doubles: the next graph is stored while this one is read.

#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_message_passing.h"

// In C simulation the memories are static, since stacks are small.
#ifdef __SYNTHESIS__
#define GRAPH_MEMORY
#else
#define GRAPH_MEMORY static
#endif

namespace nnet {

// res[e] = x[index[e]]: each edge lane reads a copy of its own, whichever node it needs

template <class x_T, typename CONFIG_T>
void store_nodes(hls::stream<x_T> &x,
                 typename x_T::value_type
                     table[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::width]) {
StoreNodes:
    for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        #pragma HLS PIPELINE II=1
        const x_T beat = x.read();
        for (unsigned copy = 0; copy < CONFIG_T::edge_lanes; copy++) {
            #pragma HLS UNROLL
            for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                #pragma HLS UNROLL
                for (unsigned f = 0; f < CONFIG_T::width; f++) {
                    #pragma HLS UNROLL
                    table[copy][bank][r][f] = beat[bank * CONFIG_T::width + f];
                }
            }
        }
    }
}

template <class value_T, class index_T, class res_T, typename CONFIG_T>
void read_nodes(value_T table[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::width],
                hls::stream<index_T> &index, hls::stream<res_T> &res) {
ReadNodes:
    for (unsigned b = 0; b < CONFIG_T::edge_beats; b++) {
        #pragma HLS PIPELINE II=1
        const index_T nodes = index.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
            #pragma HLS UNROLL
            const unsigned node = nodes[lane].to_uint();
            for (unsigned f = 0; f < CONFIG_T::width; f++) {
                #pragma HLS UNROLL
                out[lane * CONFIG_T::width + f] =
                    table[lane][node % CONFIG_T::node_lanes][node / CONFIG_T::node_lanes][f];
            }
        }
        res.write(out);
    }
}

template <class x_T, class index_T, class res_T, typename CONFIG_T>
void edge_gather(hls::stream<x_T> &x, hls::stream<index_T> &index, hls::stream<res_T> &res) {
    #pragma HLS DATAFLOW
    GRAPH_MEMORY typename x_T::value_type
        table[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::width];
    #pragma HLS ARRAY_PARTITION variable=table complete dim=1
    #pragma HLS ARRAY_PARTITION variable=table complete dim=2
    #pragma HLS ARRAY_RESHAPE variable=table complete dim=4
    store_nodes<x_T, CONFIG_T>(x, table);
    read_nodes<typename x_T::value_type, index_T, res_T, CONFIG_T>(table, index, res);
}

// Messages reduced by node (summed, or the largest kept), each edge lane with memories of its own. A message for one of
// the `bypass` nodes before it takes that total from a register: only when it leaves them is a total written. So a place
// is never read in the clocks between its reading and its writing, and what is read where it is just being written does
// not count, since the registers hold it too. One column more than `width` counts the messages, in units of its last
// bit.

template <class m_T, class index_T, typename CONFIG_T>
void reduce_edges(hls::stream<m_T> &m, hls::stream<index_T> &index,
                  typename CONFIG_T::accum_t
                      total[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::columns]) {
    typedef typename CONFIG_T::accum_t accum_t;
    const accum_t start = CONFIG_T::reduction::start();
    typename index_T::value_type place[CONFIG_T::edge_lanes][CONFIG_T::bypass];
    accum_t recent[CONFIG_T::edge_lanes][CONFIG_T::bypass][CONFIG_T::columns];
    #pragma HLS ARRAY_PARTITION variable=place complete dim=0
    #pragma HLS ARRAY_PARTITION variable=recent complete dim=0

ClearTotals:
    for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        #pragma HLS PIPELINE II=1
        for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
            #pragma HLS UNROLL
            for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
                #pragma HLS UNROLL
                for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                    #pragma HLS UNROLL
                    total[lane][bank][r][f] = start;
                }
            }
        }
    }

ClearRecent: // the start of node 0, as its memory has
    for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
        #pragma HLS UNROLL
        for (unsigned k = 0; k < CONFIG_T::bypass; k++) {
            #pragma HLS UNROLL
            place[lane][k] = 0;
            for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                #pragma HLS UNROLL
                recent[lane][k][f] = start;
            }
        }
    }

ReduceEdges: // and `bypass` beats more, in which the last totals leave the registers
    for (unsigned b = 0; b < CONFIG_T::edge_beats + CONFIG_T::bypass; b++) {
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=total intra false
        const bool more = b < CONFIG_T::edge_beats;
        m_T values;
        index_T nodes;
        if (more) {
            values = m.read();
            nodes = index.read();
        }
        for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
            #pragma HLS UNROLL
            const unsigned node = more ? nodes[lane].to_uint() : 0;
            accum_t reduced[CONFIG_T::columns];
            #pragma HLS ARRAY_PARTITION variable=reduced complete
            for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                #pragma HLS UNROLL
                reduced[f] = total[lane][node % CONFIG_T::node_lanes][node / CONFIG_T::node_lanes][f];
            }
            for (unsigned k = CONFIG_T::bypass; k-- > 0;) { // the youngest last, it counts
                #pragma HLS UNROLL
                if (place[lane][k] == node) {
                    for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                        #pragma HLS UNROLL
                        reduced[f] = recent[lane][k][f];
                    }
                }
            }
            const unsigned oldest = place[lane][CONFIG_T::bypass - 1].to_uint();
            for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                #pragma HLS UNROLL
                total[lane][oldest % CONFIG_T::node_lanes][oldest / CONFIG_T::node_lanes][f] =
                    recent[lane][CONFIG_T::bypass - 1][f];
            }
            for (unsigned k = CONFIG_T::bypass - 1; k > 0; k--) {
                #pragma HLS UNROLL
                place[lane][k] = place[lane][k - 1];
                for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                    #pragma HLS UNROLL
                    recent[lane][k][f] = recent[lane][k - 1][f];
                }
            }
            place[lane][0] = node;
            for (unsigned f = 0; f < CONFIG_T::columns; f++) {
                #pragma HLS UNROLL
                accum_t term = start;
                if (more && f < CONFIG_T::width) {
                    term = values[lane * CONFIG_T::width + f];
                } else if (more) {
                    term.range() = 1;
                }
                recent[lane][0][f] = typename CONFIG_T::reduction()(reduced[f], term);
            }
        }
    }
}

// The totals of all edge lanes at one place, joined by a tree.

template <typename CONFIG_T>
typename CONFIG_T::accum_t
joined(typename CONFIG_T::accum_t
           total[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::columns],
       unsigned bank, unsigned r, unsigned f) {
    #pragma HLS INLINE
    typedef typename CONFIG_T::accum_t accum_t;
    accum_t parts[CONFIG_T::edge_lanes];
    #pragma HLS ARRAY_PARTITION variable=parts complete
    for (unsigned lane = 0; lane < CONFIG_T::edge_lanes; lane++) {
        #pragma HLS UNROLL
        parts[lane] = total[lane][bank][r][f];
    }
    typedef typename CONFIG_T::reduction reduction;
    return reduce<accum_t, CONFIG_T::edge_lanes, reduction>(parts, reduction());
}

// res[n] = Σ m[e], or the largest m[e], over the edges e with index[e] = n

template <class res_T, typename CONFIG_T>
void write_totals(typename CONFIG_T::accum_t
                      total[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::columns],
                  hls::stream<res_T> &res) {
WriteTotals:
    for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
            #pragma HLS UNROLL
            for (unsigned f = 0; f < CONFIG_T::width; f++) {
                #pragma HLS UNROLL
                out[bank * CONFIG_T::width + f] = CONFIG_T::reduction::made(joined<CONFIG_T>(total, bank, r, f));
            }
        }
        res.write(out);
    }
}

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter(hls::stream<m_T> &m, hls::stream<index_T> &index, hls::stream<res_T> &res) {
    #pragma HLS DATAFLOW
    GRAPH_MEMORY typename CONFIG_T::accum_t
        total[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::columns];
    #pragma HLS ARRAY_PARTITION variable=total complete dim=1
    #pragma HLS ARRAY_PARTITION variable=total complete dim=2
    #pragma HLS ARRAY_RESHAPE variable=total complete dim=4
    reduce_edges<m_T, index_T, CONFIG_T>(m, index, total);
    write_totals<res_T, CONFIG_T>(total, res);
}

// res[n] = reciprocal[degree of n] · Σ m[e] over the edges e with index[e] = n; reciprocal[0] = 0

template <class res_T, typename CONFIG_T>
void write_means(typename CONFIG_T::accum_t
                     total[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::columns],
                 hls::stream<res_T> &res, typename CONFIG_T::reciprocal_t reciprocal[CONFIG_T::n_edge + 1]) {
WriteMeans:
    for (unsigned r = 0; r < CONFIG_T::node_beats; r++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned bank = 0; bank < CONFIG_T::node_lanes; bank++) {
            #pragma HLS UNROLL
            typename CONFIG_T::accum_t degree = joined<CONFIG_T>(total, bank, r, CONFIG_T::width);
            const typename CONFIG_T::reciprocal_t factor = reciprocal[degree.range().to_uint()];
            for (unsigned f = 0; f < CONFIG_T::width; f++) {
                #pragma HLS UNROLL
                out[bank * CONFIG_T::width + f] = joined<CONFIG_T>(total, bank, r, f) * factor;
            }
        }
        res.write(out);
    }
}

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter_mean(hls::stream<m_T> &m, hls::stream<index_T> &index, hls::stream<res_T> &res,
                  typename CONFIG_T::reciprocal_t reciprocal[CONFIG_T::n_edge + 1]) {
    #pragma HLS DATAFLOW
    GRAPH_MEMORY typename CONFIG_T::accum_t
        total[CONFIG_T::edge_lanes][CONFIG_T::node_lanes][CONFIG_T::node_beats][CONFIG_T::columns];
    #pragma HLS ARRAY_PARTITION variable=total complete dim=1
    #pragma HLS ARRAY_PARTITION variable=total complete dim=2
    #pragma HLS ARRAY_RESHAPE variable=total complete dim=4
    reduce_edges<m_T, index_T, CONFIG_T>(m, index, total);
    write_means<res_T, CONFIG_T>(total, res, reciprocal);
}

} // namespace nnet

#endif

#ifndef NNET_MESSAGE_PASSING_H_
#define NNET_MESSAGE_PASSING_H_

// Message passing for hls4ml: gathers from nodes to edges, sums and means from edges to nodes, and columns side by side.
// Each kernel comes twice: over arrays (io_parallel, small fixed graphs) and over streams (io_stream, one row a clock).
// Graphs have a fixed size; unused rows belong to a dummy node. Results are rounded and saturated once, by the
// conversion into res_T; everything before it is exact, which the accumulator's width guarantees.

#include "hls_stream.h"
#include "nnet_common.h"

namespace nnet {

struct message_passing_config {
    static const unsigned n_node = 1;
    static const unsigned n_edge = 1;
    static const unsigned width = 1;
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

template <class x_T, class index_T, class res_T, typename CONFIG_T>
void edge_gather(hls::stream<x_T> &x, hls::stream<index_T> &index, hls::stream<res_T> &res) {
    x_T table[CONFIG_T::n_node];

StoreNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS PIPELINE II=1
        table[n] = x.read();
    }

GatherEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS PIPELINE II=1
        const x_T row = table[index.read()[0].to_uint()];
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            out[f] = row[f];
        }
        res.write(out);
    }
}

// res[n] = Σ m[e] over the edges e with index[e] = n

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter_sum(m_T m[CONFIG_T::n_edge * CONFIG_T::width], index_T index[CONFIG_T::n_edge],
                 res_T res[CONFIG_T::n_node * CONFIG_T::width]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor

    typename CONFIG_T::accum_t total[CONFIG_T::n_node * CONFIG_T::width];
    #pragma HLS ARRAY_PARTITION variable=total complete

ClearNodes:
    for (unsigned i = 0; i < CONFIG_T::n_node * CONFIG_T::width; i++) {
        #pragma HLS UNROLL
        total[i] = 0;
    }

SumEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS UNROLL
        const unsigned node = index[e].to_uint();
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[node * CONFIG_T::width + f] += m[e * CONFIG_T::width + f];
        }
    }

WriteNodes:
    for (unsigned i = 0; i < CONFIG_T::n_node * CONFIG_T::width; i++) {
        #pragma HLS UNROLL
        res[i] = total[i];
    }
}

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter_sum(hls::stream<m_T> &m, hls::stream<index_T> &index, hls::stream<res_T> &res) {
    // Successive edges may meet at one node: the tool finds the interval that the memory's read and write allow.
    typename CONFIG_T::accum_t total[CONFIG_T::n_node][CONFIG_T::width];
    #pragma HLS ARRAY_PARTITION variable=total complete dim=2

ClearNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS PIPELINE II=1
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[n][f] = 0;
        }
    }

SumEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS PIPELINE
        const m_T row = m.read();
        const unsigned node = index.read()[0].to_uint();
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[node][f] += row[f];
        }
    }

WriteNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            out[f] = total[n][f];
        }
        res.write(out);
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

template <class m_T, class index_T, class res_T, typename CONFIG_T>
void scatter_mean(hls::stream<m_T> &m, hls::stream<index_T> &index, hls::stream<res_T> &res,
                  typename CONFIG_T::reciprocal_t reciprocal[CONFIG_T::n_edge + 1]) {
    typename CONFIG_T::accum_t total[CONFIG_T::n_node][CONFIG_T::width];
    typename CONFIG_T::degree_t degree[CONFIG_T::n_node];
    #pragma HLS ARRAY_PARTITION variable=total complete dim=2

ClearNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS PIPELINE II=1
        degree[n] = 0;
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[n][f] = 0;
        }
    }

SumEdges:
    for (unsigned e = 0; e < CONFIG_T::n_edge; e++) {
        #pragma HLS PIPELINE
        const m_T row = m.read();
        const unsigned node = index.read()[0].to_uint();
        degree[node]++;
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            total[node][f] += row[f];
        }
    }

WriteNodes:
    for (unsigned n = 0; n < CONFIG_T::n_node; n++) {
        #pragma HLS PIPELINE II=1
        const typename CONFIG_T::reciprocal_t factor = reciprocal[degree[n].to_uint()];
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned f = 0; f < CONFIG_T::width; f++) {
            #pragma HLS UNROLL
            out[f] = total[n][f] * factor;
        }
        res.write(out);
    }
}

// Columns side by side. Over arrays the widths of the parts are given; over streams a row knows its own.

template <unsigned ROWS, unsigned WIDTH, unsigned OFFSET, class res_T> void place_columns(res_T *) {
    #pragma HLS INLINE
}

template <unsigned ROWS, unsigned WIDTH, unsigned OFFSET, unsigned PART, unsigned... REST, class res_T, class part_T,
          class... rest_T>
void place_columns(res_T *res, part_T *part, rest_T *...rest) {
    #pragma HLS INLINE
    for (unsigned r = 0; r < ROWS; r++) {
        #pragma HLS UNROLL
        for (unsigned f = 0; f < PART; f++) {
            #pragma HLS UNROLL
            res[r * WIDTH + OFFSET + f] = part[r * PART + f];
        }
    }
    place_columns<ROWS, WIDTH, OFFSET + PART, REST...>(res, rest...);
}

template <unsigned ROWS, unsigned WIDTH, unsigned... PARTS, class res_T, class... part_T>
void join_columns(res_T res[ROWS * WIDTH], part_T *...parts) {
    #pragma HLS PIPELINE
    place_columns<ROWS, WIDTH, 0, PARTS...>(res, parts...);
}

template <unsigned OFFSET, class res_T> void read_columns(res_T &) {
    #pragma HLS INLINE
}

template <unsigned OFFSET, class res_T, class part_T, class... rest_T>
void read_columns(res_T &row, hls::stream<part_T> &part, hls::stream<rest_T> &...rest) {
    #pragma HLS INLINE
    const part_T columns = part.read();
    for (unsigned f = 0; f < part_T::size; f++) {
        #pragma HLS UNROLL
        row[OFFSET + f] = columns[f];
    }
    read_columns<OFFSET + part_T::size>(row, rest...);
}

template <unsigned ROWS, class res_T, class... part_T>
void join_columns(hls::stream<res_T> &res, hls::stream<part_T> &...parts) {
JoinRows:
    for (unsigned r = 0; r < ROWS; r++) {
        #pragma HLS PIPELINE II=1
        res_T row;
        PRAGMA_DATA_PACK(row)
        read_columns<0>(row, parts...);
        res.write(row);
    }
}

} // namespace nnet

#endif

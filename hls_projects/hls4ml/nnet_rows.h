#ifndef NNET_ROWS_H_
#define NNET_ROWS_H_

// What computes each row from the same row of its sources: linear layers, columns side by side, maps and tables. A beat
// holds one row a lane; over arrays (io_parallel) the whole graph is one beat.

#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_dense.h"

namespace nnet {

struct dense_rows_config : dense_config {
    static const unsigned beats = 1;
    static const unsigned lanes = 1;
};

// res = weights · data + biases for every row of a beat, one copy of the layer a lane. Pragmas stand at the top of a
// function or loop only, where Vitis takes them: hence two functions for the two strategies.

template <class data_T, class res_T, typename CONFIG_T>
void dense_lanes(data_T data[CONFIG_T::lanes * CONFIG_T::n_in], res_T res[CONFIG_T::lanes * CONFIG_T::n_out],
                 typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                 typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
    #pragma HLS INLINE

DenseLanes:
    for (unsigned lane = 0; lane < CONFIG_T::lanes; lane++) {
        #pragma HLS UNROLL
        data_T row[CONFIG_T::n_in];
        res_T made[CONFIG_T::n_out];
        #pragma HLS ARRAY_PARTITION variable=row complete
        #pragma HLS ARRAY_PARTITION variable=made complete
        for (unsigned f = 0; f < CONFIG_T::n_in; f++) {
            #pragma HLS UNROLL
            row[f] = data[lane * CONFIG_T::n_in + f];
        }
        CONFIG_T::template kernel<data_T, res_T, CONFIG_T>::dense(row, made, weights, biases);
        for (unsigned f = 0; f < CONFIG_T::n_out; f++) {
            #pragma HLS UNROLL
            res[lane * CONFIG_T::n_out + f] = made[f];
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void dense_rows_pipelined(data_T data[CONFIG_T::lanes * CONFIG_T::n_in], res_T res[CONFIG_T::lanes * CONFIG_T::n_out],
                          typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                          typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=weights complete
    #pragma HLS ARRAY_PARTITION variable=biases complete
    dense_lanes<data_T, res_T, CONFIG_T>(data, res, weights, biases);
}

template <class data_T, class res_T, typename CONFIG_T>
void dense_rows(data_T data[CONFIG_T::lanes * CONFIG_T::n_in], res_T res[CONFIG_T::lanes * CONFIG_T::n_out],
                typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
    #pragma HLS INLINE
    if (CONFIG_T::strategy == latency) {
        dense_rows_pipelined<data_T, res_T, CONFIG_T>(data, res, weights, biases);
    } else {
        dense_lanes<data_T, res_T, CONFIG_T>(data, res, weights, biases);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void dense_beat(hls::stream<data_T> &data, hls::stream<res_T> &res,
                typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
    #pragma HLS INLINE
    data_T beat = data.read();
    res_T out;
    PRAGMA_DATA_PACK(out)
    dense_lanes<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(beat.data, out.data, weights,
                                                                                   biases);
    res.write(out);
}

template <class data_T, class res_T, typename CONFIG_T>
void dense_beats_pipelined(hls::stream<data_T> &data, hls::stream<res_T> &res,
                           typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                           typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
    #pragma HLS ARRAY_PARTITION variable=weights complete
    #pragma HLS ARRAY_PARTITION variable=biases complete

DenseBeats:
    for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        dense_beat<data_T, res_T, CONFIG_T>(data, res, weights, biases);
    }
}

// A layer that takes its weights from memory has a pipeline of its own: its beats follow one another.
template <class data_T, class res_T, typename CONFIG_T>
void dense_beats_in_turn(hls::stream<data_T> &data, hls::stream<res_T> &res,
                         typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                         typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
DenseBeats:
    for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        dense_beat<data_T, res_T, CONFIG_T>(data, res, weights, biases);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void dense_rows(hls::stream<data_T> &data, hls::stream<res_T> &res,
                typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                typename CONFIG_T::bias_t biases[CONFIG_T::n_out]) {
    if (CONFIG_T::strategy == latency) {
        dense_beats_pipelined<data_T, res_T, CONFIG_T>(data, res, weights, biases);
    } else {
        dense_beats_in_turn<data_T, res_T, CONFIG_T>(data, res, weights, biases);
    }
}

// Columns side by side. Over arrays the widths of the parts are given; over streams a beat knows its own.

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

template <unsigned LANES, unsigned OFFSET, class res_T> void read_columns(res_T &) {
    #pragma HLS INLINE
}

template <unsigned LANES, unsigned OFFSET, class res_T, class part_T, class... rest_T>
void read_columns(res_T &beat, hls::stream<part_T> &part, hls::stream<rest_T> &...rest) {
    #pragma HLS INLINE
    const unsigned all = res_T::size / LANES;
    const unsigned width = part_T::size / LANES;
    const part_T columns = part.read();
    for (unsigned lane = 0; lane < LANES; lane++) {
        #pragma HLS UNROLL
        for (unsigned f = 0; f < width; f++) {
            #pragma HLS UNROLL
            beat[lane * all + OFFSET + f] = columns[lane * width + f];
        }
    }
    read_columns<LANES, OFFSET + part_T::size / LANES>(beat, rest...);
}

template <unsigned BEATS, unsigned LANES, class res_T, class... part_T>
void join_columns(hls::stream<res_T> &res, hls::stream<part_T> &...parts) {
JoinBeats:
    for (unsigned b = 0; b < BEATS; b++) {
        #pragma HLS PIPELINE II=1
        res_T beat;
        PRAGMA_DATA_PACK(beat)
        read_columns<LANES, 0>(beat, parts...);
        res.write(beat);
    }
}

// Maps: CONFIG_T::map computes one row, from the same row of every part, in numbers that hold each result exactly.

// A signed number of W bits, I of them left of the binary point.
template <int W, int I> using exact_t = ap_fixed<W, I>;

template <class T> T magnitude(T value) {
    #pragma HLS INLINE
    if (value < 0)
        return -value;
    return value;
}

template <typename CONFIG_T, class res_T, class... part_T> void map_beat(res_T &res, const part_T &...parts) {
    #pragma HLS INLINE
    for (unsigned lane = 0; lane < CONFIG_T::lanes; lane++) {
        #pragma HLS UNROLL
        CONFIG_T::map(lane, res, parts...);
    }
}

template <typename CONFIG_T, class res_T, class... part_T> void map_rows(res_T *res, part_T *...parts) {
    #pragma HLS PIPELINE
    map_beat<CONFIG_T>(res, parts...);
}

template <typename CONFIG_T, class res_T, class... part_T>
void map_rows(hls::stream<res_T> &res, hls::stream<part_T> &...parts) {
MapBeats:
    for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        #pragma HLS PIPELINE II=1
        res_T beat;
        PRAGMA_DATA_PACK(beat)
        map_beat<CONFIG_T>(beat, parts.read()...);
        res.write(beat);
    }
}

// Tables: a function of each number, read at the bits of its code.

template <class x_T, class res_T, typename CONFIG_T>
void table_rows(x_T x[CONFIG_T::lanes * CONFIG_T::width], res_T res[CONFIG_T::lanes * CONFIG_T::width],
                typename CONFIG_T::table_t table[CONFIG_T::entries]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::lanes * CONFIG_T::width; i++) {
        #pragma HLS UNROLL
        res[i] = table[x[i].range().to_uint()];
    }
}

template <class x_T, class res_T, typename CONFIG_T>
void table_rows(hls::stream<x_T> &x, hls::stream<res_T> &res, typename CONFIG_T::table_t table[CONFIG_T::entries]) {
TableBeats:
    for (unsigned b = 0; b < CONFIG_T::beats; b++) {
        #pragma HLS PIPELINE II=1
        x_T beat = x.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned i = 0; i < CONFIG_T::lanes * CONFIG_T::width; i++) {
            #pragma HLS UNROLL
            out[i] = table[beat[i].range().to_uint()];
        }
        res.write(out);
    }
}

} // namespace nnet

#endif

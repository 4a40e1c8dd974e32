// Layers of float32 numbers: elements as lanes, a plane a column. Sums are added in the order of the columns.
#pragma once
#include "native_steps.h"
#include <cmath>

namespace {

#if defined(EDGETRACK_AVX512VNNI)
typedef float vf __attribute__((vector_size(64)));
constexpr int FL = 16, FM = 4; // lanes of a vector, vectors at a time
#elif defined(EDGETRACK_AVX2)
typedef float vf __attribute__((vector_size(32)));
constexpr int FL = 8, FM = 2;
#else
typedef float vf __attribute__((vector_size(16)));
constexpr int FL = 4, FM = 2;
#endif

constexpr int FR = 6; // neurons at a time

EDGETRACK_INLINE float real_of(u32 bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
EDGETRACK_INLINE u32 bits_of(float x) {
    u32 bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}
EDGETRACK_INLINE vf same(float x) { return vf{} + x; }

template <int K, int R, bool RELU>
EDGETRACK_INLINE void float_block(const float *const *in, int lane, const float *w, const float *bias, float *out) {
    vf sum[R][FM];
    EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
        EDGETRACK_UNROLL for (int m = 0; m < FM; ++m) sum[r][m] = same(bias[r]);
#pragma GCC unroll 2
    for (int k = 0; k < K; ++k, w += R) {
        vf h[FM];
        EDGETRACK_UNROLL for (int m = 0; m < FM; ++m) h[m] = *reinterpret_cast<const vf *>(in[k] + lane + m * FL);
        EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
            EDGETRACK_UNROLL for (int m = 0; m < FM; ++m) sum[r][m] += w[r] * h[m];
    }
    EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
        EDGETRACK_UNROLL for (int m = 0; m < FM; ++m) {
            vf value = sum[r][m];
            if (RELU) value = value > 0.f ? value : same(0.f);
            *reinterpret_cast<vf *>(out + r * T + lane + m * FL) = value;
        }
}

// `weight`: for each block of FR neurons (the last one smaller) K × (neurons of the block) numbers.
template <int K, int N, bool RELU>
EDGETRACK_INLINE void float_layer(const float *const *in, const float *weight, const float *bias, float *out) {
    for (int lane = 0; lane < T; lane += FM * FL) {
        int j = 0;
        for (; j + FR <= N; j += FR) float_block<K, FR, RELU>(in, lane, weight + j * K, bias + j, out + j * T);
        if constexpr (N % FR != 0) float_block<K, N % FR, RELU>(in, lane, weight + j * K, bias + j, out + j * T);
    }
}

} // namespace

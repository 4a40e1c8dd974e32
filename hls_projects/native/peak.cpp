// What this processor can do at most: multiply-adds of the layers' own inner loops on one tile in the nearest cache.
#include "native_floats.h"
#include "native_layers.h"

extern "C" {

// Runs `rounds` of 32 × 4 × 64 multiply-adds of bytes, pairs of products added in 16 bits where AVX2 does that.
int32_t edgetrack_peak_bytes(int64_t rounds) {
    alignas(64) static u32 tile[8 * T];
    static const int32_t weights[8 * 4] = {0};
    const u32 *in[8];
    for (int g = 0; g < 8; ++g) in[g] = tile + g * T;
    vi total = vset(0);
    for (int64_t i = 0; i < rounds; ++i)
        for (int lane = 0; lane < T; lane += L * M) {
            vi sum[4][M];
            start<4>(sum, nullptr);
            const int32_t *w = weights;
            __asm__ volatile("" : "+r"(w) : : "memory");
            products<4, 8, 8>(sum, in, lane, w);
            for (int r = 0; r < 4; ++r)
                for (int m = 0; m < M; ++m) total = vadd(total, sum[r][m]);
        }
    alignas(64) u32 out[L];
    vstore(out, total);
    return static_cast<int32_t>(out[0]);
}

// Runs `rounds` of 32 × 6 × 64 multiply-adds of float32.
float edgetrack_peak_floats(int64_t rounds) {
    alignas(64) static float tile[32 * T], out[6 * T];
    static const float weights[32 * 6] = {0};
    const float *in[32];
    for (int k = 0; k < 32; ++k) in[k] = tile + k * T;
    for (int64_t i = 0; i < rounds; ++i) {
        const float *w = weights;
        __asm__ volatile("" : "+r"(w) : : "memory");
        float_layer<32, 6, false>(in, w, weights, out);
    }
    return out[0];
}
}

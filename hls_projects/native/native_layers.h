// Linear layers of 8-bit codes: elements as lanes, four inputs a step, four neurons at a time, 32-bit sums.
//
// Every path computes the same integers. AVX-512 VNNI: vpdpbusd. AVX2: vpmaddubsw, of which as many are added in 16
// bits as the weights prove to fit (FLUSH), or vpmaddwd where not even one does (FLUSH 0). Otherwise plain C++.
#pragma once
#include "native_steps.h"

namespace {

#if defined(EDGETRACK_AVX512VNNI)
typedef __m512i vi;
constexpr int L = 16, M = 4; // lanes of a vector, vectors at a time
EDGETRACK_INLINE vi vload(const u32 *p) { return _mm512_load_si512(p); }
EDGETRACK_INLINE void vstore(u32 *p, vi v) { _mm512_store_si512(p, v); }
EDGETRACK_INLINE vi vset(int32_t x) { return _mm512_set1_epi32(x); }
EDGETRACK_INLINE vi vadd(vi a, vi b) { return _mm512_add_epi32(a, b); }
template <int S> EDGETRACK_INLINE vi vleft(vi a) { return _mm512_slli_epi32(a, S); }
template <int S> EDGETRACK_INLINE vi vright(vi a) { return _mm512_srai_epi32(a, S); }
EDGETRACK_INLINE vi vand(vi a, vi b) { return _mm512_and_si512(a, b); }
EDGETRACK_INLINE vi vclip(vi a, vi lo, vi hi) { return _mm512_min_epi32(_mm512_max_epi32(a, lo), hi); }
EDGETRACK_INLINE vi vscaled(vi a, float factor) { // exact below 2^24, half to even
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(a), _mm512_set1_ps(factor)));
}
EDGETRACK_INLINE vi vbytes(vi a, vi b, vi c, vi d) { // saturated to 0 … 255, one of each a lane
    const vi order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm512_shuffle_epi8(_mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)), order);
}
EDGETRACK_INLINE vi vclip8(vi a, vi lo, vi hi) { return _mm512_min_epu8(_mm512_max_epu8(a, lo), hi); }
#elif defined(EDGETRACK_AVX2)
typedef __m256i vi;
constexpr int L = 8, M = 2;
EDGETRACK_INLINE vi vload(const u32 *p) { return _mm256_load_si256(reinterpret_cast<const vi *>(p)); }
EDGETRACK_INLINE void vstore(u32 *p, vi v) { _mm256_store_si256(reinterpret_cast<vi *>(p), v); }
EDGETRACK_INLINE vi vset(int32_t x) { return _mm256_set1_epi32(x); }
EDGETRACK_INLINE vi vadd(vi a, vi b) { return _mm256_add_epi32(a, b); }
template <int S> EDGETRACK_INLINE vi vleft(vi a) { return _mm256_slli_epi32(a, S); }
template <int S> EDGETRACK_INLINE vi vright(vi a) { return _mm256_srai_epi32(a, S); }
EDGETRACK_INLINE vi vand(vi a, vi b) { return _mm256_and_si256(a, b); }
EDGETRACK_INLINE vi vclip(vi a, vi lo, vi hi) { return _mm256_min_epi32(_mm256_max_epi32(a, lo), hi); }
EDGETRACK_INLINE vi vscaled(vi a, float factor) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(a), _mm256_set1_ps(factor)));
}
EDGETRACK_INLINE vi vbytes(vi a, vi b, vi c, vi d) {
    const vi order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm256_shuffle_epi8(_mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)), order);
}
EDGETRACK_INLINE vi vclip8(vi a, vi lo, vi hi) { return _mm256_min_epu8(_mm256_max_epu8(a, lo), hi); }
#else
typedef int32_t vi __attribute__((vector_size(16)));
typedef u32 vu __attribute__((vector_size(16)));
constexpr int L = 4, M = 1;
EDGETRACK_INLINE vi vload(const u32 *p) { return *reinterpret_cast<const vi *>(p); }
EDGETRACK_INLINE void vstore(u32 *p, vi v) { *reinterpret_cast<vi *>(p) = v; }
EDGETRACK_INLINE vi vset(int32_t x) { return vi{x, x, x, x}; }
EDGETRACK_INLINE vi vadd(vi a, vi b) { return (vi)((vu)a + (vu)b); }
template <int S> EDGETRACK_INLINE vi vleft(vi a) { return (vi)((vu)a << S); }
template <int S> EDGETRACK_INLINE vi vright(vi a) { return a >> S; }
EDGETRACK_INLINE vi vand(vi a, vi b) { return a & b; }
EDGETRACK_INLINE vi vclip(vi a, vi lo, vi hi) {
    const vi low = a < lo, y = (low & lo) | (~low & a), high = y > hi;
    return (high & hi) | (~high & y);
}
EDGETRACK_INLINE vi vbytes(vi a, vi b, vi c, vi d) {
    const vi lo = vset(0), hi = vset(255);
    return vclip(a, lo, hi) | vclip(b, lo, hi) << 8 | vclip(c, lo, hi) << 16 | (vi)((vu)vclip(d, lo, hi) << 24);
}
EDGETRACK_INLINE vi vclip8(vi a, vi lo, vi hi) {
    vi out = vset(0);
    for (int b = 0; b < 4; ++b) {
        const vi one = (vi)((vu)a >> (8 * b)) & 255;
        out |= (vi)((vu)vclip(one, lo & 255, hi & 255) << (8 * b));
    }
    return out;
}
#endif

// `C` steps of four inputs each into the sums of R neurons.
template <int R, int C, bool WIDE>
EDGETRACK_INLINE void dots(vi (&sum)[R][M], const u32 *const *in, int lane, const int32_t *w) {
#if defined(EDGETRACK_AVX512VNNI)
    for (int g = 0; g < C; ++g, w += R) {
        vi h[M];
        EDGETRACK_UNROLL for (int m = 0; m < M; ++m) h[m] = vload(in[g] + lane + m * L);
        EDGETRACK_UNROLL for (int r = 0; r < R; ++r) {
            const vi weight = vset(w[r]);
            EDGETRACK_UNROLL for (int m = 0; m < M; ++m) sum[r][m] = _mm512_dpbusd_epi32(sum[r][m], h[m], weight);
        }
    }
#elif defined(EDGETRACK_AVX2)
    if constexpr (WIDE) { // weights: pairs of 16 bits, of columns 0 and 2, then of 1 and 3
        const vi low = vset(0x00FF00FF);
        for (int g = 0; g < C; ++g, w += 2 * R) {
            vi even[M], odd[M];
            EDGETRACK_UNROLL for (int m = 0; m < M; ++m) {
                const vi h = vload(in[g] + lane + m * L);
                even[m] = vand(h, low), odd[m] = _mm256_srli_epi16(h, 8);
            }
            EDGETRACK_UNROLL for (int r = 0; r < R; ++r) {
                const vi first = vset(w[2 * r]), second = vset(w[2 * r + 1]);
                EDGETRACK_UNROLL for (int m = 0; m < M; ++m)
                    sum[r][m] = vadd(vadd(sum[r][m], _mm256_madd_epi16(even[m], first)), _mm256_madd_epi16(odd[m], second));
            }
        }
    } else {
        const vi ones = _mm256_set1_epi16(1);
        vi part[R][M];
        EDGETRACK_UNROLL for (int g = 0; g < C; ++g, w += R) {
            vi h[M];
            EDGETRACK_UNROLL for (int m = 0; m < M; ++m) h[m] = vload(in[g] + lane + m * L);
            EDGETRACK_UNROLL for (int r = 0; r < R; ++r) {
                const vi weight = vset(w[r]);
                EDGETRACK_UNROLL for (int m = 0; m < M; ++m) {
                    const vi product = _mm256_maddubs_epi16(h[m], weight);
                    part[r][m] = g == 0 ? product : _mm256_add_epi16(part[r][m], product);
                }
            }
        }
        EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
            EDGETRACK_UNROLL for (int m = 0; m < M; ++m) sum[r][m] = vadd(sum[r][m], _mm256_madd_epi16(part[r][m], ones));
    }
#else
    for (int g = 0; g < C; ++g, w += R)
        for (int m = 0; m < M; ++m) {
            const vu h = (vu)vload(in[g] + lane + m * L);
            for (int b = 0; b < 4; ++b) {
                const vi column = (vi)(h >> (8 * b)) & 255;
                for (int r = 0; r < R; ++r)
                    sum[r][m] = vadd(sum[r][m], (vi)((vu)column * (u32)(int32_t)(int8_t)((u32)w[r] >> (8 * b))));
            }
        }
#endif
}

// G steps, as many at a time as 16 bits hold. Moves `w` on.
template <int R, int G, int FLUSH>
EDGETRACK_INLINE void products(vi (&sum)[R][M], const u32 *const *in, int lane, const int32_t *&w) {
#if defined(EDGETRACK_AVX2)
    constexpr int step = FLUSH == 0 ? G : FLUSH < G ? FLUSH : G, words = FLUSH == 0 ? 2 : 1;
#else
    constexpr int step = G, words = 1;
#endif
    constexpr bool wide = FLUSH == 0;
    int g = 0;
#pragma GCC unroll 1
    for (; g + step <= G; g += step, w += words * step * R) dots<R, step, wide>(sum, in + g, lane, w);
    if constexpr (G % step != 0) {
        dots<R, G % step, wide>(sum, in + g, lane, w);
        w += words * (G % step) * R;
    }
}

template <int R> EDGETRACK_INLINE void start(vi (&sum)[R][M], const int32_t *bias) {
    EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
        EDGETRACK_UNROLL for (int m = 0; m < M; ++m) sum[r][m] = vset(bias == nullptr ? 0 : bias[r]);
}
template <int R, int S> EDGETRACK_INLINE void finer(vi (&sum)[R][M]) { // onto a grid 2^S finer
    EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
        EDGETRACK_UNROLL for (int m = 0; m < M; ++m) sum[r][m] = vleft<S>(sum[r][m]);
}
template <int R> EDGETRACK_INLINE void add_bias(vi (&sum)[R][M], const int32_t *bias) {
    EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
        EDGETRACK_UNROLL for (int m = 0; m < M; ++m) sum[r][m] = vadd(sum[r][m], vset(bias[r]));
}

// round_half_even(a / 2^S); SMALL: |a| stays below 2^24, so that float32 holds it
template <int S, bool SMALL> EDGETRACK_INLINE vi rounded(vi a) {
    if constexpr (S == 0) return a;
    else if constexpr (S < 0) return vleft<(S < -10 ? 10 : -S)>(vclip(a, vset(-512), vset(512)));
    else if constexpr (S > 30) return vset(0);
    else {
#if defined(EDGETRACK_AVX512VNNI) || defined(EDGETRACK_AVX2)
        if constexpr (SMALL) return vscaled(a, 1.f / static_cast<float>(1u << S));
#endif
        return vright<S>(vadd(vadd(a, vset((1 << (S - 1)) - 1)), vand(vright<S>(a), vset(1))));
    }
}

constexpr int32_t fourfold(int byte) { return static_cast<int32_t>(static_cast<u32>(byte) * 0x01010101u); }

// Sums of R ≤ 4 neurons as one plane of bytes, LO … HI after the format's zero, which the bias holds (added here: ZERO).
template <int R, int S, int ZERO, int LO, int HI, bool SMALL> EDGETRACK_INLINE void to_bytes(const vi (&sum)[R][M], u32 *out) {
    EDGETRACK_UNROLL for (int m = 0; m < M; ++m) {
        vi part[4];
        EDGETRACK_UNROLL for (int r = 0; r < 4; ++r)
            part[r] = r >= R ? vset(0) : vadd(rounded<S, SMALL>(sum[r < R ? r : 0][m]), vset(ZERO));
        vi bytes = vbytes(part[0], part[1], part[2], part[3]);
        if constexpr (LO > 0 || HI < 255) bytes = vclip8(bytes, vset(fourfold(LO)), vset(fourfold(HI)));
        vstore(out + m * L, bytes);
    }
}
// … and as R planes of words, in a format of more than 8 bits.
template <int R, int S, int LO, int HI, bool SMALL> EDGETRACK_INLINE void to_words(const vi (&sum)[R][M], u32 *out) {
    EDGETRACK_UNROLL for (int r = 0; r < R; ++r)
        EDGETRACK_UNROLL for (int m = 0; m < M; ++m)
            vstore(out + r * T + m * L, vclip(rounded<S, SMALL>(sum[r][m]), vset(LO), vset(HI)));
}

// A layer whose codes, weights or sums are wider: plain loops over lanes, in A (32 or 64 bits), of K columns of codes.
template <class A, int K, int N, int S, int64_t LO, int64_t HI, int ZERO>
static void wide_layer(const A (*column)[T], const A *weight, const A *bias, u32 *out) {
    for (int j = 0; j < N; ++j) {
        A sum[T];
        for (int l = 0; l < T; ++l) sum[l] = bias[j];
        for (int k = 0; k < K; ++k)
            for (int l = 0; l < T; ++l) sum[l] += weight[j * K + k] * column[k][l];
        for (int l = 0; l < T; ++l) {
            const A code = settled<S, LO, HI, A>(sum[l]);
            if constexpr (HI - LO >= 256) out[j * T + l] = static_cast<u32>(code);
            else {
                const u32 byte = static_cast<u32>(code + ZERO) << (8 * (j % 4));
                out[j / 4 * T + l] = j % 4 == 0 ? byte : out[j / 4 * T + l] | byte;
            }
        }
    }
}

} // namespace

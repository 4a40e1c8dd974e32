// A tile of elements: what passes do with it beside linear layers. Included by a generated network, once a path.
//
// Values of a tile lie in planes, lane by lane. A plane of bytes holds four columns of 8 bits or fewer as code + zero,
// zero = 2^(bits − 1) of a signed format: bytes are never negative. A plane of a word holds one column, its code.
#pragma once
#include "native_network.h"
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define EDGETRACK_INLINE static inline __attribute__((always_inline))
#define EDGETRACK_UNROLL _Pragma("GCC unroll 16")

namespace {

using u32 = uint32_t;
constexpr int T = 64; // elements of a tile

// (n,) rows at an end as 32 bits; lanes beyond n repeat the first. False where one lies outside 0 … among − 1.
EDGETRACK_INLINE bool read_end(const int64_t *end, int64_t at, int n, int64_t among, int32_t *index) {
    uint64_t largest = 0;
    for (int l = 0; l < n; ++l) {
        const uint64_t row = static_cast<uint64_t>(end[at + l]);
        largest = row > largest ? row : largest;
        index[l] = static_cast<int32_t>(row);
    }
    for (int l = n; l < T; ++l) index[l] = index[0];
    return largest < static_cast<uint64_t>(among);
}

#if defined(__AVX2__)
EDGETRACK_INLINE void transpose4(__m128i &a, __m128i &b, __m128i &c, __m128i &d) {
    const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
    const __m128i ef = _mm_unpackhi_epi32(a, b), gh = _mm_unpackhi_epi32(c, d);
    a = _mm_unpacklo_epi64(ab, cd), b = _mm_unpackhi_epi64(ab, cd);
    c = _mm_unpacklo_epi64(ef, gh), d = _mm_unpackhi_epi64(ef, gh);
}
EDGETRACK_INLINE __m128i load4(const u32 *p) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p)); }
EDGETRACK_INLINE void store4(u32 *p, __m128i v) { _mm_storeu_si128(reinterpret_cast<__m128i *>(p), v); }
#endif

// Planes of the elements `index` of a store.
template <int P> EDGETRACK_INLINE void gather(const u32 *store, const int32_t *index, u32 *out) {
    int p = 0;
#if defined(__AVX2__)
    for (; p + 4 <= P; p += 4) {
        for (int l = 0; l < T; l += 4) {
            __m128i row[4];
            for (int i = 0; i < 4; ++i) row[i] = load4(store + static_cast<int64_t>(index[l + i]) * P + p);
            transpose4(row[0], row[1], row[2], row[3]);
            for (int i = 0; i < 4; ++i) store4(out + (p + i) * T + l, row[i]);
        }
    }
#endif
    for (int l = 0; p < P && l < T; ++l)
        for (int k = p; k < P; ++k) out[k * T + l] = store[static_cast<int64_t>(index[l]) * P + k];
}

// Planes of n elements from `at` on: of a store, and into it.
template <int P> EDGETRACK_INLINE void load_planes(const u32 *store, int64_t at, int n, u32 *out) {
    int32_t index[T];
    for (int l = 0; l < T; ++l) index[l] = static_cast<int32_t>(at) + (l < n ? l : 0);
    gather<P>(store, index, out);
}
template <int P> EDGETRACK_INLINE void store_planes(const u32 *in, int64_t at, int n, u32 *store) {
    u32 *const first = store + at * P;
    for (int l = 0; l < n; ++l)
        for (int k = 0; k < P; ++k) first[l * P + k] = in[k * T + l];
}

// Integers into a format, as the contract says it.
template <int S, class A> EDGETRACK_INLINE A shifted(A x) { // x / 2^S, half to even
    if constexpr (S == 0) return x;
    else return (x + ((static_cast<A>(1) << (S - 1)) - 1) + ((x >> S) & 1)) >> S;
}
template <class A> EDGETRACK_INLINE A clipped(A x, A lowest, A highest) {
    const A y = x < lowest ? lowest : x;
    return y > highest ? highest : y;
}
// clip(round_half_even(x / 2^S)); a negative S multiplies, and cuts before that what saturates anyway
template <int S, int64_t LO, int64_t HI, class A> EDGETRACK_INLINE A settled(A x) {
    if constexpr (S >= 63) return clipped<A>(0, LO, HI);
    else if constexpr (S >= 0) return clipped<A>(shifted<S, A>(x), LO, HI);
    else if constexpr (HI - LO < 512)
        return clipped<A>(clipped<A>(x, -512, 512) * (static_cast<A>(1) << (S < -10 ? 10 : -S)), LO, HI);
    else {
        constexpr int64_t limit = S < -29 ? 4 : INT64_C(1) << 33;
        return static_cast<A>(clipped<int64_t>(
            clipped<int64_t>(x, -limit, limit) * (INT64_C(1) << (S < -34 ? 34 : -S)), LO, HI));
    }
}

template <class A> EDGETRACK_INLINE A settled_real(double x, double lowest, double highest) { // of |x| below 2^51
    constexpr double magic = 6755399441055744.0; // 1.5 · 2^52
    const double inside = x < lowest ? lowest : x > highest ? highest : x;
    return static_cast<A>(inside + magic - magic);
}

template <int B> EDGETRACK_INLINE int32_t byte_of(u32 word) { return static_cast<int32_t>((word >> (8 * B)) & 255); }
EDGETRACK_INLINE u32 joined(u32 a, u32 b, u32 c, u32 d) { return a | b << 8 | c << 16 | d << 24; }

// Raw features (elements, W) into a format: clip(round_half_even(x · scale / 2^exponent)). False for a NaN.
template <int W, int FIRST, int N>
EDGETRACK_INLINE bool read_bytes(const float *rows, int64_t at, int n, const float *scale, float grid, int lowest,
                                 int highest, int zero, u32 *out) {
    constexpr float magic = 12582912.f; // 1.5 · 2^23: the sum's last bits are the rounded number
    const float *const x = rows + at * W + FIRST;
    const float low = static_cast<float>(lowest), high = static_cast<float>(highest);
    u32 odd = 0;
#if defined(__AVX2__)
    if constexpr (N == 4) {
        const __m128 factor = _mm_loadu_ps(scale + FIRST), lattice = _mm_set1_ps(grid);
        const __m128 least = _mm_set1_ps(low), most = _mm_set1_ps(high);
        const __m128i shift = _mm_set1_epi32(zero);
        const __m128i bytes = _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        __m128 nan = _mm_setzero_ps();
        for (int l = 0; l < n; ++l) {
            const __m128 value = _mm_mul_ps(_mm_mul_ps(_mm_loadu_ps(x + l * W), factor), lattice);
            nan = _mm_or_ps(nan, _mm_cmpunord_ps(value, value));
            const __m128 inside = _mm_min_ps(_mm_max_ps(value, least), most);
            const __m128i code = _mm_add_epi32(_mm_cvtps_epi32(inside), shift);
            out[l] = static_cast<u32>(_mm_cvtsi128_si32(_mm_shuffle_epi8(code, bytes)));
        }
        odd = static_cast<u32>(_mm_movemask_ps(nan));
        for (int l = n; l < T; ++l) out[l] = 0;
        return odd == 0;
    }
#endif
    for (int l = 0; l < T; ++l) out[l] = 0;
    for (int l = 0; l < n; ++l) {
        for (int c = 0; c < N; ++c) {
            const float value = x[l * W + c] * scale[FIRST + c] * grid;
            odd |= value != value;
            const float inside = (value < low ? low : value > high ? high : value) + magic;
            int32_t bits;
            std::memcpy(&bits, &inside, 4);
            out[l] |= static_cast<u32>(bits - 0x4B400000 + zero) << (8 * c);
        }
    }
    return odd == 0;
}
template <int W, int FIRST>
EDGETRACK_INLINE bool read_word(const float *rows, int64_t at, int n, const float *scale, double grid, double lowest,
                                double highest, u32 *out) {
    bool odd = false;
    for (int l = 0; l < T; ++l) out[l] = 0;
    for (int l = 0; l < n; ++l) {
        const double value = static_cast<double>(rows[(at + l) * W + FIRST] * scale[FIRST]) * grid;
        odd |= value != value;
        out[l] = static_cast<u32>(settled_real<int64_t>(value, lowest, highest));
    }
    return !odd;
}
template <int W> EDGETRACK_INLINE void read_floats(const float *rows, int64_t at, int n, const float *scale, float *out) {
    for (int c = 0; c < W; ++c)
        for (int l = 0; l < T; ++l) out[c * T + l] = l < n ? rows[(at + l) * W + c] * scale[c] : 0.f;
}

// Sums: four columns of one element at a time.
EDGETRACK_INLINE void add4(int32_t *sum, u32 word, int zero) {
#if defined(__AVX2__)
    const __m128i codes = _mm_sub_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(static_cast<int>(word))), _mm_set1_epi32(zero));
    __m128i *const place = reinterpret_cast<__m128i *>(sum);
    _mm_storeu_si128(place, _mm_add_epi32(_mm_loadu_si128(place), codes));
#else
    for (int b = 0; b < 4; ++b) sum[b] += static_cast<int32_t>((word >> (8 * b)) & 255) - zero;
#endif
}
EDGETRACK_INLINE void add4(int64_t *sum, u32 word, int zero) {
    for (int b = 0; b < 4; ++b) sum[b] += static_cast<int64_t>((word >> (8 * b)) & 255) - zero;
}
EDGETRACK_INLINE void raise4(int32_t *largest, u32 word, int zero) {
    for (int b = 0; b < 4; ++b) {
        const int32_t code = static_cast<int32_t>((word >> (8 * b)) & 255) - zero;
        largest[b] = code > largest[b] ? code : largest[b];
    }
}
template <class A> EDGETRACK_INLINE void raise1(A *largest, A code) { *largest = code > *largest ? code : *largest; }

// All threads' sums of n elements from `at` on, column by column; 0 in lanes beyond n.
template <int C, bool MAX, class A>
EDGETRACK_INLINE void collect(const edgetrack_job *job, int sum, int64_t at, int n, A *out) {
    for (int c = 0; c < C; ++c)
        for (int l = n; l < T; ++l) out[c * T + l] = 0;
    for (int t = 0; t < job->threads; ++t) {
        const A *const rows = reinterpret_cast<const A *>(job->sums[sum] + job->strides[sum] * t) + at * C;
        for (int l = 0; l < n; ++l)
            for (int c = 0; c < C; ++c) {
                A *const place = out + c * T + l;
                const A more = rows[l * C + c];
                if (t == 0) *place = more;
                else if (MAX) *place = more > *place ? more : *place;
                else *place += more;
            }
    }
}

// Rows of codes as verification gives and takes them.
template <int W, int FIRST, int N> EDGETRACK_INLINE void show_bytes(const u32 *plane, int64_t at, int n, int zero, int32_t *rows) {
    for (int l = 0; l < n; ++l)
        for (int c = 0; c < N; ++c)
            rows[(at + l) * W + FIRST + c] = static_cast<int32_t>((plane[l] >> (8 * c)) & 255) - zero;
}
template <int W, int FIRST> EDGETRACK_INLINE void show_word(const u32 *plane, int64_t at, int n, int32_t *rows) {
    for (int l = 0; l < n; ++l) rows[(at + l) * W + FIRST] = static_cast<int32_t>(plane[l]);
}
template <int W, int FIRST, int N>
EDGETRACK_INLINE void take_bytes(const int32_t *rows, int64_t at, int n, int zero, u32 *plane) {
    for (int l = 0; l < T; ++l) plane[l] = 0;
    for (int l = 0; l < n; ++l)
        for (int c = 0; c < N; ++c)
            plane[l] |= (static_cast<u32>(rows[(at + l) * W + FIRST + c] + zero) & 255) << (8 * c);
}
template <int W, int FIRST> EDGETRACK_INLINE void take_word(const int32_t *rows, int64_t at, int n, u32 *plane) {
    for (int l = 0; l < T; ++l) plane[l] = l < n ? static_cast<u32>(rows[(at + l) * W + FIRST]) : 0;
}

EDGETRACK_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

} // namespace

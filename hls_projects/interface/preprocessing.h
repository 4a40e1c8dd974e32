// Hits and doublets to the integers that an exported network takes: the reference in C++17, without dependencies.
// The same arithmetic as edgetrack's Python: features in double, kept as float, then clip(round_half_even(x · scale / 2^exponent)).
// std::nearbyint rounds half to even in the default rounding mode (FE_TONEAREST); do not compile with -ffast-math.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace edgetrack {

constexpr double PI = 3.141592653589793;

struct Format { // integers lowest() … highest() that stand for multiples of 2^exponent
    int bits, exponent;
    bool is_signed, narrow; // narrow: the most negative code is left out
    constexpr std::int64_t lowest() const { return is_signed ? -(std::int64_t(1) << (bits - 1)) + narrow : 0; }
    constexpr std::int64_t highest() const { return (std::int64_t(1) << (bits - is_signed)) - 1; }
    std::int64_t code(float value) const {
        const double scaled = std::nearbyint(std::ldexp(double(value), -exponent));
        return std::int64_t(std::clamp(scaled, double(lowest()), double(highest())));
    }
};

template <std::size_t N> struct Input { // of the network: raw features, one power of two a column, the format
    std::array<float, N> scale;
    Format format;
    std::array<std::int64_t, N> codes(const std::array<float, N> &features) const {
        std::array<std::int64_t, N> result{};
        for (std::size_t k = 0; k < N; ++k)
            result[k] = format.code(features[k] * scale[k]);
        return result;
    }
};

inline std::array<float, 3> node_features(double r_mm, double phi_rad, double z_mm) {
    return {float(r_mm / 1000), float(phi_rad / PI), float(z_mm / 1000)};
}

// Δr, Δφ, Δz, ΔR from the inner hit to the outer one, of their node features.
inline std::array<float, 4> edge_features(const std::array<float, 3> &source, const std::array<float, 3> &target) {
    const auto eta = [](const std::array<float, 3> &x) { return std::asinh(double(x[2]) / std::max(double(x[0]), 1e-9)); };
    double turn = std::fmod(double(target[1]) - double(source[1]) + 1.0, 2.0);
    turn = (turn < 0 ? turn + 2.0 : turn) - 1.0; // half turns in [−1, 1)
    const double delta_r = std::hypot(eta(target) - eta(source), turn * PI);
    return {float(double(target[0]) - double(source[0])), float(turn), float(double(target[2]) - double(source[2])),
            float(delta_r)};
}

} // namespace edgetrack

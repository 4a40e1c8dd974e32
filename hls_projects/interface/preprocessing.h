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

// What HyperTrack reads, of the node features above: distances in m, angles in rad.

struct Position {
    double r, phi, z;
    explicit Position(const std::array<float, 3> &x) : r(x[0]), phi(double(x[1]) * PI), z(x[2]) {}
};

// r, z, η, and the hit's number of edges (at either end) by the mean of that over the graph's hits, at least 1.
inline std::array<float, 4> cylindrical(const std::array<float, 3> &x, double degree, double mean_degree) {
    const Position hit(x);
    return {float(hit.r), float(hit.z), float(std::asinh(hit.z / std::max(hit.r, 1e-6))),
            float(degree / std::max(mean_degree, 1.0))};
}

// Length of the arc from the origin to `radius` on a circle of that curvature through the origin.
inline double arc(double radius, double curvature) {
    const double half = std::clamp(std::abs(radius * curvature) / 2, 0.0, 1.0);
    return half > 1e-6 ? radius * (std::asin(half) / half) : radius;
}

// 1/R, z0, η of the helix from the beam line through both hits, the first two compressed by asinh.
inline std::array<float, 3> pair_geometry(const std::array<float, 3> &source, const std::array<float, 3> &target) {
    const Position a(source), b(target);
    double turn = std::fmod(b.phi - a.phi + PI, 2 * PI);
    turn = (turn < 0 ? turn + 2 * PI : turn) - PI;
    const double squared = a.r * a.r + b.r * b.r - 2 * a.r * b.r * std::cos(turn);
    const double curvature = 2 * std::sin(turn) / std::sqrt(std::max(squared, 1e-12));
    const double start = arc(a.r, curvature), length = arc(b.r, curvature) - start, rise = b.z - a.z;
    const double steepest = std::sinh(5.0);
    double slope = std::clamp(rise / (std::abs(length) > 1e-9 ? length : 1e-9), -steepest, steepest);
    if (!(std::hypot(length, rise) > 1e-9))
        slope = 0;
    return {float(std::asinh(curvature / 0.5)), float(std::asinh((a.z - start * slope) / 0.05)), float(std::asinh(slope))};
}

// Δr, Δφ in half turns, Δz, Δη, Δdegree / mean degree: target minus source, of their x and their `cylindrical`.
inline std::array<float, 5> doublet_geometry(const std::array<float, 3> &source, const std::array<float, 3> &target,
                                             const std::array<float, 4> &of_source,
                                             const std::array<float, 4> &of_target) {
    double turn = std::fmod(double(target[1]) - double(source[1]) + 1.0, 2.0);
    turn = (turn < 0 ? turn + 2.0 : turn) - 1.0;
    return {of_target[0] - of_source[0], float(turn), of_target[1] - of_source[1], of_target[2] - of_source[2],
            of_target[3] - of_source[3]};
}

} // namespace edgetrack

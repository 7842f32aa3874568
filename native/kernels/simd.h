// Vectors of the instruction set this copy is compiled for. Portable: the compiler's vector extensions; intrinsics only
// for what these have no word for.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "isa.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef SLIDELEARN_ISA
#error "kernels/simd.h belongs to files that are compiled once per instruction set"
#endif

namespace slidelearn::SLIDELEARN_ISA {

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX2__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif

// std::min would be a shared template: isa.h
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

typedef float Vec __attribute__((vector_size(kWidth * 4)));
typedef int32_t VecInt __attribute__((vector_size(kWidth * 4)));

static inline Vec load(const float* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
static inline VecInt load(const int32_t* p) {
    VecInt v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
static inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
static inline void store(int32_t* p, VecInt v) { std::memcpy(p, &v, sizeof v); }
static inline Vec broadcast(float x) { return x - Vec{}; }

// A bit for each lane of a that is above, or equal to, that of b.
static inline uint32_t lanes_above(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ);
#elif defined(__AVX2__)
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GT_OQ));
#else
    uint32_t bits = 0;
    for (int lane = 0; lane < kWidth; ++lane) bits |= static_cast<uint32_t>(a[lane] > b[lane]) << lane;
    return bits;
#endif
}
static inline uint32_t lanes_equal(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ);
#elif defined(__AVX2__)
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_EQ_OQ));
#else
    uint32_t bits = 0;
    for (int lane = 0; lane < kWidth; ++lane) bits |= static_cast<uint32_t>(a[lane] == b[lane]) << lane;
    return bits;
#endif
}

// Writes the chosen lanes side by side. What lies behind them, up to a whole vector, is overwritten too.
static inline void store_lanes(uint32_t chosen, Vec v, float* to) {
#if defined(__AVX512F__)
    _mm512_storeu_ps(to, _mm512_maskz_compress_ps(static_cast<__mmask16>(chosen), (__m512)v));
#else
    for (; chosen; chosen &= chosen - 1) *to++ = v[__builtin_ctz(chosen)];
#endif
}
static inline void store_lanes(uint32_t chosen, VecInt v, int32_t* to) {
#if defined(__AVX512F__)
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(static_cast<__mmask16>(chosen), (__m512i)v));
#else
    for (; chosen; chosen &= chosen - 1) *to++ = v[__builtin_ctz(chosen)];
#endif
}

typedef float Quad __attribute__((vector_size(16)));

// All lanes, joined in the order of a balanced tree: halves with halves.
template <class Join>
static inline float joined(Vec v, const Join& join) {
#if defined(__AVX512F__)
    typedef float Half __attribute__((vector_size(32)));
    Half halves[2];
    std::memcpy(halves, &v, sizeof v);
    const Half folded = join(halves[0], halves[1]);
#else
    const Vec folded = v;
#endif
    Quad q;
#if defined(__AVX2__)
    Quad quads[2];
    std::memcpy(quads, &folded, sizeof quads);
    q = join(quads[0], quads[1]);
#else
    q = folded;
#endif
    return join(join(q[0], q[2]), join(q[1], q[3]));
}

static inline float sum(Vec v) {
    return joined(v, [](auto a, auto b) { return a + b; });
}

static inline Vec larger(Vec a, Vec b) { return a > b ? a : b; }

static inline float largest(Vec v) {
    return joined(v, [](auto a, auto b) { return a > b ? a : b; });
}

// What is not a number is left out; -inf where there is none.
static inline float largest(const float* p, int64_t n) {
    Vec v0 = broadcast(-INFINITY), v1 = v0, v2 = v0, v3 = v0;
    int64_t i = 0;
    for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
        v0 = larger(load(p + i), v0);
        v1 = larger(load(p + i + kWidth), v1);
        v2 = larger(load(p + i + 2 * kWidth), v2);
        v3 = larger(load(p + i + 3 * kWidth), v3);
    }
    for (; i + kWidth <= n; i += kWidth) v0 = larger(load(p + i), v0);
    float best = largest(larger(larger(v0, v1), larger(v2, v3)));
    for (; i < n; ++i) best = p[i] > best ? p[i] : best;
    return best;
}

// What is not a number counts as 0.
static inline float largest_magnitude(const float* p, int64_t n) {
    Vec v{};
    int64_t i = 0;
    for (; i + kWidth <= n; i += kWidth) v = larger(larger(load(p + i), -load(p + i)), v);
    float best = largest(v);
    for (; i < n; ++i) best = std::fabs(p[i]) > best ? std::fabs(p[i]) : best;
    return best;
}

// sum_i a[i] b[i]; the order of summation depends on n and the instruction set only.
static inline float dot(const float* a, const float* b, int64_t n) {
    Vec s0{}, s1{}, s2{}, s3{};
    int64_t i = 0;
    for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
        s0 += load(a + i) * load(b + i);
        s1 += load(a + i + kWidth) * load(b + i + kWidth);
        s2 += load(a + i + 2 * kWidth) * load(b + i + 2 * kWidth);
        s3 += load(a + i + 3 * kWidth) * load(b + i + 3 * kWidth);
    }
    for (; i + kWidth <= n; i += kWidth) s0 += load(a + i) * load(b + i);
    float total = sum((s0 + s1) + (s2 + s3));
    for (; i < n; ++i) total += a[i] * b[i];
    return total;
}

// Added to lengths, so that a vector of zeros can be divided by its own.
constexpr float kTinyNorm = 1e-6f;

static inline float length(const float* x, int64_t n) { return std::sqrt(dot(x, x, n)) + kTinyNorm; }

// y += a x
static inline void axpy(float a, const float* x, float* y, int64_t n) {
    const Vec va = broadcast(a);
    int64_t i = 0;
    for (; i + kWidth <= n; i += kWidth) store(y + i, load(y + i) + va * load(x + i));
    for (; i < n; ++i) y[i] += a * x[i];
}

// A row of a sum, and what it is multiplied by.
struct Term {
    float factor;
    const float* row;
};

template <int n_vectors, class Terms, class Ask>
static inline void sum_columns(const float* start, int64_t n_terms, const Terms& term, const Ask& ask, int64_t first,
                               float* y) {
    Vec sums[n_vectors];
#pragma GCC unroll 16
    for (int v = 0; v < n_vectors; ++v) sums[v] = start ? load(start + first + v * kWidth) : Vec{};
    for (int64_t t = 0; t < n_terms; ++t) {
        if (first == 0) ask(t);
        const Term of = term(t);
        const Vec factor = broadcast(of.factor);
#pragma GCC unroll 16
        for (int v = 0; v < n_vectors; ++v) sums[v] += factor * load(of.row + first + v * kWidth);
    }
#pragma GCC unroll 16
    for (int v = 0; v < n_vectors; ++v) store(y + first + v * kWidth, sums[v]);
}

// y (n) = start (n) + the terms, one after another; start may be null: zeros. Sums stay in registers, those of some
// columns at a time: the rows are read so many times over, but `ask(t)`, for what lies ahead of term t, comes once.
template <class Terms, class Ask>
static inline void sum_terms(const float* start, int64_t n_terms, const Terms& term, const Ask& ask, float* y,
                             int64_t n) {
    constexpr int kTogether = kWidth == 16 ? 16 : 8;  // of 32 registers, or of 16
    int64_t i = 0;
    for (; i + kTogether * kWidth <= n; i += kTogether * kWidth) {
        sum_columns<kTogether>(start, n_terms, term, ask, i, y);
    }
    for (; i + 4 * kWidth <= n; i += 4 * kWidth) sum_columns<4>(start, n_terms, term, ask, i, y);
    for (; i + kWidth <= n; i += kWidth) sum_columns<1>(start, n_terms, term, ask, i, y);
    for (; i < n; ++i) {
        float sum_of_all = start ? start[i] : 0.0f;
        for (int64_t t = 0; t < n_terms; ++t) sum_of_all += term(t).factor * term(t).row[i];
        y[i] = sum_of_all;
    }
}

// e^x, within 2 units in the last place; 0 below about -87, the largest finite value's neighbourhood above 88.
static inline Vec exp(Vec x) {
    const Vec low = broadcast(-87.3f), high = broadcast(88.3f);
    const VecInt underflow = x < low;
    x = x < low ? low : x;
    x = x > high ? high : x;
    // x = n ln 2 + r with |r| <= ln 2 / 2; adding 1.5 * 2^23 rounds to the nearest integer
    const Vec magic = broadcast(12582912.0f);
    const Vec n = (x * 1.44269504088896341f + magic) - magic;
    const Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    Vec p = broadcast(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const VecInt exponent = (__builtin_convertvector(n, VecInt) + 127) << 23;
    Vec scale;
    std::memcpy(&scale, &exponent, sizeof scale);
    const Vec y = p * scale;
    return underflow ? Vec{} : y;
}

static inline void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }  // into L2
static inline void prefetch(const float* p, int64_t n) {
    for (int64_t i = 0; i < n; i += 16) prefetch(p + i);
}

}  // namespace slidelearn::SLIDELEARN_ISA

#include "kernels/ceilings.h"

#include <atomic>

#include "kernels/simd.h"
#include "thread_pool.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace slidelearn::SLIDELEARN_ISA {

namespace {

#if defined(__AVX512F__)
constexpr int kSums = 24;  // of 32 registers: enough to hide the latency of two units
#else
constexpr int kSums = 12;  // of 16
#endif
constexpr int64_t kRows = 64;  // of a chunk of work
constexpr int64_t kAhead = 8;  // rows asked for ahead of their visit

// A step takes a sum to the next one. No two sums are alike, or the compiler would compute one for all.
template <class Sum, class Lane, class Step>
float repeat(int64_t n_rounds, Step&& step) {
    Sum sums[kSums];
#pragma GCC unroll 24
    for (int i = 0; i < kSums; ++i) sums[i] = Sum{} + static_cast<Lane>(i);
    for (int64_t round = 0; round < n_rounds; ++round) {
#pragma GCC unroll 24
        for (int i = 0; i < kSums; ++i) sums[i] = step(sums[i]);
    }
    float all = 0.0f;
#pragma GCC unroll 24
    for (int i = 0; i < kSums; ++i) all += static_cast<float>(sums[i][0]);
    return all;
}

float multiply(Arithmetic arithmetic, int64_t n_rounds) {
#if defined(__AVX512BF16__)
    if (arithmetic == Arithmetic::bf16) {
        const __m512bh factors = (__m512bh)_mm512_set1_epi32(0x3C003C00);
        return repeat<Vec, float>(n_rounds,
                                  [&](Vec sum) { return (Vec)_mm512_dpbf16_ps((__m512)sum, factors, factors); });
    }
#endif
#if defined(__AVX512VNNI__)
    if (arithmetic == Arithmetic::int8) {
        const __m512i factors = _mm512_set1_epi32(0x01010101);
        return repeat<VecInt, int32_t>(
            n_rounds, [&](VecInt sum) { return (VecInt)_mm512_dpbusd_epi32((__m512i)sum, factors, factors); });
    }
#endif
    (void)arithmetic;
    const Vec factor = broadcast(0.999f), term = broadcast(0.001f);
    return repeat<Vec, float>(n_rounds, [&](Vec sum) { return sum * factor + term; });
}

int64_t operations_per_lane(Arithmetic arithmetic) {
    switch (arithmetic) {
        case Arithmetic::fp32:
            return 2;
#if defined(__AVX512BF16__)
        case Arithmetic::bf16:
            return 4;
#endif
#if defined(__AVX512VNNI__)
        case Arithmetic::int8:
            return 8;
#endif
        default:
            return 0;
    }
}

}  // namespace

int64_t multiply_registers(Arithmetic arithmetic, int64_t n_rounds, int n_threads) {
    const int64_t n_operations = operations_per_lane(arithmetic) * kWidth * kSums * n_rounds * n_threads;
    if (n_operations == 0) return 0;
    std::atomic<float> seen{0.0f};  // or the compiler would leave out what nobody looks at
    parallel_for(n_threads, n_threads, [&](int64_t, int) { seen = multiply(arithmetic, n_rounds); });
    return n_operations;
}

void touch_rows(Matrix<float> rows, const int32_t* ids, int64_t n, int n_threads) {
    parallel_for(n_threads, (n + kRows - 1) / kRows, [&](int64_t chunk, int) {
        const int64_t end = (chunk + 1) * kRows < n ? (chunk + 1) * kRows : n;
        for (int64_t i = chunk * kRows; i < end; ++i) {
            if (i + kAhead < n) prefetch(rows.row(ids[i + kAhead]), rows.n_columns);
            float* row = rows.row(ids[i]);
            for (int64_t k = 0; k < rows.n_columns; ++k) row[k] += 1.0f;
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

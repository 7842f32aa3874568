// Matrices of words of four bytes turned about their diagonals, four rows by four columns at a time.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/simd.h"

namespace slidelearn::SLIDELEARN_ISA {

// Four lanes of a, which are 0 to 3, and of b, which are 4 to 7.
template <int first, int second, int third, int fourth, class Four>
static inline Four shuffled(Four a, Four b) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, first, second, third, fourth);
#else  // GCC has the former from version 12 on
    typedef int32_t Lanes __attribute__((vector_size(16)));
    return __builtin_shuffle(a, b, Lanes{first, second, third, fourth});
#endif
}

// A block of 4 by 4, from lines `from_stride` apart to lines `to_stride` apart.
template <class Word>
static inline void transpose_block(const Word* from, int64_t from_stride, Word* to, int64_t to_stride) {
    typedef Word Four __attribute__((vector_size(16)));
    Four a, b, c, d;
    std::memcpy(&a, from, 16);
    std::memcpy(&b, from + from_stride, 16);
    std::memcpy(&c, from + 2 * from_stride, 16);
    std::memcpy(&d, from + 3 * from_stride, 16);
    const Four ab_low = shuffled<0, 4, 1, 5>(a, b), ab_high = shuffled<2, 6, 3, 7>(a, b);
    const Four cd_low = shuffled<0, 4, 1, 5>(c, d), cd_high = shuffled<2, 6, 3, 7>(c, d);
    const auto put = [&](int64_t column, Four v) { std::memcpy(to + column * to_stride, &v, 16); };
    put(0, shuffled<0, 1, 4, 5>(ab_low, cd_low));
    put(1, shuffled<2, 3, 6, 7>(ab_low, cd_low));
    put(2, shuffled<0, 1, 4, 5>(ab_high, cd_high));
    put(3, shuffled<2, 3, 6, 7>(ab_high, cd_high));
}

// to (n_columns, n_rows) = from (n_rows, n_columns)
template <class Word>
static inline void transpose(const Word* from, int64_t from_stride, int64_t n_rows, int64_t n_columns, Word* to,
                             int64_t to_stride) {
    const int64_t whole_rows = n_rows / 4 * 4, whole_columns = n_columns / 4 * 4;
    for (int64_t i = 0; i < whole_rows; i += 4) {
        for (int64_t k = 0; k < whole_columns; k += 4) {
            transpose_block(from + i * from_stride + k, from_stride, to + k * to_stride + i, to_stride);
        }
    }
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t k = i < whole_rows ? whole_columns : 0; k < n_columns; ++k) {
            to[k * to_stride + i] = from[i * from_stride + k];
        }
    }
}

}  // namespace slidelearn::SLIDELEARN_ISA

// A layer's parameters by row, each row with its optimizer state beside it, so that one visit brings all of it:
//
//   [ w (width, padded to 16) | tail (16) ]
//   [ w | m | v | tail ]                                 under Adam
//   [ w | words of m and v | tail ]                      under Adam, its moments as bfloat16 (kernels/moment_words.h)
//
// Each part before the tail is as wide as w, so width and stride tell which of these a row is.
// The tail holds what a row has one of. Rows begin on a cache line.
#pragma once

#include <cstdint>

#include "views.h"

namespace slidelearn {

constexpr int64_t kTail = 16;
enum TailField { kBias = 0, kBiasM = 1, kBiasV = 2, kRowV = 3, kUpdates = 4 };

struct Rows {
    float* data;
    int64_t n_rows;
    int64_t stride;
    int64_t width;

    float* weights(int64_t i) const { return data + i * stride; }
    float* tail(int64_t i) const { return data + (i + 1) * stride - kTail; }
    int64_t padded() const { return (width + 15) / 16 * 16; }
    bool has_parts(int64_t n) const { return stride == n * padded() + kTail; }
    bool has_moments() const { return has_parts(3); }
    bool has_moment_words() const { return has_parts(2); }
};

enum class Rule : int { sgd = 0, adagrad = 1, adam = 2 };

struct UpdateRule {
    Rule kind;
    float learning_rate;
    float beta_1;
    float beta_2;
    float epsilon;
};

}  // namespace slidelearn

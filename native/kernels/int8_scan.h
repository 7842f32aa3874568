// Answers in two steps: all rows are scanned by products of 8-bit integers, and the best of these are compared by exact
// products. Four times as quick as exact products alone where the processor has instructions for it (VNNI); three times
// as quick with AVX2, for which queries are rounded to 6 bits.
#pragma once

#include <cstdint>

#include "isa.h"
#include "row_layout.h"
#include "views.h"

namespace slidelearn {

// Rows rounded to 8 bits, in panels that a scan reads from end to end: four coordinates of each of the panel's rows,
// then the next four. The logit of a row is
//   hidden_scale * factor * (sum of (hidden_code + 128) * code + correction) + bias.
// Rows beyond the last have the bias -inf.
struct QuantizedRows {
    static constexpr int64_t kPanel = 48;
    static constexpr int64_t kWidest = INT32_MAX / (128 * 127);  // so wide, no sum on the way leaves 32 bits

    int8_t* codes;         // (n_panels, depth / 4, kPanel, 4)
    float* factors;        // (n_panels * kPanel): what the rest has
    int32_t* corrections;  // -128 * the sum of the row's codes
    float* biases;

    static int64_t n_panels(int64_t n_rows) { return (n_rows + kPanel - 1) / kPanel; }
    static int64_t depth(int64_t width) { return (width + 3) / 4 * 4; }
};

SLIDELEARN_EACH_ISA(
    // Whether scan_top_k is quick here.
    bool scans_int8();
    // `scales` (n_rows), what products are multiplied by, may be null.
    void quantize_rows(Rows rows, const float* scales, QuantizedRows quantized, int n_threads);
    // As exact_top_k (kernels/select.h), but for labels that rounding moves further than what is spared for that
    // (kernels/contender_lists.h).
    void scan_top_k(Rows rows, const float* scales, QuantizedRows quantized, Matrix<const float> hidden,
                    Matrix<int32_t> best, Matrix<float> scores, int n_threads);)

}  // namespace slidelearn

// Verbs over a layer's rows: taking some out, and one optimizer step on some.
#pragma once

#include "isa.h"
#include "row_layout.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // weights (n, width) = the rows `ids`, biases (n) theirs. Where norms (n) is not null, weights are divided by
    // their norms.
    void gather_rows(Rows rows, const int32_t* ids, int64_t n, Matrix<float> weights, float* biases, float* norms,
                     int n_threads);
    // One step on each of the distinct rows `ids` with its gradient.
    void update_rows(Rows rows, const int32_t* ids, int64_t n, Matrix<const float> d_weights, const float* d_biases,
                     UpdateRule rule, int n_threads);
    // sums (n_columns) = the sum of the rows of x, one after another
    void column_sums(Matrix<const float> x, float* sums, int n_threads);
    // unit = x / |x| by rows, norms their lengths
    void unit_rows(Matrix<const float> x, Matrix<float> unit, float* norms, int n_threads);
    // The gradient of x where unit = x / |x| has the gradient d: d becomes scale (d - unit (unit . d)) / norm, and zero
    // where x is zero, which has no direction to turn.
    void unit_rows_backward(Matrix<const float> unit, const float* norms, float scale, Matrix<float> d, int n_threads);)

}  // namespace slidelearn

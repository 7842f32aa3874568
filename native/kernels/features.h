// The layer fed by sparse features: one row of parameters per feature.
#pragma once

#include "isa.h"
#include "row_layout.h"
#include "transpose.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // hidden (n_samples, width) = x rows + bias (width), which may be null
    void features_forward(Csr x, Rows rows, const float* bias, Matrix<float> hidden, int n_threads);
    // One writer per row: the rows of `columns` take one step each with the gradient x^T d_hidden.
    void features_backward(Columns columns, const float* x_data, Matrix<const float> d_hidden, Rows rows,
                           UpdateRule rule, int n_threads);
    // HOGWILD (Niu et al., 2011): every sample takes a step on each of its features' rows, unlocked.
    void features_backward_hogwild(Csr x, Matrix<const float> d_hidden, Rows rows, UpdateRule rule, int n_threads);)

}  // namespace slidelearn

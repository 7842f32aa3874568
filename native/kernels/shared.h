// The way back through a layer whose active set is shared by the batch: dense products, and a step on each active row.
#pragma once

#include "isa.h"
#include "kernels/matmul.h"
#include "row_layout.h"
#include "views.h"

namespace slidelearn {

// What a forward pass has left: the batch's input x (n_samples, width), and the active rows: their ids, their weights
// (n, width), and where the logits are cosines, times `scale`, lengths (n) of the rows, whose weights are then of
// length 1; otherwise null.
struct SharedPass {
    Matrix<const float> x;
    const int32_t* ids;
    Matrix<const float> weights;
    const float* norms;
    float scale;
};

SLIDELEARN_EACH_ISA(
    // d_x (n_samples, width) = d_logits weights, and a step on the rows with their gradients d_logits^T x.
    void shared_backward(SharedPass pass, Matrix<const float> d_logits, Rows rows, UpdateRule rule, Matrix<float> d_x,
                         Precision precision, int n_threads);)

}  // namespace slidelearn

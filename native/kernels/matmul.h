// The product of dense matrices, in the manner of Goto and van de Geijn (2008).
#pragma once

#include "isa.h"
#include "views.h"

namespace slidelearn {

// A matrix by element strides, so that a transpose is a view.
struct Operand {
    const float* data;
    int64_t row_stride;
    int64_t column_stride;
};

// What the sums begin with: (i, j) at `first[i * stride + j]`. One line for all rows has stride 0; null: zeros.
struct Start {
    const float* first;
    int64_t stride;
};
constexpr Start kZeros{nullptr, 0};

// What elements are rounded to before they are multiplied; sums are always in 32-bit floats. bf16 is honoured by
// instruction sets that have it.
enum class Precision { fp32, bf16 };

SLIDELEARN_EACH_ISA(
    // c (m, n) = start + a (m, k) b (k, n); the start may be c itself. Every element of c is summed in the order of k,
    // whatever the number of threads.
    void matmul(Operand a, Operand b, Start start, int64_t m, int64_t n, int64_t k, Matrix<float> c,
                Precision precision, int n_threads);)

}  // namespace slidelearn

// Rows of length 1, and the way back through the division by their length.
#pragma once

#include "kernels/simd.h"

namespace slidelearn::SLIDELEARN_ISA {

// unit (n) = x / |x|; returns |x|.
static inline float to_unit(const float* x, float* unit, int64_t n) {
    const float norm = length(x, n);
    const float inverse = 1.0f / norm;
    for (int64_t k = 0; k < n; ++k) unit[k] = x[k] * inverse;
    return norm;
}

// The gradient d (n) of unit = x / |x| becomes that of x, times a scale; zero where x is zero, which has no direction
// to turn.
static inline void unit_row_backward(const float* unit, float norm, float scale, float* d, int64_t n) {
    const float along = dot(unit, d, n);
    const float factor = norm > kTinyNorm ? scale / norm : 0.0f;
    for (int64_t k = 0; k < n; ++k) d[k] = factor * (d[k] - unit[k] * along);
}

}  // namespace slidelearn::SLIDELEARN_ISA

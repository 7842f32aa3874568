// What the verbs see of the caller's arrays: pointers and extents. The caller owns the memory.
#pragma once

#include <cstdint>

namespace slidelearn {

// A row-major matrix; rows are `stride` elements apart, the elements of a row lie side by side.
template <class T>
struct Matrix {
    T* data;
    int64_t n_rows;
    int64_t n_columns;
    int64_t stride;

    T* row(int64_t i) const { return data + i * stride; }
};

// A sparse matrix by rows (SciPy's CSR): row i holds indices[indptr[i]:indptr[i+1]] and the data beside them.
// `data` is null where only the pattern matters.
struct Csr {
    const int64_t* indptr;
    const int32_t* indices;
    const float* data;
    int64_t n_rows;

    int64_t begin(int64_t i) const { return indptr[i]; }
    int64_t end(int64_t i) const { return indptr[i + 1]; }
    int64_t length(int64_t i) const { return end(i) - begin(i); }
    int64_t n_entries() const { return indptr[n_rows]; }

    // For matrices too large to be checked at every call: whether row i lies within the arrays, and whether its indices
    // lie in [0, n_columns) too.
    bool has_row(int64_t i) const { return 0 <= begin(i) && begin(i) <= end(i) && end(i) <= n_entries(); }
    bool has_sound_row(int64_t i, int64_t n_columns) const {
        if (!has_row(i)) return false;
        const uint32_t last = static_cast<uint32_t>(n_columns - 1);  // columns are numbered by 31 bits
        uint32_t outside = 0;                                        // its highest bit
        for (int64_t e = begin(i); e < end(i); ++e) {
            const uint32_t column = static_cast<uint32_t>(indices[e]);
            outside |= column | (last - column);
        }
        return static_cast<int32_t>(outside) >= 0;
    }
};

// Log-odds from some numbers, by one layer of rectified linear units.
struct PerceptronView {
    Matrix<const float> hidden;  // (n_inputs, width)
    const float* hidden_biases;  // (width)
    const float* output;         // (width)
    float constant;
};

}  // namespace slidelearn

#include "csr_rows.h"

#include <algorithm>
#include <cmath>

namespace slidelearn {

namespace {

constexpr int64_t kAhead = 16;  // rows asked for ahead of their visit: those of a batch lie anywhere

void ask_for(const void* first, const void* last) {
    __builtin_prefetch(first);
    __builtin_prefetch(last);
}

}  // namespace

bool is_canonical(const int32_t* indptr, int64_t n_rows, const int32_t* indices, const float* data, int64_t n_entries,
                  int64_t n_columns) {
    if (indptr[0] != 0 || indptr[n_rows] != n_entries) return false;
    for (int64_t i = 0; i < n_rows; ++i)
        if (indptr[i] > indptr[i + 1]) return false;
    for (int64_t i = 0; i < n_rows; ++i) {
        int64_t last = -1;
        for (int64_t e = indptr[i]; e < indptr[i + 1]; ++e) {
            if (indices[e] <= last || indices[e] >= n_columns || !std::isfinite(data[e])) return false;
            last = indices[e];
        }
    }
    return true;
}

void taken_indptr(Csr matrix, const int64_t* rows, int64_t n, int64_t* out_indptr) {
    out_indptr[0] = 0;
    for (int64_t i = 0; i < n; ++i) out_indptr[i + 1] = out_indptr[i] + matrix.end(rows[i]) - matrix.begin(rows[i]);
}

void take_rows(Csr matrix, const int64_t* rows, int64_t n, const int64_t* out_indptr, int32_t* out_indices,
               float* out_data) {
    for (int64_t i = 0; i < n; ++i) {
        if (i + kAhead < n) {
            const int64_t begin = matrix.begin(rows[i + kAhead]), end = matrix.end(rows[i + kAhead]);
            ask_for(matrix.indices + begin, matrix.indices + end);
            if (matrix.data) ask_for(matrix.data + begin, matrix.data + end);
        }
        const int64_t begin = matrix.begin(rows[i]), end = matrix.end(rows[i]);
        std::copy(matrix.indices + begin, matrix.indices + end, out_indices + out_indptr[i]);
        if (matrix.data) std::copy(matrix.data + begin, matrix.data + end, out_data + out_indptr[i]);
    }
}

void join_rows(Csr a, Csr b, int64_t* out_indptr, int32_t* out_indices) {
    int32_t* to = out_indices;
    out_indptr[0] = 0;
    for (int64_t i = 0; i < a.n_rows; ++i) {
        to = std::copy(a.indices + a.begin(i), a.indices + a.end(i), to);
        to = std::copy(b.indices + b.begin(i), b.indices + b.end(i), to);
        out_indptr[i + 1] = to - out_indices;
    }
}

int64_t count_found(Csr labels, Csr candidates) {
    int64_t n_found = 0;
    for (int64_t i = 0; i < labels.n_rows; ++i) {
        const int32_t* end = candidates.indices + candidates.end(i);
        for (int64_t l = labels.begin(i); l < labels.end(i); ++l) {
            n_found += std::find(candidates.indices + candidates.begin(i), end, labels.indices[l]) != end;
        }
    }
    return n_found;
}

}  // namespace slidelearn

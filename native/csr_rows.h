// Rows of sparse matrices: whether they are in order, taking some out, setting two side by side, looking for one's
// entries in another's.
#pragma once

#include <cstdint>

#include "views.h"

namespace slidelearn {

// Whether arrays of SciPy's are a matrix of so many columns whose rows are sorted, without duplicates, and finite:
// indptr (n_rows + 1), indices and data (n_entries).
bool is_canonical(const int32_t* indptr, int64_t n_rows, const int32_t* indices, const float* data, int64_t n_entries,
                  int64_t n_columns);

// out_indptr (n + 1) of the matrix that the given rows make. They may repeat.
void taken_indptr(Csr matrix, const int64_t* rows, int64_t n, int64_t* out_indptr);
// The entries of that matrix; out_data is not touched where matrix.data is null.
void take_rows(Csr matrix, const int64_t* rows, int64_t n, const int64_t* out_indptr, int32_t* out_indices,
               float* out_data);
// Row i of the result: row i of a, then row i of b.
void join_rows(Csr a, Csr b, int64_t* out_indptr, int32_t* out_indices);
// How many entries of `labels` occur in the same row of `candidates`.
int64_t count_found(Csr labels, Csr candidates);

}  // namespace slidelearn

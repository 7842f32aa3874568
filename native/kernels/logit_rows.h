// The logits of a batch, and which of them belong to the samples' own labels. One layout serves both kinds of active
// set: shared by the batch, row i begins at i * n_columns; one per sample, at indptr[i].
#pragma once

#include <cstdint>

namespace slidelearn {

struct LogitRows {
    float* data;
    const int64_t* indptr;  // null: every row has n_columns
    int64_t n_columns;
    int64_t n_rows;
    const int64_t* label_indptr;   // row i's labels: [label_indptr[i], label_indptr[i + 1])
    const int32_t* label_columns;  // where they stand in row i

    int64_t begin(int64_t i) const { return indptr ? indptr[i] : i * n_columns; }
    int64_t length(int64_t i) const { return indptr ? indptr[i + 1] - indptr[i] : n_columns; }
};

}  // namespace slidelearn

// SimHash: codes of vectors by the signs of sparse random projections (Charikar, 2002; Achlioptas, 2003).
#pragma once

#include "bucket_number.h"
#include "isa.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // codes (n_tables, n_rows): the buckets of rows (n_rows, n_inputs) whose projections onto the columns of
    // `projection` (n_inputs, n_hashes) exceed the thresholds (n_hashes) or not. The k-th hash of table t is column
    // k * n_tables + t, so that one comparison decides a bit of several tables.
    void simhash_codes(Matrix<const float> rows, Matrix<const float> projection, const float* thresholds,
                       BucketNumbering numbering, Matrix<int32_t> codes, int n_threads);

    // The same from projections (n_rows, n_hashes) that are at hand.
    void sign_codes(Matrix<const float> projections, const float* thresholds, BucketNumbering numbering,
                    Matrix<int32_t> codes, int n_threads);

    // Brings projections (n_rows, n_hashes) of `seen` (n_rows, n_inputs) up to `rows`, and `seen` with them, coordinate
    // by coordinate, only where they differ.
    void update_projections(Matrix<const float> rows, Matrix<const float> projection, Matrix<float> seen,
                            Matrix<float> projections, int n_threads);)

}  // namespace slidelearn

// Codes of vectors by winner-takes-all hashing (Yagnik et al., 2011), and by its densified form (Chen and Shrivastava,
// 2018).
#pragma once

#include "bucket_number.h"
#include "isa.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // codes (n_tables, n_rows): the buckets of the rows. Hash h is won by the largest of the coordinates bins.row(h),
    // the first of equals; its code is the winner's place in the bin. With a seed, coordinates that are 0 are missing,
    // and the hash of a bin without any other borrows its code (DWTA); without one (null), 0 competes like any value
    // (WTA).
    void wta_codes(Matrix<const float> rows, Matrix<const int32_t> bins, const uint64_t* borrow_seed,
                   BucketNumbering numbering, Matrix<int32_t> codes, int n_threads);)

}  // namespace slidelearn

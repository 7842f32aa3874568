// DOPH: codes of vectors by densified one-permutation MinHash (Shrivastava and Li, 2014; Shrivastava, 2017) of their
// largest coordinates, as Chen et al. (2020) hash neurons.
#pragma once

#include "bucket_number.h"
#include "views.h"

namespace slidelearn {

// codes (n_tables, n_rows): the buckets of the rows by densified one-permutation MinHash of their top_k largest
// coordinates (0 and NaN are missing; of equals, the first). Each column of ranks (n_inputs, n_permutations) is a
// permutation of the coordinates, cut into bins, one for each hash in its share; a hash's code is the lowest rank of
// the set in its bin.
void doph_codes(Matrix<const float> rows, Matrix<const int32_t> ranks, int64_t top_k, int64_t n_hashes,
                uint64_t borrow_seed, BucketNumbering numbering, Matrix<int32_t> codes, int n_threads);

}  // namespace slidelearn

// Hash tables over a layer's neurons: per table, the ids sorted by bucket, and where each bucket begins.
#pragma once

#include <limits>

#include "views.h"

namespace slidelearn {

struct HashTables {
    Matrix<const int32_t> offsets;  // (n_tables, n_buckets + 1)
    Matrix<const int32_t> ids;      // (n_tables, most ids that a table holds)

    const int32_t* begin(int64_t table, int32_t bucket) const { return ids.row(table) + offsets.row(table)[bucket]; }
    const int32_t* end(int64_t table, int32_t bucket) const { return ids.row(table) + offsets.row(table)[bucket + 1]; }
};

// How many ids a bucket holds, and who stays when it is full.
struct BucketRule {
    int32_t size = std::numeric_limits<int32_t>::max();
    bool fifo = false;  // the last that came; else a reservoir, in which each that came is as likely to be
    uint64_t seed = 0;
};

// offsets from codes (n_tables, n_neurons). False if a code is not in [0, n_buckets): the offsets are then worthless.
bool bucket_offsets(Matrix<const int32_t> codes, const BucketRule& rule, Matrix<int32_t> offsets, int n_threads);

// The ids of every bucket, in the order of neurons, as long as the bucket is not full.
void fill_buckets(Matrix<const int32_t> codes, const BucketRule& rule, Matrix<const int32_t> offsets,
                  Matrix<int32_t> ids, int n_threads);

}  // namespace slidelearn

// Tables built whole, by counting sort: quicker than inserting into buckets of a fixed size, and a fraction of the
// memory.
#include "hash_tables.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "random.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

bool count_buckets(const int32_t* codes, int64_t n_neurons, int64_t n_buckets, int32_t* counts) {
    std::fill(counts, counts + n_buckets, 0);
    for (int64_t i = 0; i < n_neurons; ++i) {
        if (codes[i] < 0 || codes[i] >= n_buckets) return false;
        ++counts[codes[i]];
    }
    return true;
}

void fill_unlimited(const int32_t* codes, int64_t n_neurons, int32_t* next, int32_t* ids) {
    for (int64_t i = 0; i < n_neurons; ++i) ids[next[codes[i]]++] = static_cast<int32_t>(i);
}

// came[b] ids came to bucket b before. Vitter's algorithm R (1985), or a ring.
void fill_limited(const int32_t* codes, int64_t n_neurons, int64_t table, const BucketRule& rule,
                  const int32_t* offsets, int32_t* came, int32_t* ids) {
    for (int64_t i = 0; i < n_neurons; ++i) {
        const int32_t bucket = codes[i], before = came[bucket]++;
        int32_t slot = before;
        if (before >= rule.size) {
            const uint64_t stream = (static_cast<uint64_t>(table) << 32) | static_cast<uint32_t>(bucket);
            slot = rule.fifo ? before % rule.size : random_below(rule.seed, stream, before, before + 1);
            if (slot >= rule.size) continue;
        }
        ids[offsets[bucket] + slot] = static_cast<int32_t>(i);
    }
}

}  // namespace

bool bucket_offsets(Matrix<const int32_t> codes, const BucketRule& rule, Matrix<int32_t> offsets, int n_threads) {
    std::atomic<bool> valid{true};
    const int64_t n_buckets = offsets.n_columns - 1;
    parallel_for(n_threads, codes.n_rows, [&](int64_t table, int) {
        int32_t* begins = offsets.row(table);
        int32_t* counts = begins + 1;
        begins[0] = 0;
        if (!count_buckets(codes.row(table), codes.n_columns, n_buckets, counts)) valid = false;
        for (int64_t b = 0; b < n_buckets; ++b) counts[b] = begins[b] + std::min(counts[b], rule.size);
    });
    return valid;
}

void fill_buckets(Matrix<const int32_t> codes, const BucketRule& rule, Matrix<const int32_t> offsets,
                  Matrix<int32_t> ids, int n_threads) {
    const int64_t n_buckets = offsets.n_columns - 1;
    std::vector<std::vector<int32_t>> workspaces(n_threads, std::vector<int32_t>(n_buckets));
    parallel_for(n_threads, codes.n_rows, [&](int64_t table, int worker) {
        const int32_t *begins = offsets.row(table), *table_codes = codes.row(table);
        int32_t* work = workspaces[worker].data();
        if (begins[n_buckets] == codes.n_columns) {  // nobody has to go
            std::copy(begins, begins + n_buckets, work);
            fill_unlimited(table_codes, codes.n_columns, work, ids.row(table));
        } else {
            std::fill(work, work + n_buckets, 0);
            fill_limited(table_codes, codes.n_columns, table, rule, begins, work, ids.row(table));
        }
    });
}

}  // namespace slidelearn

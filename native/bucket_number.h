// From the codes of a table's hashes to the number of a bucket. The codes are read as the digits of one number; where
// there are more such numbers than buckets, the number is hashed and scaled down.
#pragma once

#include <cstdint>

#include "random.h"

namespace slidelearn {

struct BucketNumbering {
    uint32_t base;
    uint32_t n_buckets;
    bool folded;

    uint32_t append(uint32_t number, uint32_t digit) const { return number * base + digit; }
};

// n_values: of one hash; 0 where every 32-bit number may come up.
static inline BucketNumbering number_buckets(int64_t n_values, int64_t hashes_per_table, int64_t n_buckets) {
    const uint32_t n = static_cast<uint32_t>(n_buckets);
    bool folded = n_values == 0;
    int64_t n_numbers = 1;
    for (int64_t k = 0; k < hashes_per_table && !folded; ++k) {
        n_numbers *= n_values;
        folded = n_numbers > n_buckets;
    }
    // Knuth's multiplier: digits far apart in the number still reach all its bits, modulo 2^32
    return {folded ? 2654435761u : static_cast<uint32_t>(n_values), n, folded};
}

// The bucket in [0, n_buckets) of a complete number.
static inline int32_t bucket_of(const BucketNumbering& numbering, uint32_t number) {
    if (!numbering.folded) return static_cast<int32_t>(number);
    return static_cast<int32_t>((static_cast<uint64_t>(mix32(number)) * numbering.n_buckets) >> 32);
}

}  // namespace slidelearn

// Densification (Shrivastava and Li, 2014; Shrivastava, 2017): a hash whose bin is empty takes the code of another bin,
// found by universal hashing of (bin, attempt), so two vectors that share their empty bins share their donors too.
#pragma once

#include <cstdint>

#include "random.h"

namespace slidelearn {

constexpr int32_t kEmpty = -1;
constexpr int kBorrowAttempts = 100;  // after which the code is 0

// The codes of n_bins bins, `stride` apart, their empty ones filled. Only bins that were full from the start are
// donors.
static inline void borrow_codes(int32_t* codes, int64_t n_bins, int64_t stride, uint64_t seed) {
    bool any_full = false;
    for (int64_t bin = 0; bin < n_bins; ++bin) any_full |= codes[bin * stride] >= 0;
    for (int64_t bin = 0; bin < n_bins; ++bin) {
        int32_t& code = codes[bin * stride];
        if (code >= 0) continue;
        int32_t borrowed = 0;
        for (int attempt = 0; any_full && attempt < kBorrowAttempts; ++attempt) {
            const int32_t donor = codes[random_below(seed, bin, attempt, static_cast<uint32_t>(n_bins)) * stride];
            if (donor < 0) continue;
            borrowed = donor;
            break;
        }
        code = -1 - borrowed;  // below 0, so still no donor
    }
    for (int64_t bin = 0; bin < n_bins; ++bin) {
        int32_t& code = codes[bin * stride];
        if (code < 0) code = -1 - code;
    }
}

}  // namespace slidelearn

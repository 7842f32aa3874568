#include "transpose.h"

#include <algorithm>
#include <utility>

namespace slidelearn {

namespace {

struct Key {
    int32_t column;
    int32_t entry;
};

// Stable least-significant-digit radix sort by column, as many digits as the largest column needs.
void radix_sort(std::vector<Key>& keys) {
    constexpr int kBits = 11;
    constexpr int kDigits = 1 << kBits;
    int32_t largest = 0;
    for (const Key& key : keys) largest = std::max(largest, key.column);
    std::vector<Key> other(keys.size());
    for (int shift = 0; shift < 31 && (largest >> shift) > 0; shift += kBits) {
        std::vector<int32_t> place(kDigits + 1, 0);
        for (const Key& key : keys) ++place[((key.column >> shift) & (kDigits - 1)) + 1];
        for (int digit = 0; digit < kDigits; ++digit) place[digit + 1] += place[digit];
        for (const Key& key : keys) other[place[(key.column >> shift) & (kDigits - 1)]++] = key;
        keys.swap(other);
    }
}

}  // namespace

Transposed::Transposed(Csr matrix) {
    const int64_t n = matrix.n_entries();
    std::vector<Key> keys(n);
    std::vector<int32_t> row_of(n);
    for (int64_t i = 0; i < matrix.n_rows; ++i) {
        for (int64_t entry = matrix.begin(i); entry < matrix.end(i); ++entry) {
            keys[entry] = {matrix.indices[entry], static_cast<int32_t>(entry)};
            row_of[entry] = static_cast<int32_t>(i);
        }
    }
    radix_sort(keys);
    rows_.resize(n);
    entries_.resize(n);
    for (int64_t k = 0; k < n; ++k) {
        if (k == 0 || keys[k].column != keys[k - 1].column) {
            ids_.push_back(keys[k].column);
            indptr_.push_back(k);
        }
        rows_[k] = row_of[keys[k].entry];
        entries_[k] = keys[k].entry;
    }
    indptr_.push_back(n);
}

std::vector<int32_t> distinct(const int32_t* ids, int64_t n) {
    std::vector<Key> keys(n);
    for (int64_t k = 0; k < n; ++k) keys[k] = {ids[k], 0};
    radix_sort(keys);
    std::vector<int32_t> result;
    for (const Key& key : keys) {
        if (result.empty() || result.back() != key.column) result.push_back(key.column);
    }
    return result;
}

}  // namespace slidelearn

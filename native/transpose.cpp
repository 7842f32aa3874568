#include "transpose.h"

#include <algorithm>
#include <utility>

namespace slidelearn {

namespace {

struct Key {
    int32_t column;
    int32_t row;
    int32_t entry;
};

// Stable least-significant-digit radix sort by column, as many digits as the largest column needs.
void radix_sort(std::vector<Key>& keys) {
    constexpr int kBits = 11;
    constexpr int32_t kDigits = 1 << kBits;
    int32_t largest = 0;
    for (const Key& key : keys) largest = std::max(largest, key.column);
    std::vector<Key> other(keys.size());
    std::vector<int32_t> place(kDigits + 1);
    for (int shift = 0; shift < 31 && (largest >> shift) > 0; shift += kBits) {
        std::fill(place.begin(), place.end(), 0);
        for (const Key& key : keys) ++place[((key.column >> shift) & (kDigits - 1)) + 1];
        for (int32_t digit = 0; digit < kDigits; ++digit) place[digit + 1] += place[digit];
        for (const Key& key : keys) other[place[(key.column >> shift) & (kDigits - 1)]++] = key;
        keys.swap(other);
    }
}

}  // namespace

Transposed::Transposed(Csr matrix) : rows_(new int32_t[matrix.n_entries()]), entries_(new int32_t[matrix.n_entries()]) {
    int32_t largest = 0;
    for (int64_t entry = 0; entry < matrix.n_entries(); ++entry) largest = std::max(largest, matrix.indices[entry]);
    // A counter for every column is quickest, as long as the counters cost no more than the entries.
    if (largest <= matrix.n_entries()) {
        count_and_place(matrix, largest);
    } else {
        sort(matrix);
    }
}

void Transposed::count_and_place(Csr matrix, int32_t largest) {
    std::vector<int32_t> place(largest + 1, 0);
    for (int64_t entry = 0; entry < matrix.n_entries(); ++entry) ++place[matrix.indices[entry]];
    int32_t begin = 0;
    for (int32_t column = 0; column <= largest; ++column) {
        const int32_t n = std::exchange(place[column], begin);
        if (n == 0) continue;
        ids_.push_back(column);
        indptr_.push_back(begin);
        begin += n;
    }
    indptr_.push_back(begin);
    for (int64_t row = 0; row < matrix.n_rows; ++row) {
        for (int64_t entry = matrix.begin(row); entry < matrix.end(row); ++entry) {
            const int32_t to = place[matrix.indices[entry]]++;
            rows_[to] = static_cast<int32_t>(row);
            entries_[to] = static_cast<int32_t>(entry);
        }
    }
}

void Transposed::sort(Csr matrix) {
    std::vector<Key> keys;
    keys.reserve(matrix.n_entries());
    for (int64_t row = 0; row < matrix.n_rows; ++row) {
        for (int64_t entry = matrix.begin(row); entry < matrix.end(row); ++entry) {
            keys.push_back({matrix.indices[entry], static_cast<int32_t>(row), static_cast<int32_t>(entry)});
        }
    }
    radix_sort(keys);
    for (std::size_t k = 0; k < keys.size(); ++k) {
        if (k == 0 || keys[k].column != keys[k - 1].column) {
            ids_.push_back(keys[k].column);
            indptr_.push_back(static_cast<int64_t>(k));
        }
        rows_[k] = keys[k].row;
        entries_[k] = keys[k].entry;
    }
    indptr_.push_back(matrix.n_entries());
}

std::vector<int32_t> distinct(const int32_t* ids, int64_t n, int32_t* places) {
    std::vector<Key> keys(n);
    for (int64_t k = 0; k < n; ++k) keys[k] = {ids[k], 0, static_cast<int32_t>(k)};
    radix_sort(keys);
    std::vector<int32_t> result;
    for (const Key& key : keys) {
        if (result.empty() || result.back() != key.column) result.push_back(key.column);
        places[key.entry] = static_cast<int32_t>(result.size()) - 1;
    }
    return result;
}

}  // namespace slidelearn

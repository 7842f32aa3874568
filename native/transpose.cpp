#include "transpose.h"

#include <algorithm>
#include <utility>

#include "scratch.h"

namespace slidelearn {

namespace {

struct Key {
    int32_t column;
    int32_t entry;
};

// Keys, and as much room again to sort them in.
class Keys {
  public:
    explicit Keys(int64_t n) : n_(n), memory_(2 * n * sizeof(Key)), keys_(memory_.as<Key>()), other_(keys_ + n) {}

    Key& operator[](int64_t k) { return keys_[k]; }

    // Stable least-significant-digit radix sort by column: as few digits as will do, and none larger than it must be.
    void sort() {
        constexpr int kMostBits = 11;
        int32_t largest = 0;
        for (int64_t k = 0; k < n_; ++k) largest = std::max(largest, keys_[k].column);
        const int bits = n_bits(largest), n_digits = (bits + kMostBits - 1) / kMostBits;
        for (int digit = 0; digit < n_digits; ++digit) sort_by(bits * digit / n_digits, bits * (digit + 1) / n_digits);
    }

    // Calls visit(k, key, n) for the sorted keys: n columns have come up to this one.
    template <class Visit>
    void for_sorted(Visit&& visit) const {
        int64_t n_columns = 0;  // counted without a branch, which nobody foresees
        for (int64_t k = 0; k < n_; ++k) {
            n_columns += k == 0 || keys_[k].column != keys_[k - 1].column;
            visit(k, keys_[k], n_columns);
        }
    }

  private:
    void sort_by(int first_bit, int last_bit) {
        const auto digit = [&](const Key& key) {
            return (key.column >> first_bit) & ((1 << (last_bit - first_bit)) - 1);
        };
        std::vector<int32_t> place(std::size_t{1} << (last_bit - first_bit), 0);
        for (int64_t k = 0; k < n_; ++k) ++place[digit(keys_[k])];
        int32_t begin = 0;
        for (int32_t& of_digit : place) begin += std::exchange(of_digit, begin);
        for (int64_t k = 0; k < n_; ++k) other_[place[digit(keys_[k])]++] = keys_[k];
        std::swap(keys_, other_);
    }

    static int n_bits(int32_t number) {
        int bits = 0;
        for (; number > 0; number >>= 1) ++bits;
        return bits;
    }

    int64_t n_;
    Scratch memory_;
    Key *keys_, *other_;
};

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
    std::vector<int32_t> place(static_cast<std::size_t>(largest) + 1, 0);
    for (int64_t entry = 0; entry < matrix.n_entries(); ++entry) ++place[matrix.indices[entry]];
    int32_t begin = 0;
    for (int64_t column = 0; column <= largest; ++column) {
        const int32_t n = std::exchange(place[column], begin);
        if (n == 0) continue;
        ids_.push_back(static_cast<int32_t>(column));
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
    const int64_t n = matrix.n_entries();
    Keys keys(n);
    const Scratch row_of(n * sizeof(int32_t));
    for (int64_t row = 0; row < matrix.n_rows; ++row) {
        for (int64_t entry = matrix.begin(row); entry < matrix.end(row); ++entry) {
            keys[entry] = {matrix.indices[entry], static_cast<int32_t>(entry)};
            row_of.ints()[entry] = static_cast<int32_t>(row);
        }
    }
    keys.sort();
    ids_.resize(n);
    indptr_.resize(n + 1);
    int64_t n_ids = 0;
    keys.for_sorted([&](int64_t k, Key key, int64_t n_columns) {
        n_ids = n_columns;
        ids_[n_ids - 1] = key.column;
        indptr_[n_ids] = k + 1;
        rows_[k] = row_of.ints()[key.entry];
        entries_[k] = key.entry;
    });
    ids_.resize(n_ids);
    indptr_.resize(n_ids + 1);
}

std::vector<int32_t> distinct(const int32_t* ids, int64_t n, int32_t* places) {
    Keys keys(n);
    for (int64_t k = 0; k < n; ++k) keys[k] = {ids[k], static_cast<int32_t>(k)};
    keys.sort();
    std::vector<int32_t> result(n);
    int64_t n_found = 0;
    keys.for_sorted([&](int64_t, Key key, int64_t n_columns) {
        n_found = n_columns;
        result[n_found - 1] = key.column;
        places[key.entry] = static_cast<int32_t>(n_found) - 1;
    });
    result.resize(n_found);
    return result;
}

}  // namespace slidelearn

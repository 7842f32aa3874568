// The entries of a batch's sparse matrix sorted by column, so that a column has one writer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "views.h"

namespace slidelearn {

struct Columns {
    const int32_t* ids;      // the columns that occur, ascending
    const int64_t* indptr;   // entries of column ids[i]: [indptr[i], indptr[i + 1])
    const int32_t* rows;     // the row of each entry, ascending within a column
    const int32_t* entries;  // its place in the matrix
    int64_t n;               // how many columns occur
};

class Transposed {
  public:
    // Time and memory follow the number of entries, never the number of columns. The matrix has fewer than 2^31
    // entries.
    explicit Transposed(Csr matrix);

    Columns columns() const {
        return {ids_.data(), indptr_.data(), rows_.get(), entries_.get(), static_cast<int64_t>(ids_.size())};
    }

  private:
    void count_and_place(Csr matrix, int32_t largest);
    void sort(Csr matrix);

    std::vector<int32_t> ids_;
    std::vector<int64_t> indptr_;
    std::unique_ptr<int32_t[]> rows_;
    std::unique_ptr<int32_t[]> entries_;
};

// The distinct ids among `n`, ascending; places (n): where each of the given ones stands among them.
std::vector<int32_t> distinct(const int32_t* ids, int64_t n, int32_t* places);

}  // namespace slidelearn

#include "doph.h"

#include <algorithm>
#include <vector>

#include "borrow.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr int64_t kChunkRows = 64;

// Where a coordinate goes in one of the permutations.
struct Place {
    int32_t hash;
    int32_t rank;
};

// What one thread works on: the coordinates of a row, and the codes of its hashes.
struct Workspace {
    std::vector<int32_t> coordinates;
    std::vector<int32_t> hash_codes;
};

// (n_inputs, n_permutations); a permutation's ranks are cut into as many bins of (nearly) equal width as hashes are its
// share. The last one's bins past n_hashes are left out: their hash is n_hashes, which nobody reads.
std::vector<Place> place_coordinates(Matrix<const int32_t> ranks, int64_t n_hashes) {
    const int64_t n_bins = (n_hashes + ranks.n_columns - 1) / ranks.n_columns;
    std::vector<Place> places;
    for (int64_t c = 0; c < ranks.n_rows; ++c) {
        for (int64_t p = 0; p < ranks.n_columns; ++p) {
            const int32_t rank = ranks.row(c)[p];
            const int64_t hash = p * n_bins + rank * n_bins / ranks.n_rows;
            places.push_back({static_cast<int32_t>(std::min(hash, n_hashes)), rank});
        }
    }
    return places;
}

// The number of coordinates in the set, which come first in `coordinates`.
int64_t select_top(const float* row, int64_t n_inputs, int64_t top_k, int32_t* coordinates) {
    int64_t n = 0;
    for (int64_t c = 0; c < n_inputs; ++c) {
        coordinates[n] = static_cast<int32_t>(c);
        n += row[c] < 0 || row[c] > 0;
    }
    if (n <= top_k) return n;
    std::nth_element(coordinates, coordinates + top_k, coordinates + n,
                     [row](int32_t a, int32_t b) { return row[a] > row[b] || (row[a] == row[b] && a < b); });
    return top_k;
}

void hash_row(const float* row, int64_t n_inputs, const std::vector<Place>& places, int64_t n_permutations,
              int64_t top_k, uint64_t borrow_seed, Workspace& work) {
    int32_t* lowest = work.hash_codes.data();
    std::fill(work.hash_codes.begin(), work.hash_codes.end(), kEmpty);
    const int64_t n = select_top(row, n_inputs, top_k, work.coordinates.data());
    for (int64_t i = 0; i < n; ++i) {
        const Place* place = places.data() + work.coordinates[i] * n_permutations;
        for (int64_t p = 0; p < n_permutations; ++p, ++place) {
            // as unsigned numbers, so that kEmpty is above every rank
            lowest[place->hash] = std::min<uint32_t>(lowest[place->hash], place->rank);
        }
    }
    borrow_codes(lowest, static_cast<int64_t>(work.hash_codes.size()) - 1, 1, borrow_seed);
}

}  // namespace

void doph_codes(Matrix<const float> rows, Matrix<const int32_t> ranks, int64_t top_k, int64_t n_hashes,
                uint64_t borrow_seed, BucketNumbering numbering, Matrix<int32_t> codes, int n_threads) {
    const int64_t n_inputs = rows.n_columns, hashes_per_table = n_hashes / codes.n_rows;
    const Workspace blank{std::vector<int32_t>(n_inputs + 1), std::vector<int32_t>(n_hashes + 1)};
    const std::vector<Place> places = place_coordinates(ranks, n_hashes);
    std::vector<Workspace> workspaces(n_threads, blank);
    parallel_for(n_threads, (rows.n_rows + kChunkRows - 1) / kChunkRows, [&](int64_t chunk, int worker) {
        Workspace& work = workspaces[worker];
        const int64_t end = std::min(rows.n_rows, (chunk + 1) * kChunkRows);
        for (int64_t i = chunk * kChunkRows; i < end; ++i) {
            hash_row(rows.row(i), n_inputs, places, ranks.n_columns, top_k, borrow_seed, work);
            const int32_t* code = work.hash_codes.data();
            for (int64_t t = 0; t < codes.n_rows; ++t) {
                uint32_t number = 0;
                for (int64_t k = 0; k < hashes_per_table; ++k) number = numbering.append(number, *code++);
                codes.row(t)[i] = bucket_of(numbering, number);
            }
        }
    });
}

}  // namespace slidelearn

// Rows are hashed kWidth at a time: a tile is transposed, so that a coordinate of all its rows is one vector, and the
// rows' contests are decided side by side without a branch.
#include "kernels/wta.h"

#include "borrow.h"
#include "kernels/simd.h"
#include "kernels/transposing.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kTilesPerChunk = 16;
constexpr int kUsualPlaces = 8;  // of a bin, by default

typedef uint32_t VecBits __attribute__((vector_size(kWidth * 4)));
typedef uint64_t VecWideBits __attribute__((vector_size(kWidth * 8)));

// tile (n_coordinates, kWidth) = rows [first, first + n_rows) transposed, line by line of the tile
void transpose_rows(Matrix<const float> rows, int64_t first, int64_t n_rows, float* tile) {
    int64_t c = 0;
    for (; n_rows == kWidth && c + 4 <= rows.n_columns; c += 4) {
        for (int i = 0; i < kWidth; i += 4) {
            transpose_block(rows.row(first + i) + c, rows.stride, tile + c * kWidth + i, kWidth);
        }
    }
    for (; c < rows.n_columns; ++c) {
        for (int64_t i = 0; i < n_rows; ++i) tile[c * kWidth + i] = rows.row(first + i)[c];
    }
}

void remove_zeros(float* tile, int64_t n_coordinates) {
    const Vec zero{}, missing = broadcast(-INFINITY);
    for (int64_t c = 0; c < n_coordinates; ++c) {
        const Vec x = load(tile + c * kWidth);
        store(tile + c * kWidth, x == zero ? missing : x);
    }
}

void prefetch_rows(Matrix<const float> rows, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
        for (int64_t c = 0; c < rows.n_columns; c += 16) prefetch(rows.row(i) + c);
    }
}

// winners (n_bins, kWidth): `unopposed` where no coordinate exceeds minus infinity. Bins have kPlaces places, unless
// that is 0: of a number known beforehand, places are constants in registers.
template <int kPlaces>
void decide(const float* tile, Matrix<const int32_t> bins, int32_t unopposed, int32_t* winners) {
    const int32_t n_places = kPlaces ? kPlaces : static_cast<int32_t>(bins.n_columns);
    for (int64_t h = 0; h < bins.n_rows; ++h) {
        const int32_t* bin = bins.row(h);
        Vec best = broadcast(-INFINITY);
        VecInt winner = VecInt{} + unopposed;
#pragma GCC unroll 8
        for (int32_t place = 0; place < n_places; ++place) {
            const Vec x = load(tile + bin[place] * kWidth);
            const VecInt wins = x > best;
            best = wins ? x : best;
            winner = wins ? VecInt{} + place : winner;
        }
        std::memcpy(winners + h * kWidth, &winner, sizeof winner);
    }
}

void borrow(int32_t* winners, int64_t n_bins, int64_t n_rows, uint64_t seed) {
    VecInt lowest{};
    for (int64_t h = 0; h < n_bins; ++h) {
        VecInt winner;
        std::memcpy(&winner, winners + h * kWidth, sizeof winner);
        lowest = winner < lowest ? winner : lowest;
    }
    for (int64_t i = 0; i < n_rows; ++i) {
        if (lowest[i] < 0) borrow_codes(winners + i, n_bins, kWidth, seed);
    }
}

// bucket_of() for a vector of numbers
VecBits buckets_of(const BucketNumbering& numbering, VecBits numbers) {
    if (!numbering.folded) return numbers;
    const VecWideBits mixed = __builtin_convertvector(mix32(numbers), VecWideBits);
    return __builtin_convertvector((mixed * numbering.n_buckets) >> 32, VecBits);
}

// codes of rows [first, first + n_rows); the winners of a table's hashes lie one after another
void number(const int32_t* winners, int64_t n_bins, BucketNumbering numbering, int64_t first, int64_t n_rows,
            Matrix<int32_t> codes) {
    const int64_t hashes_per_table = n_bins / codes.n_rows;
    for (int64_t t = 0; t < codes.n_rows; ++t) {
        VecBits number{};
        for (int64_t k = 0; k < hashes_per_table; ++k) {
            VecBits winner;
            std::memcpy(&winner, winners + (t * hashes_per_table + k) * kWidth, sizeof winner);
            number = number * numbering.base + winner;
        }
        const VecBits buckets = buckets_of(numbering, number);
        if (n_rows == kWidth) {
            std::memcpy(codes.row(t) + first, &buckets, sizeof buckets);
        } else {
            std::memcpy(codes.row(t) + first, &buckets, n_rows * 4);
        }
    }
}

}  // namespace

void wta_codes(Matrix<const float> rows, Matrix<const int32_t> bins, const uint64_t* borrow_seed,
               BucketNumbering numbering, Matrix<int32_t> codes, int n_threads) {
    auto* const decide_bins = bins.n_columns == kUsualPlaces ? &decide<kUsualPlaces> : &decide<0>;
    const int64_t chunk_rows = kTilesPerChunk * kWidth;
    const int64_t tile_size = rows.n_columns * kWidth, winners_size = bins.n_rows * kWidth;
    const Scratch tiles(n_threads * tile_size * 4), all_winners(n_threads * winners_size * 4);
    parallel_for(n_threads, (rows.n_rows + chunk_rows - 1) / chunk_rows, [&](int64_t chunk, int worker) {
        float* tile = tiles.floats() + worker * tile_size;
        int32_t* winners = all_winners.ints() + worker * winners_size;
        const int64_t end = smaller(rows.n_rows, (chunk + 1) * chunk_rows);
        for (int64_t first = chunk * chunk_rows; first < end; first += kWidth) {
            const int64_t n_rows = smaller(kWidth, end - first);
            transpose_rows(rows, first, n_rows, tile);
            if (borrow_seed) remove_zeros(tile, rows.n_columns);
            prefetch_rows(rows, first + kWidth, smaller(rows.n_rows, first + 2 * kWidth));
            decide_bins(tile, bins, borrow_seed ? kEmpty : 0, winners);
            if (borrow_seed) borrow(winners, bins.n_rows, n_rows, *borrow_seed);
            number(winners, bins.n_rows, numbering, first, n_rows, codes);
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

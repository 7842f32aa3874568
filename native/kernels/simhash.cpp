// Two thirds of the projection's elements are 0, and are multiplied all the same: a dense product runs at the machine's
// peak, which beats adding up the other third one by one. So does one row of it (450 hashes, a changed coordinate: 27
// to 42 ns, depending on the instruction set, against 70).
#include "kernels/simhash.h"

#include "kernels/matmul.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kChunkRows = 384;
constexpr int64_t kChunkFloats = 1 << 18;  // the projections of a chunk stay in the cache: 1 MB

// The codes of rows [first, first + projections.n_rows), whose projections these are; numbers (n_tables) is scratch.
void pack_signs(Matrix<const float> projections, const float* thresholds, BucketNumbering numbering, int64_t first,
                uint32_t* numbers, Matrix<int32_t> codes) {
    const int64_t n_tables = codes.n_rows;
    for (int64_t i = 0; i < projections.n_rows; ++i) {
        std::memset(numbers, 0, n_tables * 4);
        for (int64_t h = 0; h < projections.n_columns; h += n_tables) {
            const float *projected = projections.row(i) + h, *threshold = thresholds + h;
            for (int64_t t = 0; t < n_tables; ++t) {
                numbers[t] = numbering.append(numbers[t], projected[t] > threshold[t]);
            }
        }
        for (int64_t t = 0; t < n_tables; ++t) codes.row(t)[first + i] = bucket_of(numbering, numbers[t]);
    }
}

}  // namespace

void simhash_codes(Matrix<const float> rows, Matrix<const float> projection, const float* thresholds,
                   BucketNumbering numbering, Matrix<int32_t> codes, int n_threads) {
    const int64_t n_hashes = projection.n_columns;
    const int64_t chunk_rows = smaller(kChunkRows, ceil_div(kChunkFloats, n_hashes));
    const Scratch all_projections(n_threads * chunk_rows * n_hashes * 4), all_numbers(n_threads * codes.n_rows * 4);
    parallel_for(n_threads, ceil_div(rows.n_rows, chunk_rows), [&](int64_t chunk, int worker) {
        const int64_t first = chunk * chunk_rows, n_rows = smaller(chunk_rows, rows.n_rows - first);
        float* projections = all_projections.floats() + worker * chunk_rows * n_hashes;
        matmul({rows.row(first), rows.stride, 1}, {projection.data, projection.stride, 1}, kZeros, n_rows, n_hashes,
               rows.n_columns, {projections, n_rows, n_hashes, n_hashes}, Precision::fp32, 1);
        uint32_t* numbers = reinterpret_cast<uint32_t*>(all_numbers.ints()) + worker * codes.n_rows;
        pack_signs({projections, n_rows, n_hashes, n_hashes}, thresholds, numbering, first, numbers, codes);
    });
}

void sign_codes(Matrix<const float> projections, const float* thresholds, BucketNumbering numbering,
                Matrix<int32_t> codes, int n_threads) {
    const Scratch all_numbers(n_threads * codes.n_rows * 4);
    parallel_for(n_threads, ceil_div(projections.n_rows, kChunkRows), [&](int64_t chunk, int worker) {
        const int64_t first = chunk * kChunkRows, n_rows = smaller(kChunkRows, projections.n_rows - first);
        uint32_t* numbers = reinterpret_cast<uint32_t*>(all_numbers.ints()) + worker * codes.n_rows;
        pack_signs({projections.row(first), n_rows, projections.n_columns, projections.stride}, thresholds, numbering,
                   first, numbers, codes);
    });
}

void update_projections(Matrix<const float> rows, Matrix<const float> projection, Matrix<float> seen,
                        Matrix<float> projections, int n_threads) {
    parallel_for(n_threads, ceil_div(rows.n_rows, kChunkRows), [&](int64_t chunk, int) {
        const int64_t end = smaller(rows.n_rows, (chunk + 1) * kChunkRows);
        for (int64_t i = chunk * kChunkRows; i < end; ++i) {
            const float* row = rows.row(i);
            float* seen_row = seen.row(i);
            if (std::memcmp(row, seen_row, rows.n_columns * 4) == 0) continue;
            for (int64_t c = 0; c < rows.n_columns; ++c) {
                const float change = row[c] - seen_row[c];
                // all hashes, not only those that see this coordinate, for the reason given at the top
                if (change != 0) axpy(change, projection.row(c), projections.row(i), projection.n_columns);
                seen_row[c] = row[c];
            }
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

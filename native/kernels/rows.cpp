#include "kernels/rows.h"

#include "kernels/simd.h"
#include "kernels/unit_rows.h"
#include "kernels/update.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kChunk = 64;     // rows of work taken at a time
constexpr int64_t kColumns = 128;  // columns
constexpr int64_t kAhead = 6;      // rows asked for ahead of their visit

template <class Visit>
void for_rows(int n_threads, int64_t n, Visit&& visit) {
    parallel_for(n_threads, (n + kChunk - 1) / kChunk, [&](int64_t chunk, int) {
        const int64_t end = (chunk + 1) * kChunk < n ? (chunk + 1) * kChunk : n;
        for (int64_t i = chunk * kChunk; i < end; ++i) visit(i);
    });
}

}  // namespace

void gather_rows(Rows rows, const int32_t* ids, int64_t n, Matrix<float> weights, float* biases, float* norms,
                 int n_threads) {
    for_rows(n_threads, n, [&](int64_t i) {
        if (i + kAhead < n) prefetch_weights(rows, ids[i + kAhead]);
        const float* w = rows.weights(ids[i]);
        biases[i] = rows.tail(ids[i])[kBias];
        if (norms) {
            norms[i] = to_unit(w, weights.row(i), rows.width);
        } else {
            std::memcpy(weights.row(i), w, rows.width * sizeof(float));
        }
    });
}

void update_rows(Rows rows, const int32_t* ids, int64_t n, Matrix<const float> d_weights, const float* d_biases,
                 UpdateRule rule, int n_threads) {
    for_rows(n_threads, n, [&](int64_t i) {
        if (i + kAhead < n) prefetch_row(rows, ids[i + kAhead]);
        update_row(rows, ids[i], d_weights.row(i), 1.0f, d_biases[i], rule);
    });
}

void column_sums(Matrix<const float> x, float* sums, int n_threads) {
    parallel_for(n_threads, (x.n_columns + kColumns - 1) / kColumns, [&](int64_t chunk, int) {
        const int64_t first = chunk * kColumns, n = x.n_columns - first < kColumns ? x.n_columns - first : kColumns;
        std::memset(sums + first, 0, n * sizeof(float));
        for (int64_t i = 0; i < x.n_rows; ++i) axpy(1.0f, x.row(i) + first, sums + first, n);
    });
}

void unit_rows(Matrix<const float> x, Matrix<float> unit, float* norms, int n_threads) {
    for_rows(n_threads, x.n_rows, [&](int64_t i) { norms[i] = to_unit(x.row(i), unit.row(i), x.n_columns); });
}

void unit_rows_backward(Matrix<const float> unit, const float* norms, float scale, Matrix<float> d, int n_threads) {
    for_rows(n_threads, d.n_rows,
             [&](int64_t i) { unit_row_backward(unit.row(i), norms[i], scale, d.row(i), d.n_columns); });
}

}  // namespace slidelearn::SLIDELEARN_ISA

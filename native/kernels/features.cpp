#include "kernels/features.h"

#include "kernels/simd.h"
#include "kernels/update.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {
constexpr int64_t kSamples = 16;  // samples of work taken at a time
constexpr int64_t kColumns = 32;  // features
constexpr int64_t kAhead = 8;     // rows asked for ahead of their visit

}  // namespace

void features_forward(Csr x, Rows rows, const float* bias, Matrix<float> hidden, int n_threads) {
    parallel_for(n_threads, ceil_div(x.n_rows, kSamples), [&](int64_t chunk, int) {
        const int64_t last = x.end(smaller(x.n_rows, (chunk + 1) * kSamples) - 1);
        for (int64_t i = chunk * kSamples; i < smaller(x.n_rows, (chunk + 1) * kSamples); ++i) {
            const int64_t first = x.begin(i);
            const auto term = [&](int64_t t) { return Term{x.data[first + t], rows.weights(x.indices[first + t])}; };
            const auto ask = [&](int64_t t) {
                const int64_t entry = first + t + kAhead;
                if (entry < last) prefetch(rows.weights(x.indices[entry]), rows.width);
            };
            sum_terms(bias, x.length(i), term, ask, hidden.row(i), hidden.n_columns);
        }
    });
}

void features_backward(Columns columns, const float* x_data, Matrix<const float> d_hidden, Rows rows, UpdateRule rule,
                       int n_threads) {
    const int64_t n = columns.n;
    const Scratch gradients(n_threads * rows.padded() * sizeof(float));
    parallel_for(n_threads, ceil_div(n, kColumns), [&](int64_t chunk, int worker) {
        float* g = gradients.floats() + worker * rows.padded();
        for (int64_t c = chunk * kColumns; c < smaller(n, (chunk + 1) * kColumns); ++c) {
            if (c + kAhead < n) prefetch_row(rows, columns.ids[c + kAhead]);
            const int64_t first = columns.indptr[c];
            const auto term = [&](int64_t t) {
                return Term{x_data[columns.entries[first + t]], d_hidden.row(columns.rows[first + t])};
            };
            const auto ask = [](int64_t) {};  // what it reads is in cache
            sum_terms(nullptr, columns.indptr[c + 1] - first, term, ask, g, rows.width);
            update_row(rows, columns.ids[c], g, 1.0f, 0.0f, rule);
        }
    });
}

void features_backward_hogwild(Csr x, Matrix<const float> d_hidden, Rows rows, UpdateRule rule, int n_threads) {
    parallel_for(n_threads, ceil_div(x.n_rows, kSamples), [&](int64_t chunk, int) {
        for (int64_t i = chunk * kSamples; i < smaller(x.n_rows, (chunk + 1) * kSamples); ++i) {
            for (int64_t entry = x.begin(i); entry < x.end(i); ++entry) {
                if (entry + kAhead < x.end(i)) prefetch_row(rows, x.indices[entry + kAhead]);
                update_row(rows, x.indices[entry], d_hidden.row(i), x.data[entry], 0.0f, rule);
            }
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

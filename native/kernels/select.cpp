#include "kernels/select.h"

#include "kernels/best.h"
#include "kernels/matmul.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kLabels = 512;     // labels scored at a time
constexpr int64_t kPackingPays = 6;  // samples from which on a matrix product is quicker than a dot product for each

bool contains(const int32_t* list, int64_t n, int64_t wanted) {
    for (int64_t i = 0; i < n; ++i) {
        if (list[i] == wanted) return true;
    }
    return false;
}

}  // namespace

void top_others(LogitRows logits, const int32_t* ids, Matrix<int32_t> best, Matrix<float> scores, int n_threads) {
    parallel_for(n_threads, logits.n_rows, [&](int64_t i, int) {
        Best row{best.row(i), scores.row(i), best.n_columns};
        row.clear();
        const int32_t* row_ids = logits.indptr ? ids + logits.begin(i) : ids;
        const int32_t* own = logits.label_columns + logits.label_indptr[i];
        const int64_t n_own = logits.label_indptr[i + 1] - logits.label_indptr[i];
        const float* z = logits.data + logits.begin(i);
        const float bound =
            reached_by(best.n_columns + n_own, z, logits.length(i));  // by as many others, if not by own
        scan(z, logits.length(i), row, bound, [&](int64_t column, float score) {
            if (!contains(own, n_own, column)) row.offer(row_ids[column], score);
        });
    });
}

void exact_top_k(Rows rows, const float* scales, Matrix<const float> hidden, Matrix<int32_t> best, Matrix<float> scores,
                 int n_threads) {
    const int64_t n = hidden.n_rows, k = best.n_columns;
    const int64_t n_workers = n_threads;
    const Scratch products(n_workers * n * kLabels * sizeof(float));
    const Scratch all_ids(n_workers * n * k * sizeof(int32_t)), all_scores(n_workers * n * k * sizeof(float));
    auto best_of = [&](int64_t worker, int64_t i) {
        return Best{all_ids.ints() + (worker * n + i) * k, all_scores.floats() + (worker * n + i) * k, k};
    };
    for (int64_t i = 0; i < n_workers * n; ++i) best_of(0, i).clear();

    parallel_for(n_threads, (rows.n_rows + kLabels - 1) / kLabels, [&](int64_t block, int worker) {
        const int64_t first = block * kLabels;
        const int64_t n_labels = rows.n_rows - first < kLabels ? rows.n_rows - first : kLabels;
        const Matrix<float> logits{products.floats() + worker * n * kLabels, n, n_labels, n_labels};
        if (n < kPackingPays) {
            for (int64_t i = 0; i < n; ++i) {
                for (int64_t j = 0; j < n_labels; ++j) {
                    logits.row(i)[j] = dot(hidden.row(i), rows.weights(first + j), rows.width);
                }
            }
        } else {
            matmul({hidden.data, hidden.stride, 1}, {rows.weights(first), 1, rows.stride}, kZeros, n, n_labels,
                   rows.width, logits, Precision::fp32, 1);
        }
        for (int64_t i = 0; i < n; ++i) {
            float* z = logits.row(i);
            for (int64_t j = 0; j < n_labels; ++j) {
                z[j] = z[j] * (scales ? scales[first + j] : 1.0f) + rows.tail(first + j)[kBias];
            }
            Best row = best_of(worker, i);
            scan(z, n_labels, row, -INFINITY,
                 [&](int64_t j, float score) { row.offer(static_cast<int32_t>(first + j), score); });
        }
    });

    parallel_for(n_threads, n, [&](int64_t i, int) {
        Best row{best.row(i), scores.row(i), k};
        row.clear();
        for (int64_t worker = 0; worker < n_workers; ++worker) {
            const Best part = best_of(worker, i);
            for (int64_t j = 0; j < k && part.ids[j] >= 0; ++j) row.offer(part.ids[j], part.scores[j]);
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

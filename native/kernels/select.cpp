#include "kernels/select.h"

#include "kernels/matmul.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kLabels = 512;     // labels scored at a time
constexpr int64_t kPackingPays = 6;  // samples from which on a matrix product is quicker than a dot product for each
constexpr int64_t kSpare = 16;       // labels beyond the k best by rounded products that are looked at again
constexpr int64_t kStride = 64;      // scores looked at together: most stretches hold nothing good enough

#if defined(__AVX512BF16__)
constexpr bool kHasBf16 = true;
#else
constexpr bool kHasBf16 = false;
#endif

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// The k best of a stream of scored ids, best first; of equal scores the lower id is the better, so the order in which
// they are offered does not matter.
struct Best {
    int32_t* ids;
    float* scores;
    int64_t k;

    void clear() {
        for (int64_t i = 0; i < k; ++i) {
            ids[i] = -1;
            scores[i] = -INFINITY;
        }
    }
    bool admits(float score) const { return score >= scores[k - 1]; }
    void offer(int32_t id, float score) {
        int64_t i = k - 1;
        if (ids[i] >= 0 && !better(id, score, i)) return;
        for (; i > 0 && (ids[i - 1] < 0 || better(id, score, i - 1)); --i) {
            ids[i] = ids[i - 1];
            scores[i] = scores[i - 1];
        }
        ids[i] = id;
        scores[i] = score;
    }
    bool better(int32_t id, float score, int64_t i) const {
        return score > scores[i] || (score == scores[i] && id < ids[i]);
    }
};

// Calls offer(column, score) for all scores that `best` may admit.
template <class Offer>
void scan(const float* scores, int64_t n, const Best& best, Offer&& offer) {
    for (int64_t begin = 0; begin < n; begin += kStride) {
        const int64_t length = n - begin < kStride ? n - begin : kStride;
        if (!best.admits(largest(scores + begin, length))) continue;
        for (int64_t k = begin; k < begin + length; ++k) {
            if (best.admits(scores[k])) offer(k, scores[k]);
        }
    }
}

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
        scan(logits.data + logits.begin(i), logits.length(i), row, [&](int64_t column, float score) {
            if (!contains(own, n_own, column)) row.offer(row_ids[column], score);
        });
    });
}

void exact_top_k(Rows rows, const float* scales, Matrix<const float> hidden, Precision precision, Matrix<int32_t> best,
                 Matrix<float> scores, int n_threads) {
    const int64_t n = hidden.n_rows, k = best.n_columns;
    const bool rounded = kHasBf16 && precision == Precision::bf16 && n >= kPackingPays;
    const int64_t n_scanned = rounded ? smaller(rows.n_rows, k + kSpare) : k;
    const Scratch products(n_threads * n * kLabels * sizeof(float));
    const Scratch all_ids(n_threads * n * n_scanned * sizeof(int32_t));
    const Scratch all_scores(n_threads * n * n_scanned * sizeof(float));
    auto best_of = [&](int64_t worker, int64_t i) {
        const int64_t first = (worker * n + i) * n_scanned;
        return Best{all_ids.ints() + first, all_scores.floats() + first, n_scanned};
    };
    for (int64_t i = 0; i < n_threads * n; ++i) best_of(0, i).clear();
    auto logit = [&](float product, int64_t label) {
        return product * (scales ? scales[label] : 1.0f) + rows.tail(label)[kBias];
    };

    parallel_for(n_threads, (rows.n_rows + kLabels - 1) / kLabels, [&](int64_t block, int worker) {
        const int64_t first = block * kLabels, n_labels = smaller(kLabels, rows.n_rows - first);
        const Matrix<float> logits{products.floats() + worker * n * kLabels, n, n_labels, n_labels};
        if (n < kPackingPays) {
            for (int64_t i = 0; i < n; ++i) {
                for (int64_t j = 0; j < n_labels; ++j) {
                    logits.row(i)[j] = dot(hidden.row(i), rows.weights(first + j), rows.width);
                }
            }
        } else {
            matmul({hidden.data, hidden.stride, 1}, {rows.weights(first), 1, rows.stride}, nullptr, n, n_labels,
                   rows.width, logits, precision, 1);
        }
        for (int64_t i = 0; i < n; ++i) {
            float* z = logits.row(i);
            for (int64_t j = 0; j < n_labels; ++j) z[j] = logit(z[j], first + j);
            Best row = best_of(worker, i);
            scan(z, n_labels, row, [&](int64_t j, float score) { row.offer(static_cast<int32_t>(first + j), score); });
        }
    });

    parallel_for(n_threads, n, [&](int64_t i, int) {
        Best row{best.row(i), scores.row(i), k};
        row.clear();
        for (int64_t worker = 0; worker < n_threads; ++worker) {
            const Best part = best_of(worker, i);
            for (int64_t j = 0; j < n_scanned && part.ids[j] >= 0; ++j) {
                const int32_t id = part.ids[j];
                row.offer(id, rounded ? logit(dot(hidden.row(i), rows.weights(id), rows.width), id) : part.scores[j]);
            }
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

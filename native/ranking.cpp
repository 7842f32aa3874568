#include "ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "thread_pool.h"

namespace slidelearn {

void label_evidence(Matrix<const int32_t> ids, Matrix<const float> logits, const float* margins,
                    Matrix<const float> votes, const float* counts, float* evidence, int n_threads) {
    const int64_t m = ids.n_columns;
    parallel_for(n_threads, ids.n_rows, [&](int64_t row, int) {
        const int32_t* labels = ids.row(row);
        float highest = -std::numeric_limits<float>::infinity();
        for (int64_t j = 0; j < m; ++j)
            if (labels[j] >= 0) highest = std::max(highest, logits.row(row)[j]);
        double sum = 0.0;
        for (int64_t j = 0; j < m; ++j)
            if (labels[j] >= 0) sum += std::exp(logits.row(row)[j] - highest);
        const float above_all = highest + static_cast<float>(std::log(sum));
        float* of_label = evidence + row * m * kEvidence;
        for (int64_t j = 0; j < m; ++j, of_label += kEvidence) {
            std::fill_n(of_label, kEvidence, 0.0f);
            if (labels[j] < 0) continue;
            of_label[0] = logits.row(row)[j] - above_all;
            if (margins) of_label[1] = margins[row * m + j];
            of_label[2] = std::sqrt(votes.row(row)[j]);
            of_label[3] = std::log1p(counts[labels[j]]);
        }
    });
}

void best_places(Matrix<const int32_t> ids, Matrix<const float> scores, Matrix<int64_t> places, int n_threads) {
    parallel_for(n_threads, ids.n_rows, [&](int64_t row, int) {
        thread_local std::vector<int64_t> order;
        order.resize(ids.n_columns);
        const auto rank = [&](int64_t j) {  // what is no number ranks below all numbers, what is no label below that
            if (ids.row(row)[j] < 0) return 2;
            return std::isnan(scores.row(row)[j]) ? 1 : 0;
        };
        const auto better = [&](int64_t a, int64_t b) {
            const int of_a = rank(a), of_b = rank(b);
            if (of_a != of_b) return of_a < of_b;
            if (of_a == 0 && scores.row(row)[a] != scores.row(row)[b]) return scores.row(row)[a] > scores.row(row)[b];
            return a < b;
        };
        std::iota(order.begin(), order.end(), int64_t{0});
        const auto end = order.begin() + places.n_columns;
        std::partial_sort(order.begin(), end, order.end(), better);
        std::copy(order.begin(), end, places.row(row));
    });
}

}  // namespace slidelearn

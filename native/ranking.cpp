#include "ranking.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
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

namespace {

// A place in a list in one word, the smaller the better: higher scores first, then what is no number, then what is no
// label; of equal ones the first.
uint64_t in_order(int32_t id, float score, int64_t place) {
    uint32_t rank = std::numeric_limits<uint32_t>::max();
    if (id >= 0 && std::isnan(score)) {
        --rank;
    } else if (id >= 0) {
        score += 0.0f;  // 0 and -0 are equal
        uint32_t bits;
        std::memcpy(&bits, &score, sizeof bits);
        rank = bits >> 31 ? bits : ~(bits | 1u << 31);
    }
    return uint64_t{rank} << 32 | static_cast<uint32_t>(place);
}

}  // namespace

void best_places(Matrix<const int32_t> ids, Matrix<const float> scores, Matrix<int64_t> places, int n_threads) {
    parallel_for(n_threads, ids.n_rows, [&](int64_t row, int) {
        thread_local std::vector<uint64_t> order;
        order.resize(ids.n_columns);
        for (int64_t j = 0; j < ids.n_columns; ++j) order[j] = in_order(ids.row(row)[j], scores.row(row)[j], j);
        std::partial_sort(order.begin(), order.begin() + places.n_columns, order.end());
        for (int64_t j = 0; j < places.n_columns; ++j) places.row(row)[j] = static_cast<uint32_t>(order[j]);
    });
}

}  // namespace slidelearn

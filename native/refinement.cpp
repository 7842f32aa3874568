#include "refinement.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/perceptron.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr float kLeast = 1e-3f;  // added before a logarithm is taken

float probability(float log_odds) { return 1.0f / (1.0f + std::exp(-log_odds)); }

// What one thread needs for a list.
struct Workspace {
    std::vector<int32_t> place;  // by label: where it stands in the list, or -1; all -1 between lists
    std::vector<float> support, inputs, hidden, found;
};

// The labels' support, in the order of the list. False if a row of `partners` is damaged.
bool find_support(const Lists& lists, int64_t row, const Csr& partners, Workspace& work) {
    const int32_t* labels = lists.ids.row(row);
    const float* log_odds = lists.log_odds.row(row);
    const int64_t m = lists.ids.n_columns;
    work.support.assign(m, 0.0f);
    for (int64_t j = 0; j < m; ++j)
        if (labels[j] >= 0) work.place[labels[j]] = static_cast<int32_t>(j);
    bool sound = true;
    for (int64_t k = 0; k < m; ++k) {
        if (labels[k] < 0) continue;
        if (!partners.has_sound_row(labels[k], partners.n_rows)) {
            sound = false;
            continue;
        }
        if (partners.length(labels[k]) == 0) continue;
        const float certainty = probability(log_odds[k]);
        for (int64_t e = partners.begin(labels[k]); e < partners.end(labels[k]); ++e) {
            const int32_t j = work.place[partners.indices[e]];
            if (j >= 0) work.support[j] += certainty * partners.data[e];
        }
    }
    for (int64_t j = 0; j < m; ++j)
        if (labels[j] >= 0) work.place[labels[j]] = -1;
    return sound;
}

// The number of right labels to expect at the places of one list.
float expected(const Lists& lists, int64_t row, Matrix<const int64_t> places) {
    float sum = 0.0f;
    for (int64_t k = 0; k < places.n_columns; ++k) {
        const int64_t place = places.row(row)[k];
        if (lists.ids.row(row)[place] >= 0) sum += probability(lists.log_odds.row(row)[place]);
    }
    return sum;
}

// The inputs at the places of one list, lists.n_inputs() for each.
bool find_inputs(const Lists& lists, int64_t row, Matrix<const int64_t> places, const Csr& partners, Workspace& work,
                 float* inputs) {
    const bool sound = find_support(lists, row, partners, work);
    const float of_list = std::log(expected(lists, row, places) + kLeast);
    for (int64_t k = 0; k < places.n_columns; ++k) {
        const int64_t place = places.row(row)[k];
        const float* evidence = lists.evidence + (row * lists.ids.n_columns + place) * lists.n_evidence;
        inputs = std::copy_n(evidence, lists.n_evidence, inputs);
        *inputs++ = std::log(work.support[place] + kLeast);
        *inputs++ = of_list;
    }
    return sound;
}

// Calls visit(row, workspace), which says whether all was sound, for every list.
template <class Visit>
bool for_lists(const Lists& lists, int64_t n_labels, int n_threads, Visit&& visit) {
    std::atomic<bool> sound{true};
    parallel_for(n_threads, lists.ids.n_rows, [&](int64_t row, int) {
        thread_local Workspace work;
        if (static_cast<int64_t>(work.place.size()) < n_labels) work.place.assign(n_labels, -1);
        if (!visit(row, work)) sound = false;
    });
    return sound;
}

}  // namespace

bool refinement_inputs(const Lists& lists, Matrix<const int64_t> places, Csr partners, float* inputs, int n_threads) {
    return for_lists(lists, partners.n_rows, n_threads, [&](int64_t row, Workspace& work) {
        float* const its = inputs + row * places.n_columns * lists.n_inputs();
        return find_inputs(lists, row, places, partners, work, its);
    });
}

bool refine(const Lists& lists, Matrix<const int64_t> places, Csr partners, const PerceptronView& perceptron,
            Matrix<float> refined, int n_threads) {
    const int64_t m = lists.ids.n_columns, n_inputs = lists.n_inputs();
    return for_lists(lists, partners.n_rows, n_threads, [&](int64_t row, Workspace& work) {
        work.inputs.resize(places.n_columns * n_inputs);
        work.hidden.resize(perceptron.hidden.n_columns);
        work.found.resize(places.n_columns);
        const bool sound = find_inputs(lists, row, places, partners, work, work.inputs.data());
        SLIDELEARN_CALL(perceptron_log_odds, perceptron, {work.inputs.data(), places.n_columns, n_inputs, n_inputs},
                        work.hidden.data(), work.found.data());
        constexpr float kInfinity = std::numeric_limits<float>::infinity();
        float* const odds = refined.row(row);
        std::copy_n(lists.log_odds.row(row), m, odds);
        for (int64_t k = 0; k < places.n_columns; ++k) odds[places.row(row)[k]] = -kInfinity;
        float best_other = -kInfinity;
        for (int64_t j = 0; j < m; ++j)
            if (lists.ids.row(row)[j] >= 0) best_other = std::max(best_other, odds[j]);
        float least = kInfinity;
        for (const float found : work.found) least = std::min(least, found);
        const float excess = places.n_columns > 0 ? std::max(best_other - least, 0.0f) : 0.0f;
        for (int64_t j = 0; j < m; ++j) odds[j] -= excess;
        for (int64_t k = 0; k < places.n_columns; ++k) odds[places.row(row)[k]] = work.found[k];
        return sound;
    });
}

}  // namespace slidelearn

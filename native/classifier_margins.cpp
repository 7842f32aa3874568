// Asking classifiers: a sample's few features are looked up among a label's weights, by bisection.
#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "classifiers.h"
#include "thread_pool.h"
#include "transpose.h"

namespace slidelearn {

namespace {

constexpr int64_t kChunk = 64;  // margins of work taken at a time

// Several features take their steps together, so that none waits for memory alone. Unsorted weights do no harm.
float product(const Csr& x, int64_t sample, const Csr& weights, int64_t label) {
    constexpr int64_t kTogether = 32;
    const int32_t* const features = weights.indices + weights.begin(label);
    const float* const values = weights.data + weights.begin(label);
    float sum = 0.0f;
    for (int64_t e = x.begin(sample); e < x.end(sample); e += kTogether) {
        const int32_t* const wanted = x.indices + e;
        const int64_t n_wanted = std::min(kTogether, x.end(sample) - e);
        int64_t places[kTogether] = {};
        for (int64_t n = weights.length(label); n > 1;) {
            const int64_t half = n / 2;
            for (int64_t i = 0; i < n_wanted; ++i)
                places[i] += half & -int64_t{features[places[i] + half - 1] < wanted[i]};
            n -= half;
        }
        for (int64_t i = 0; i < n_wanted; ++i) {
            const float match = features[places[i]] == wanted[i];
            sum += x.data[e + i] * values[places[i]] * match;
        }
    }
    return sum;
}

}  // namespace

// Label by label, not sample by sample: the weights of a label that many samples ask are still in cache for the next.
bool classifier_margins(Csr x, Matrix<const int32_t> ids, ClassifierRows classifiers, Matrix<float> margins,
                        int n_threads) {
    const Csr& weights = classifiers.weights;
    const int64_t n_all = ids.n_rows * ids.n_columns, nobody = weights.n_rows;
    std::fill_n(margins.data, n_all, -std::numeric_limits<float>::infinity());
    std::vector<int32_t> labels(n_all);  // -1 as a label after all others
    for (int64_t entry = 0; entry < n_all; ++entry)
        labels[entry] = ids.data[entry] < 0 ? static_cast<int32_t>(nobody) : ids.data[entry];
    const int64_t one_row[] = {0, n_all};
    const Transposed by_label({one_row, labels.data(), nullptr, 1});
    const int32_t* const asked = by_label.columns().entries;
    const int64_t n = n_all - std::count(labels.begin(), labels.end(), nobody);
    std::atomic<bool> sound{true};
    parallel_for(n_threads, (n + kChunk - 1) / kChunk, [&](int64_t chunk, int) {
        for (int64_t a = chunk * kChunk; a < std::min(n, (chunk + 1) * kChunk); ++a) {
            const int64_t entry = asked[a];
            const int32_t label = labels[entry];
            if (!weights.has_row(label)) {
                sound = false;
                continue;
            }
            margins.data[entry] = classifiers.biases[label];
            if (weights.length(label) > 0) margins.data[entry] += product(x, entry / ids.n_columns, weights, label);
        }
    });
    return sound;
}

}  // namespace slidelearn

// Asking classifiers: the features of a label's samples are looked up among its weights, by bisection where these are
// few, and else in all of its weights, written out.
#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "classifiers.h"
#include "thread_pool.h"
#include "transpose.h"

namespace slidelearn {

namespace {

constexpr int64_t kLabelsTogether = 8;  // a chunk of work

// Several features take their steps together, so that none waits for memory alone. Unsorted weights do no harm.
float product(const Csr& x, int64_t sample, const Csr& weights, int64_t label) {
    constexpr int64_t kTogether = 32;
    const int32_t* const features = weights.indices + weights.begin(label);
    const float* const values = weights.data + weights.begin(label);
    float sum = 0.0f;
    if (weights.length(label) == 0) return sum;
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
            const float weight = features[places[i]] == wanted[i] ? values[places[i]] : 0.0f;
            sum += x.data[e + i] * weight;
        }
    }
    return sum;
}

// The weights of a label by feature, in `all_weights` (n_features), which is 0 before and after.
class WrittenOut {
  public:
    WrittenOut(const Csr& weights, int64_t label, float* all_weights)
        : weights_(weights), label_(label), all_weights_(all_weights) {
        for (int64_t e = weights.begin(label); e < weights.end(label); ++e)
            all_weights[weights.indices[e]] = weights.data[e];
    }
    ~WrittenOut() {
        for (int64_t e = weights_.begin(label_); e < weights_.end(label_); ++e)
            all_weights_[weights_.indices[e]] = 0.0f;
    }
    WrittenOut(const WrittenOut&) = delete;
    WrittenOut& operator=(const WrittenOut&) = delete;

    float product(const Csr& x, int64_t sample) const {
        float sum = 0.0f;
        for (int64_t e = x.begin(sample); e < x.end(sample); ++e) sum += x.data[e] * all_weights_[x.indices[e]];
        return sum;
    }

  private:
    const Csr& weights_;
    int64_t label_;
    float* all_weights_;
};

// Whether n_weights are written out, and cleared again, in less time than n_wanted features take by bisection.
bool worth_writing(int64_t n_weights, int64_t n_wanted) {
    constexpr int64_t kWrittenForStep = 2;
    int64_t steps = 0;
    while (n_weights >> steps > 1) ++steps;
    return kWrittenForStep * n_wanted * steps > n_weights;
}

}  // namespace

// Label by label, not sample by sample: what has been read of a label serves all samples that ask it.
bool classifier_margins(Csr x, int64_t n_features, Matrix<const int32_t> ids, ClassifierRows classifiers,
                        Matrix<float> margins, int n_threads) {
    const Csr& weights = classifiers.weights;
    const int64_t n_all = ids.n_rows * ids.n_columns;
    const auto nobody = static_cast<int32_t>(weights.n_rows);
    std::fill_n(margins.data, n_all, -std::numeric_limits<float>::infinity());
    std::vector<int32_t> labels(n_all);
    for (int64_t entry = 0; entry < n_all; ++entry) labels[entry] = ids.data[entry] < 0 ? nobody : ids.data[entry];
    std::vector<int64_t> indptr(ids.n_rows + 1);
    for (int64_t i = 0; i <= ids.n_rows; ++i) indptr[i] = i * ids.n_columns;
    const Transposed by_label({indptr.data(), labels.data(), nullptr, ids.n_rows});
    const Columns asked = by_label.columns();
    // A place for each feature is cleared first: not for a few samples.
    const bool are_many = x.n_entries() * ids.n_columns >= n_features;
    std::vector<std::vector<float>> all_weights(n_threads);
    std::atomic<bool> sound{true};
    parallel_for(n_threads, (asked.n + kLabelsTogether - 1) / kLabelsTogether, [&](int64_t chunk, int worker) {
        for (int64_t c = chunk * kLabelsTogether; c < std::min(asked.n, (chunk + 1) * kLabelsTogether); ++c) {
            const int32_t label = asked.ids[c];
            if (label == nobody) continue;
            int64_t n_wanted = 0;
            for (int64_t a = asked.indptr[c]; a < asked.indptr[c + 1]; ++a) n_wanted += x.length(asked.rows[a]);
            if (!weights.has_row(label)) {
                sound = false;
                continue;
            }
            const auto answer = [&](auto&& product) {
                for (int64_t a = asked.indptr[c]; a < asked.indptr[c + 1]; ++a)
                    margins.data[asked.entries[a]] = classifiers.biases[label] + product(asked.rows[a]);
            };
            if (!are_many || !worth_writing(weights.length(label), n_wanted)) {
                answer([&](int64_t sample) { return product(x, sample, weights, label); });
            } else if (weights.has_sound_row(label, n_features)) {
                all_weights[worker].resize(n_features);
                const WrittenOut written(weights, label, all_weights[worker].data());
                answer([&](int64_t sample) { return written.product(x, sample); });
            } else {
                sound = false;
            }
        }
    });
    return sound;
}

}  // namespace slidelearn

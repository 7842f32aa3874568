// Asking classifiers: few features among many weights are looked up, else all weights are gone through.
#include <algorithm>
#include <atomic>
#include <limits>
#include <new>
#include <vector>

#include "classifiers.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

bool few(int64_t n_features, int64_t n_weights) { return n_features * 16 < n_weights; }

// Labels whose weights a sample's features are looked up in, by bisection. Weights lie anywhere in a large array, and
// each step of a bisection waits for memory: so several labels and features take their steps together.
class Lookups {
  public:
    static constexpr int64_t kLabels = 8, kFeatures = 32;

    bool full() const { return n_ == kLabels; }

    void add(const Csr& weights, int64_t label, float* margin) {
        searches_[n_++] = {weights.indices + weights.begin(label),
                           weights.data + weights.begin(label),
                           weights.length(label),
                           margin,
                           {}};
    }

    // Adds the products to the margins.
    void finish(const Csr& x, int64_t sample) {
        for (int64_t e = x.begin(sample); e < x.end(sample); e += kFeatures) {
            find(x.indices + e, x.data + e, std::min(kFeatures, x.end(sample) - e));
        }
        n_ = 0;
    }

  private:
    struct Search {
        const int32_t* features;
        const float* values;
        int64_t length;
        float* margin;
        int64_t places[kFeatures];
    };

    void find(const int32_t* wanted, const float* factors, int64_t n_wanted) {
        int64_t left[kLabels];
        bool any_left = false;
        for (int64_t l = 0; l < n_; ++l) {
            left[l] = searches_[l].length;
            std::fill_n(searches_[l].places, n_wanted, 0);
            any_left |= left[l] > 1;
        }
        while (any_left) {
            any_left = false;
            for (int64_t l = 0; l < n_; ++l) {
                const int64_t half = left[l] / 2;
                if (half == 0) continue;
                const int32_t* features = searches_[l].features + half - 1;
                int64_t* places = searches_[l].places;
                for (int64_t i = 0; i < n_wanted; ++i) places[i] += half & -int64_t{features[places[i]] < wanted[i]};
                left[l] -= half;
                any_left |= left[l] > 1;
            }
        }
        for (int64_t l = 0; l < n_; ++l) {
            const Search& s = searches_[l];
            for (int64_t i = 0; i < n_wanted; ++i) {
                if (s.features[s.places[i]] == wanted[i]) *s.margin += factors[i] * s.values[s.places[i]];
            }
        }
    }

    Search searches_[kLabels];
    int64_t n_ = 0;
};

// Several sums, for one would wait for itself.
float product(const Csr& weights, int64_t label, const std::vector<float>& dense) {
    constexpr int kSums = 4;
    float sums[kSums] = {};
    int64_t e = weights.begin(label);
    for (; e + kSums <= weights.end(label); e += kSums) {
        for (int s = 0; s < kSums; ++s) sums[s] += weights.data[e + s] * dense[weights.indices[e + s]];
    }
    for (; e < weights.end(label); ++e) sums[0] += weights.data[e] * dense[weights.indices[e]];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// A sample's features written out, zeros between them. As wide as X, so it is kept from one batch to the next.
std::vector<float>& dense_of_this_thread(int64_t n_features) {
    thread_local std::vector<float> kept;
    if (static_cast<int64_t>(kept.size()) < n_features) kept.assign(n_features, 0.0f);
    return kept;
}

// Whether the classifiers were found to be sound.
bool margins_of(const Csr& x, int64_t n_features, int64_t sample, const int32_t* ids, int64_t n_ids,
                const ClassifierRows& classifiers, const std::vector<float>& dense, float* margins) {
    const Csr& weights = classifiers.weights;
    bool sound = true;
    Lookups lookups;
    for (int64_t j = 0; j < n_ids; ++j) {
        const int32_t label = ids[j];
        margins[j] = label < 0 ? -std::numeric_limits<float>::infinity() : classifiers.biases[label];
        if (label < 0) continue;
        if (!weights.has_row(label)) {
            sound = false;
        } else if (few(x.length(sample), weights.length(label))) {
            lookups.add(weights, label, &margins[j]);
            if (lookups.full()) lookups.finish(x, sample);
        } else if (weights.has_sound_row(label, n_features)) {
            margins[j] += product(weights, label, dense);
        } else {
            sound = false;
        }
    }
    lookups.finish(x, sample);
    return sound;
}

}  // namespace

bool classifier_margins(Csr x, int64_t n_features, Matrix<const int32_t> ids, ClassifierRows classifiers,
                        Matrix<float> margins, int n_threads) {
    std::atomic<bool> out_of_memory{false}, sound{true};
    parallel_for(n_threads, x.n_rows, [&](int64_t sample, int) {
        try {
            std::vector<float>& dense = dense_of_this_thread(n_features);
            for (int64_t e = x.begin(sample); e < x.end(sample); ++e) dense[x.indices[e]] += x.data[e];
            if (!margins_of(x, n_features, sample, ids.row(sample), ids.n_columns, classifiers, dense,
                            margins.row(sample))) {
                sound = false;
            }
            for (int64_t e = x.begin(sample); e < x.end(sample); ++e) dense[x.indices[e]] = 0.0f;
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
        }
    });
    if (out_of_memory) throw std::bad_alloc();
    return sound;
}

}  // namespace slidelearn

#include "classifiers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "random.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Samples whose memory is asked for before their turn: the order is a random one, and the entries of a label with
// thousands of samples lie beyond the first cache.
constexpr int64_t kAhead = 2, kRowsAhead = 4;

using Weight = ToldClassifiers::Weight;

// A value of a sample, its feature by the number that it has in the problem.
struct Entry {
    int32_t number;
    float value;
};

// All that a visit needs to know lies side by side.
struct Sample {
    int64_t begin;  // of its entries
    int32_t n_entries;
    float sign;  // 1 for the positive ones, -1 for the others
    double dual;
    double inverse_curvature;
};

// The problem of one label, in the numbers of those features alone that its samples have: small, so that it stays in
// cache however many features there are.
class Problem {
  public:
    explicit Problem(int64_t n_features) : number_of_(n_features, -1), features_(n_features + 1) {}

    // `diagonal`: what the loss adds to a dual's curvature.
    void set(const Csr& x, const Csr& positives, const Csr& negatives, const LearntClassifiers* former, int64_t label,
             double diagonal) {
        for (int64_t number = 0; number < n_numbers_; ++number) number_of_[features_[number]] = -1;
        n_numbers_ = 0;
        diagonal_ = diagonal;
        samples_.clear();
        n_entries_ = 0;
        add(x, positives, label, 1.0f);
        add(x, negatives, label, -1.0f);
        weights_.assign(n_numbers_, 0.0f);
        curvatures_.assign(n_numbers_, 1.0f);
        bias_ = 0.0;
        bias_curvature_ = bias_feature_ = 1.0;
        if (former) start_from(*former, label);
    }

    void solve(const ClassifierRule& rule, uint64_t label) {
        const int64_t n = static_cast<int64_t>(samples_.size());
        order_.resize(n);
        for (int64_t i = 0; i < n; ++i) order_[i] = static_cast<int32_t>(i);
        // Samples whose dual stays at 0 are left out, until those left have converged; then all are looked at again.
        int64_t n_active = n;
        double left_out_above = kInfinity;
        uint64_t n_draws = 0;
        for (int64_t pass = 0; pass < rule.max_passes; ++pass) {
            double highest = -kInfinity, lowest = kInfinity;  // of the projected gradients
            for (int64_t k = 0; k < n_active; ++k) {
                std::swap(order_[k],
                          order_[k + random_below(rule.seed, label, n_draws++, static_cast<uint32_t>(n_active - k))]);
            }
            for (int64_t k = 0; k < n_active;) {
                if (k + kAhead < n_active) __builtin_prefetch(&entries_[samples_[order_[k + kAhead]].begin]);
                Sample& sample = samples_[order_[k]];
                double gradient = sample.sign * margin(sample) - 1.0 + sample.dual * diagonal_;
                if (sample.dual == 0.0 && gradient > 0.0) {
                    if (gradient > left_out_above) {
                        std::swap(order_[k], order_[--n_active]);
                        continue;
                    }
                    gradient = 0.0;
                }
                highest = std::max(highest, gradient);
                lowest = std::min(lowest, gradient);
                if (gradient != 0.0) {
                    const double dual = std::max(sample.dual - gradient * sample.inverse_curvature, 0.0);
                    add_to_weights(sample, sample.sign * (dual - sample.dual));
                    sample.dual = dual;
                }
                ++k;
            }
            if (highest - lowest > rule.tolerance) {
                left_out_above = highest > 0.0 ? highest : kInfinity;
            } else if (n_active < n) {
                n_active = n;
                left_out_above = kInfinity;
            } else {
                break;
            }
        }
    }

    // The curvatures rise by that of the losses that are not 0; units are those of the features again.
    void settle() {
        gains_.assign(n_numbers_, 0.0f);
        const float per_sample = static_cast<float>(1.0 / diagonal_);
        int64_t n_told = 0;
        for (const Sample& sample : samples_) {
            if (sample.dual == 0.0) continue;
            const Entry* entry = entries_.data() + sample.begin;
            for (const Entry* const end = entry + sample.n_entries; entry < end; ++entry)
                gains_[entry->number] += per_sample * entry->value * entry->value;
            ++n_told;
        }
        for (int64_t number = 0; number < n_numbers_; ++number) {
            weights_[number] /= std::sqrt(curvatures_[number]);
            curvatures_[number] *= 1.0f + gains_[number];
        }
        bias_ *= bias_feature_;
        bias_curvature_ += static_cast<double>(n_told) / diagonal_;
    }

    // The weights by ascending feature; those below the threshold are 0, or left out where there are no former ones.
    std::vector<Weight> told(float threshold, bool has_former) const {
        std::vector<Weight> told;
        for (int64_t number = 0; number < n_numbers_; ++number) {
            const float weight = std::abs(weights_[number]) >= threshold ? weights_[number] : 0.0f;
            if (has_former || weight != 0.0f) told.push_back({features_[number], weight, curvatures_[number]});
        }
        std::sort(told.begin(), told.end(), [](const Weight& a, const Weight& b) { return a.feature < b.feature; });
        return told;
    }
    float bias() const { return static_cast<float>(bias_); }
    float bias_curvature() const { return static_cast<float>(bias_curvature_); }

  private:
    // A new one, where the feature has none yet; without a branch, for no one can tell which features are new.
    int32_t number_of(int32_t feature) {
        int32_t& known = number_of_[feature];
        const int32_t number = known < 0 ? static_cast<int32_t>(n_numbers_) : known;
        known = number;
        features_[n_numbers_] = feature;
        n_numbers_ += number == n_numbers_;
        return number;
    }

    // From here on weights are in units of their uncertainty, and features in the inverse ones: so the regulariser is
    // that of a first training, and so is all that follows.
    void start_from(const LearntClassifiers& former, int64_t label) {
        const Csr& weights = former.rows.weights;
        for (int64_t e = weights.begin(label); e < weights.end(label); ++e) {
            const int32_t number = number_of_[weights.indices[e]];
            if (number < 0) continue;
            curvatures_[number] = former.curvatures[e];
            weights_[number] = weights.data[e] * std::sqrt(former.curvatures[e]);
        }
        bias_curvature_ = former.bias_curvatures[label];
        bias_feature_ = 1.0 / std::sqrt(bias_curvature_);
        bias_ = former.rows.biases[label] / bias_feature_;
        for (Sample& sample : samples_) {
            double curvature = diagonal_ + bias_feature_ * bias_feature_;
            Entry* entry = entries_.data() + sample.begin;
            for (const Entry* const end = entry + sample.n_entries; entry < end; ++entry) {
                entry->value /= std::sqrt(curvatures_[entry->number]);
                curvature += double{entry->value} * entry->value;
            }
            sample.inverse_curvature = 1.0 / curvature;
        }
    }

    void add(const Csr& x, const Csr& samples, int64_t label, float sign) {
        int64_t n_entries = n_entries_;
        for (int64_t s = samples.begin(label); s < samples.end(label); ++s) n_entries += x.length(samples.indices[s]);
        if (n_entries > static_cast<int64_t>(entries_.size())) entries_.resize(n_entries);
        Entry* entry = entries_.data() + n_entries_;
        for (int64_t s = samples.begin(label); s < samples.end(label); ++s) {
            if (s + kRowsAhead < samples.end(label)) {
                const int64_t begin = x.begin(samples.indices[s + kRowsAhead]);
                __builtin_prefetch(x.indices + begin);
                __builtin_prefetch(x.data + begin);
            }
            const int64_t row = samples.indices[s];
            double curvature = diagonal_ + 1.0;  // 1: that of the bias's feature
            for (int64_t e = x.begin(row); e < x.end(row); ++e) {
                const float value = x.data[e];
                *entry++ = {number_of(x.indices[e]), value};
                curvature += double{value} * value;
            }
            samples_.push_back({n_entries_, static_cast<int32_t>(x.length(row)), sign, 0.0, 1.0 / curvature});
            n_entries_ += x.length(row);
        }
    }

    // Four sums, so that no addition waits for the one before it.
    double margin(const Sample& sample) const {
        const Entry* entry = entries_.data() + sample.begin;
        const Entry* const end = entry + sample.n_entries;
        const float* w = weights_.data();
        float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
        for (; entry + 4 <= end; entry += 4) {
            s0 += w[entry[0].number] * entry[0].value;
            s1 += w[entry[1].number] * entry[1].value;
            s2 += w[entry[2].number] * entry[2].value;
            s3 += w[entry[3].number] * entry[3].value;
        }
        for (; entry < end; ++entry) s0 += w[entry->number] * entry->value;
        return bias_ * bias_feature_ + double{(s0 + s1) + (s2 + s3)};
    }

    void add_to_weights(const Sample& sample, double step) {
        bias_ += step * bias_feature_;
        const Entry* entry = entries_.data() + sample.begin;
        const float change = static_cast<float>(step);
        for (const Entry* const end = entry + sample.n_entries; entry < end; ++entry)
            weights_[entry->number] += change * entry->value;
    }

    std::vector<int32_t> number_of_;  // by feature: its number in this problem, or -1
    std::vector<int32_t> features_;   // by number; one more than there are features, for number_of() writes ahead
    int64_t n_numbers_ = 0;
    std::vector<Entry> entries_;  // as large as the largest problem so far
    int64_t n_entries_ = 0;
    std::vector<Sample> samples_;  // the positive ones first
    std::vector<int32_t> order_;
    std::vector<float> weights_, curvatures_, gains_;  // by number
    double bias_ = 0.0;                                // the weight of a feature that is alike for all samples
    double bias_feature_ = 1.0;
    double bias_curvature_ = 1.0;
    double diagonal_ = 0.0;
};

// Calls take(feature, weight, curvature) for all weights of a label, by ascending feature.
template <class Take>
void join(const std::vector<Weight>& told, const LearntClassifiers* former, int64_t label, Take take) {
    auto next = told.begin();
    const auto take_told = [&] {
        if (next->value != 0.0f) take(next->feature, next->value, next->curvature);
        ++next;
    };
    const Csr rows = former ? former->rows.weights : Csr{};
    for (int64_t e = former ? rows.begin(label) : 0; former && e < rows.end(label); ++e) {
        while (next != told.end() && next->feature < rows.indices[e]) take_told();
        if (next != told.end() && next->feature == rows.indices[e])
            take_told();
        else
            take(rows.indices[e], rows.data[e], former->curvatures[e]);
    }
    while (next != told.end()) take_told();
}

}  // namespace

ToldClassifiers train_classifiers(Csr x, int64_t n_features, Csr positives, Csr negatives,
                                  const LearntClassifiers* former, ClassifierRule rule, int n_threads) {
    const int64_t n_labels = positives.n_rows;
    std::vector<Problem> problems(n_threads, Problem(n_features));
    ToldClassifiers told;
    told.weights.resize(n_labels);
    told.biases.resize(n_labels);
    told.bias_curvatures.resize(n_labels);
    told.indptr.assign(n_labels + 1, 0);
    parallel_for(n_threads, n_labels, [&](int64_t label, int worker) {
        const bool has_positives = positives.length(label) > 0, has_negatives = negatives.length(label) > 0;
        if (former ? has_positives || has_negatives : has_positives && has_negatives) {
            Problem& problem = problems[worker];
            problem.set(x, positives, negatives, former, label, 0.5 / rule.c[label]);
            problem.solve(rule, label);
            problem.settle();
            told.weights[label] = problem.told(rule.threshold, former != nullptr);
            told.biases[label] = problem.bias();
            told.bias_curvatures[label] = problem.bias_curvature();
        } else {
            told.biases[label] = former ? former->rows.biases[label] : has_positives ? 1.0f : -1.0f;
            told.bias_curvatures[label] = former ? former->bias_curvatures[label] : 1.0f;
        }
        join(told.weights[label], former, label, [&](int32_t, float, float) { ++told.indptr[label + 1]; });
    });
    std::partial_sum(told.indptr.begin(), told.indptr.end(), told.indptr.begin());
    return told;
}

void write_weights(const ToldClassifiers& told, const LearntClassifiers* former, int32_t* features, float* weights,
                   float* curvatures, int n_threads) {
    parallel_for(n_threads, static_cast<int64_t>(told.weights.size()), [&](int64_t label, int) {
        int64_t place = told.indptr[label];
        join(told.weights[label], former, label, [&](int32_t feature, float weight, float curvature) {
            features[place] = feature;
            weights[place] = weight;
            curvatures[place++] = curvature;
        });
    });
}

}  // namespace slidelearn

#include "classifiers.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <new>
#include <utility>

#include "random.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The problem of one label, in the numbers of those features alone that its samples have: small, so that it stays in
// cache however many features there are.
class Problem {
  public:
    explicit Problem(int64_t n_features) : number_of_(n_features, -1) {}

    void set(const Csr& x, const Csr& positives, const Csr& negatives, const ClassifierRows* former, int64_t label) {
        for (int32_t feature : features_) number_of_[feature] = -1;
        features_.clear();
        weights_.clear();
        bias_ = former ? former->biases[label] : 0.0;
        for (int64_t e = former ? former->weights.begin(label) : 0; former && e < former->weights.end(label); ++e) {
            number_of(former->weights.indices[e]);
            weights_.push_back(former->weights.data[e]);
        }
        numbers_.clear();
        values_.clear();
        indptr_.assign(1, 0);
        add(x, positives, label);
        n_positive_ = n_samples();
        add(x, negatives, label);
    }

    void solve(const ClassifierRule& rule, uint64_t label) {
        const int64_t n = n_samples();
        const double diagonal = 0.5 / rule.c[label];
        weights_.resize(features_.size(), 0.0);
        duals_.assign(n, 0.0);
        order_.resize(n);
        curvature_.resize(n);
        for (int64_t i = 0; i < n; ++i) {
            order_[i] = static_cast<int32_t>(i);
            curvature_[i] = diagonal + 1.0;  // 1: the bias is the weight of a feature that is always 1
            for (int64_t e = indptr_[i]; e < indptr_[i + 1]; ++e) curvature_[i] += double{values_[e]} * values_[e];
        }
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
                const int32_t i = order_[k];
                const double sign = i < n_positive_ ? 1.0 : -1.0;
                double gradient = sign * margin(i) - 1.0 + duals_[i] * diagonal;
                if (duals_[i] == 0.0 && gradient > 0.0) {
                    if (gradient > left_out_above) {
                        std::swap(order_[k], order_[--n_active]);
                        continue;
                    }
                    gradient = 0.0;
                }
                highest = std::max(highest, gradient);
                lowest = std::min(lowest, gradient);
                if (gradient != 0.0) {
                    const double dual = std::max(duals_[i] - gradient / curvature_[i], 0.0);
                    add_to_weights(i, sign * (dual - duals_[i]));
                    duals_[i] = dual;
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

    // The weights of at least the threshold, by ascending feature.
    std::vector<std::pair<int32_t, float>> kept(float threshold) const {
        std::vector<std::pair<int32_t, float>> pairs;
        for (std::size_t number = 0; number < features_.size(); ++number) {
            const float weight = static_cast<float>(weights_[number]);
            if (std::abs(weight) >= threshold && weight != 0.0f) pairs.emplace_back(features_[number], weight);
        }
        std::sort(pairs.begin(), pairs.end());
        return pairs;
    }
    float bias() const { return static_cast<float>(bias_); }

  private:
    int64_t n_samples() const { return static_cast<int64_t>(indptr_.size()) - 1; }

    // A new one, where the feature has none yet.
    int32_t number_of(int32_t feature) {
        int32_t& number = number_of_[feature];
        if (number < 0) {
            number = static_cast<int32_t>(features_.size());
            features_.push_back(feature);
        }
        return number;
    }

    void add(const Csr& x, const Csr& samples, int64_t label) {
        for (int64_t s = samples.begin(label); s < samples.end(label); ++s) {
            const int64_t row = samples.indices[s];
            for (int64_t e = x.begin(row); e < x.end(row); ++e) {
                numbers_.push_back(number_of(x.indices[e]));
                values_.push_back(x.data[e]);
            }
            indptr_.push_back(static_cast<int64_t>(numbers_.size()));
        }
    }

    double margin(int32_t i) const {
        double sum = bias_;
        for (int64_t e = indptr_[i]; e < indptr_[i + 1]; ++e) sum += weights_[numbers_[e]] * values_[e];
        return sum;
    }

    void add_to_weights(int32_t i, double step) {
        bias_ += step;
        for (int64_t e = indptr_[i]; e < indptr_[i + 1]; ++e) weights_[numbers_[e]] += step * values_[e];
    }

    std::vector<int32_t> number_of_;  // by feature: its number in this problem, or -1
    std::vector<int32_t> features_;   // by number
    std::vector<int64_t> indptr_;     // the samples' rows of numbers and values, the positive ones first
    std::vector<int32_t> numbers_;
    std::vector<float> values_;
    int64_t n_positive_ = 0;
    std::vector<double> weights_, duals_, curvature_;
    std::vector<int32_t> order_;
    double bias_ = 0.0;
};

}  // namespace

Classifiers train_classifiers(Csr x, int64_t n_features, Csr positives, Csr negatives, const ClassifierRows* former,
                              ClassifierRule rule, int n_threads) {
    const int64_t n_labels = positives.n_rows;
    std::vector<Problem> problems(n_threads, Problem(n_features));
    std::vector<std::vector<std::pair<int32_t, float>>> rows(n_labels);
    Classifiers result;
    result.biases.resize(n_labels);
    std::atomic<bool> out_of_memory{false};
    parallel_for(n_threads, n_labels, [&](int64_t label, int worker) {
        if (!former && (positives.length(label) == 0 || negatives.length(label) == 0)) {
            result.biases[label] = positives.length(label) > 0 ? 1.0f : -1.0f;
            return;
        }
        try {
            Problem& problem = problems[worker];
            problem.set(x, positives, negatives, former, label);
            problem.solve(rule, label);
            rows[label] = problem.kept(rule.threshold);
            result.biases[label] = problem.bias();
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
        }
    });
    if (out_of_memory) throw std::bad_alloc();
    result.indptr.assign(1, 0);
    for (const auto& row : rows) {
        for (const auto& [feature, weight] : row) {
            result.features.push_back(feature);
            result.weights.push_back(weight);
        }
        result.indptr.push_back(static_cast<int64_t>(result.features.size()));
    }
    return result;
}

}  // namespace slidelearn

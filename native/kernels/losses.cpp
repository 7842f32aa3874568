#include "kernels/losses.h"

#include "kernels/simd.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kSamples = 8;  // samples of work taken at a time

// z -= log_q, but not for the sample's own labels
void correct(const LogitRows& logits, const float* log_q, int64_t i) {
    if (!log_q) return;
    float* z = logits.data + logits.begin(i);
    const float* q = logits.indptr ? log_q + logits.begin(i) : log_q;
    const int64_t n = logits.length(i);
    for (int64_t k = 0; k < n; ++k) z[k] -= q[k];
    for (int64_t l = logits.label_indptr[i]; l < logits.label_indptr[i + 1]; ++l) {
        z[logits.label_columns[l]] += q[logits.label_columns[l]];
    }
}

// z becomes e^(z - shift); returns the sum.
float exponentials(float* z, int64_t n, float shift) {
    Vec total{};
    int64_t k = 0;
    for (; k + kWidth <= n; k += kWidth) {
        prefetch(z + n + k);  // of the next row, while there is something to compute
        const Vec e = exp(load(z + k) - shift);
        store(z + k, e);
        total += e;
    }
    float sum_of_all = sum(total);
    if (k < n) {
        float padded[kWidth];
        for (int lane = 0; lane < kWidth; ++lane) padded[lane] = k + lane < n ? z[k + lane] - shift : -100.0f;
        store(padded, exp(load(padded)));
        for (int64_t lane = 0; k + lane < n; ++lane) {
            z[k + lane] = padded[lane];
            sum_of_all += padded[lane];
        }
    }
    return sum_of_all;
}

// Logits, some at a time, become sigmoids times a weight; the sum of log(1 + e^z) over them is kept in two parts: that
// of max(z, 0), and that of log(1 + e^-|z|), which neither overflows. The latter is the logarithm of a product.
class Sigmoids {
  public:
    explicit Sigmoids(float weight) : weight_(broadcast(weight)) {}

    Vec of(Vec z) {
        const Vec e = exp(z > 0.0f ? -z : z);
        positive_ += z > 0.0f ? z : Vec{};
        product_ *= 1.0f + e;
        if (++n_factors_ == kMostFactors) take_logarithms();
        return weight_ * (z > 0.0f ? broadcast(1.0f) : e) / (1.0f + e);
    }
    float loss() {
        take_logarithms();
        return sum(positive_) + sum(logarithms_);
    }

  private:
    static constexpr int kMostFactors = 100;  // of up to 2, so that their product is finite

    void take_logarithms() {
        for (int lane = 0; lane < kWidth; ++lane) logarithms_[lane] += std::log(product_[lane]);
        product_ = broadcast(1.0f);
        n_factors_ = 0;
    }

    Vec weight_, positive_{}, logarithms_{}, product_ = broadcast(1.0f);
    int n_factors_ = 0;
};

template <class Row>
void for_rows(const LogitRows& logits, int n_threads, Row&& row) {
    parallel_for(n_threads, (logits.n_rows + kSamples - 1) / kSamples, [&](int64_t chunk, int) {
        for (int64_t i = chunk * kSamples; i < (chunk + 1) * kSamples && i < logits.n_rows; ++i) row(i);
    });
}

}  // namespace

void softmax_loss(LogitRows logits, const float* log_q, float weight, float* losses, int n_threads) {
    for_rows(logits, n_threads, [&](int64_t i) {
        float* z = logits.data + logits.begin(i);
        const int64_t n = logits.length(i), first = logits.label_indptr[i], last = logits.label_indptr[i + 1];
        losses[i] = 0.0f;
        if (first == last) {
            std::memset(z, 0, n * sizeof(float));
            return;
        }
        correct(logits, log_q, i);
        const float shift = largest(z, n);
        const float share = 1.0f / static_cast<float>(last - first);
        float mean_own = 0.0f;
        for (int64_t l = first; l < last; ++l) mean_own += share * (z[logits.label_columns[l]] - shift);
        const float total = exponentials(z, n, shift);
        losses[i] = std::log(total) - mean_own;
        const float factor = weight / total;
        for (int64_t k = 0; k < n; ++k) z[k] *= factor;
        for (int64_t l = first; l < last; ++l) z[logits.label_columns[l]] -= weight * share;
    });
}

void logistic_loss(LogitRows logits, const float* log_q, float weight, float* losses, int n_threads) {
    for_rows(logits, n_threads, [&](int64_t i) {
        float* z = logits.data + logits.begin(i);
        const int64_t n = logits.length(i);
        correct(logits, log_q, i);
        float of_own = 0.0f;
        for (int64_t l = logits.label_indptr[i]; l < logits.label_indptr[i + 1]; ++l) {
            of_own += z[logits.label_columns[l]];
        }
        Sigmoids sigmoids(weight);
        int64_t k = 0;
        for (; k + kWidth <= n; k += kWidth) store(z + k, sigmoids.of(load(z + k)));
        if (k < n) {
            float padded[kWidth];
            for (int lane = 0; lane < kWidth; ++lane) padded[lane] = k + lane < n ? z[k + lane] : -100.0f;
            store(padded, sigmoids.of(load(padded)));
            std::memcpy(z + k, padded, (n - k) * sizeof(float));
        }
        losses[i] = sigmoids.loss() - of_own;
        for (int64_t l = logits.label_indptr[i]; l < logits.label_indptr[i + 1]; ++l) {
            z[logits.label_columns[l]] -= weight;
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

// Sample by sample: every sample visits the rows of its own active neurons.
#include "kernels/sampled.h"

#include "kernels/active_rows.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

// y += the gradient of scale * cos(h, w) with respect to w, times d; h has length 1. A w of zeros has no direction to
// turn, and no gradient.
void add_cosine_gradient(float d, float scale, const float* w, const float* h, float* y, int64_t n) {
    const float norm = length(w, n);
    if (norm <= kTinyNorm) return;
    const float cosine = dot(h, w, n) / norm;
    const float factor = d * scale / norm;
    const float along = -factor * cosine / norm;
    for (int64_t k = 0; k < n; ++k) y[k] += factor * h[k] + along * w[k];
}

}  // namespace

void sampled_forward(Rows rows, Csr active, Matrix<const float> hidden, float scale, float* logits, int n_threads) {
    parallel_for(n_threads, active.n_rows, [&](int64_t sample, int) {
        const float* h = hidden.row(sample);
        for_active(rows, active, sample, prefetch_weights, [&](int64_t entry, int64_t neuron) {
            const float* w = rows.weights(neuron);
            const float product = dot(h, w, rows.width);
            const float z = scale > 0.0f ? scale * product / length(w, rows.width) : product;
            logits[entry] = z + rows.tail(neuron)[kBias];
        });
    });
}

void sampled_backward_hogwild(Rows rows, Csr active, const float* d_logits, Matrix<const float> hidden, float scale,
                              UpdateRule rule, Matrix<float> d_hidden, int n_threads) {
    const Scratch gradients(n_threads * rows.padded() * sizeof(float));
    parallel_for(n_threads, active.n_rows, [&](int64_t sample, int worker) {
        const float* h = hidden.row(sample);
        float* d_h = d_hidden.row(sample);
        float* g = gradients.floats() + worker * rows.padded();
        std::memset(d_h, 0, rows.width * sizeof(float));
        for_active(rows, active, sample, prefetch_row, [&](int64_t entry, int64_t neuron) {
            const float* w = rows.weights(neuron);
            const float d = d_logits[entry];
            if (scale > 0.0f) {
                std::memset(g, 0, rows.width * sizeof(float));
                add_cosine_gradient(d, scale, w, h, g, rows.width);
                axpy(d * scale / length(w, rows.width), w, d_h, rows.width);
                update_row(rows, neuron, g, 1.0f, d, rule);
            } else {
                axpy(d, w, d_h, rows.width);
                update_row(rows, neuron, h, d, d, rule);
            }
        });
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

// Neuron by neuron: where a batch's active sets overlap, a row is visited once for all samples that have it active,
// stays in L1 meanwhile, and has one writer. The samples' hidden vectors stay in L2.
#include "kernels/active_rows.h"
#include "kernels/sampled.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

// The neurons are dealt out to a fixed number of groups, each with a sum of d_hidden of its own; the sums are added up
// in order. So the result does not depend on the number of threads.
constexpr int64_t kGroups = 16;
constexpr int kTogether = 4;  // samples for which a stretch of a row is loaded once

int64_t first_neuron_of(const Columns& neurons, int64_t group) {
    const int64_t entry = neurons.indptr[neurons.n] * group / kGroups;
    int64_t low = 0, high = neurons.n;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (neurons.indptr[middle] < entry) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// out[i] = w . h[i]
template <int n>
void dots(const float* w, const float* const* h, int64_t width, float* out) {
    Vec sums[n]{};
    int64_t k = 0;
    for (; k + kWidth <= width; k += kWidth) {
        const Vec wk = load(w + k);
        for (int i = 0; i < n; ++i) sums[i] += wk * load(h[i] + k);
    }
    for (int i = 0; i < n; ++i) {
        out[i] = sum(sums[i]);
        for (int64_t rest = k; rest < width; ++rest) out[i] += w[rest] * h[i][rest];
    }
}

// g += sum_i d[i] h[i];  d_h[i] += factor d[i] w
template <int n>
void spread(const float* w, float factor, const float* d, const float* const* h, float* const* d_h, float* g,
            int64_t width) {
    int64_t k = 0;
    for (; k + kWidth <= width; k += kWidth) {
        const Vec wk = factor * load(w + k);
        Vec gk = load(g + k);
        for (int i = 0; i < n; ++i) {
            gk += d[i] * load(h[i] + k);
            store(d_h[i] + k, load(d_h[i] + k) + d[i] * wk);
        }
        store(g + k, gk);
    }
    for (; k < width; ++k) {
        for (int i = 0; i < n; ++i) {
            g[k] += d[i] * h[i][k];
            d_h[i][k] += d[i] * factor * w[k];
        }
    }
}

// The gradient of scale * cos(h, w) with respect to w, where g is the gradient with respect to w of scale = |w| = 1
// without the projection: g becomes scale (g - w (w . g) / |w|^2) / |w|. A w of zeros has no direction to turn, and no
// gradient.
void project(const float* w, float norm, float scale, float* g, int64_t width) {
    const float along = dot(w, g, width) / (norm * norm);
    const float factor = norm > kTinyNorm ? scale / norm : 0.0f;
    for (int64_t k = 0; k < width; ++k) g[k] = factor * (g[k] - along * w[k]);
}

}  // namespace

void sampled_forward_by_neuron(Rows rows, Columns neurons, Matrix<const float> hidden, float scale, float* logits,
                               int n_threads) {
    parallel_for(n_threads, kGroups, [&](int64_t group, int) {
        const int64_t end = first_neuron_of(neurons, group + 1);
        for (int64_t c = first_neuron_of(neurons, group); c < end; ++c) {
            if (c + 1 < end) prefetch_weights(rows, neurons.ids[c + 1]);
            const float* w = rows.weights(neurons.ids[c]);
            const float factor = scale > 0.0f ? scale / length(w, rows.width) : 1.0f;
            const float bias = rows.tail(neurons.ids[c])[kBias];
            const int64_t last = neurons.indptr[c + 1];
            int64_t k = neurons.indptr[c];
            float products[kTogether];
            const float* h[kTogether];
            for (; k + kTogether <= last; k += kTogether) {
                for (int i = 0; i < kTogether; ++i) h[i] = hidden.row(neurons.rows[k + i]);
                dots<kTogether>(w, h, rows.width, products);
                for (int i = 0; i < kTogether; ++i) logits[neurons.entries[k + i]] = factor * products[i] + bias;
            }
            for (; k < last; ++k) {
                h[0] = hidden.row(neurons.rows[k]);
                dots<1>(w, h, rows.width, products);
                logits[neurons.entries[k]] = factor * products[0] + bias;
            }
        }
    });
}

void sampled_backward_by_neuron(Rows rows, Columns neurons, const float* d_logits, Matrix<const float> hidden,
                                float scale, UpdateRule rule, Matrix<float> d_hidden, int n_threads) {
    const int64_t size = d_hidden.n_rows * d_hidden.n_columns;
    const Scratch partial(kGroups * size * sizeof(float));
    const Scratch gradients(n_threads * rows.padded() * sizeof(float));
    parallel_for(n_threads, kGroups, [&](int64_t group, int worker) {
        const Matrix<float> d_h{partial.floats() + group * size, d_hidden.n_rows, rows.width, rows.width};
        std::memset(d_h.data, 0, size * sizeof(float));
        float* g = gradients.floats() + worker * rows.padded();
        const int64_t end = first_neuron_of(neurons, group + 1);
        for (int64_t c = first_neuron_of(neurons, group); c < end; ++c) {
            if (c + 1 < end) prefetch_row(rows, neurons.ids[c + 1]);
            const float* w = rows.weights(neurons.ids[c]);
            const float norm = scale > 0.0f ? length(w, rows.width) : 1.0f;
            const float factor = scale > 0.0f ? scale / norm : 1.0f;
            std::memset(g, 0, rows.width * sizeof(float));
            float d_bias = 0.0f;
            const int64_t last = neurons.indptr[c + 1];
            int64_t k = neurons.indptr[c];
            const float* h[kTogether];
            float* d_h_rows[kTogether];
            float d[kTogether];
            auto take = [&](int i) {
                h[i] = hidden.row(neurons.rows[k + i]);
                d_h_rows[i] = d_h.row(neurons.rows[k + i]);
                d[i] = d_logits[neurons.entries[k + i]];
                d_bias += d[i];
            };
            for (; k + kTogether <= last; k += kTogether) {
                for (int i = 0; i < kTogether; ++i) take(i);
                spread<kTogether>(w, factor, d, h, d_h_rows, g, rows.width);
            }
            for (; k < last; ++k) {
                take(0);
                spread<1>(w, factor, d, h, d_h_rows, g, rows.width);
            }
            if (scale > 0.0f) project(w, norm, scale, g, rows.width);
            update_row(rows, neurons.ids[c], g, 1.0f, d_bias, rule);
        }
    });
    parallel_for(n_threads, d_hidden.n_rows, [&](int64_t i, int) {
        const float* first = partial.floats() + i * rows.width;
        std::memcpy(d_hidden.row(i), first, rows.width * sizeof(float));
        for (int64_t group = 1; group < kGroups; ++group) axpy(1.0f, first + group * size, d_hidden.row(i), rows.width);
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

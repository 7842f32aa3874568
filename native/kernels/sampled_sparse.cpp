// Above a sampled layer: active neurons x active inputs, and nothing else of a row.
#include "kernels/active_rows.h"
#include "kernels/sampled.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kNeurons = 32;  // neurons of work taken at a time

float sparse_dot(const float* w, const Csr& hidden, int64_t sample) {
    float total = 0.0f;
    for (int64_t k = hidden.begin(sample); k < hidden.end(sample); ++k) {
        total += hidden.data[k] * w[hidden.indices[k]];
    }
    return total;
}

}  // namespace

void sampled_forward_sparse(Rows rows, Csr active, Csr hidden, float* logits, int n_threads) {
    parallel_for(n_threads, active.n_rows, [&](int64_t sample, int) {
        for_active(rows, active, sample, prefetch_weights, [&](int64_t entry, int64_t neuron) {
            logits[entry] = sparse_dot(rows.weights(neuron), hidden, sample) + rows.tail(neuron)[kBias];
        });
    });
}

void sampled_d_hidden_sparse(Rows rows, Csr active, const float* d_logits, Csr hidden, float* d_hidden, int n_threads) {
    parallel_for(n_threads, active.n_rows, [&](int64_t sample, int) {
        for (int64_t k = hidden.begin(sample); k < hidden.end(sample); ++k) d_hidden[k] = 0.0f;
        for_active(rows, active, sample, prefetch_weights, [&](int64_t entry, int64_t neuron) {
            const float* w = rows.weights(neuron);
            for (int64_t k = hidden.begin(sample); k < hidden.end(sample); ++k) {
                d_hidden[k] += d_logits[entry] * w[hidden.indices[k]];
            }
        });
    });
}

void sampled_update_sparse(Rows rows, Columns neurons, const float* d_logits, Csr hidden, UpdateRule rule,
                           int n_threads) {
    // The coordinates that a neuron's samples have in common are summed in a dense scratch row and listed as they
    // first occur; `seen` marks them with the neuron's number.
    const Scratch sums(n_threads * rows.padded() * sizeof(float));
    const Scratch lists(n_threads * rows.padded() * sizeof(int32_t));
    const Scratch marks(n_threads * rows.padded() * sizeof(int64_t));
    const Scratch packed(n_threads * rows.padded() * sizeof(float));
    std::memset(marks.longs(), 0, n_threads * rows.padded() * sizeof(int64_t));
    parallel_for(n_threads, (neurons.n + kNeurons - 1) / kNeurons, [&](int64_t chunk, int worker) {
        float* g = sums.floats() + worker * rows.padded();
        int32_t* list = lists.ints() + worker * rows.padded();
        int64_t* seen = marks.longs() + worker * rows.padded();
        float* values = packed.floats() + worker * rows.padded();
        const int64_t end = (chunk + 1) * kNeurons < neurons.n ? (chunk + 1) * kNeurons : neurons.n;
        for (int64_t c = chunk * kNeurons; c < end; ++c) {
            int64_t n_coordinates = 0;
            float d_bias = 0.0f;
            for (int64_t k = neurons.indptr[c]; k < neurons.indptr[c + 1]; ++k) {
                const float d = d_logits[neurons.entries[k]];
                d_bias += d;
                const int64_t sample = neurons.rows[k];
                for (int64_t j = hidden.begin(sample); j < hidden.end(sample); ++j) {
                    const int32_t coordinate = hidden.indices[j];
                    if (seen[coordinate] != c + 1) {
                        seen[coordinate] = c + 1;
                        g[coordinate] = 0.0f;
                        list[n_coordinates++] = coordinate;
                    }
                    g[coordinate] += d * hidden.data[j];
                }
            }
            for (int64_t k = 0; k < n_coordinates; ++k) values[k] = g[list[k]];
            update_row_sparse(rows, neurons.ids[c], list, values, n_coordinates, 1.0f, d_bias, rule);
        }
    });
}

void sampled_backward_hogwild_sparse(Rows rows, Csr active, const float* d_logits, Csr hidden, UpdateRule rule,
                                     float* d_hidden, int n_threads) {
    parallel_for(n_threads, active.n_rows, [&](int64_t sample, int) {
        const int64_t begin = hidden.begin(sample), n = hidden.end(sample) - begin;
        for (int64_t k = begin; k < begin + n; ++k) d_hidden[k] = 0.0f;
        for_active(rows, active, sample, prefetch_row, [&](int64_t entry, int64_t neuron) {
            const float* w = rows.weights(neuron);
            const float d = d_logits[entry];
            for (int64_t k = begin; k < begin + n; ++k) d_hidden[k] += d * w[hidden.indices[k]];
            update_row_sparse(rows, neuron, hidden.indices + begin, hidden.data + begin, n, d, d, rule);
        });
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

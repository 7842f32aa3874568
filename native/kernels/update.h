// One optimizer step on one row, or on some of its coordinates. The rules (slidelearn/network/optim.py has the
// sources):
//
//   SGD       w -= rate g
//   Adagrad   a += mean(g^2), one accumulator per row;  w -= rate g / (sqrt(a) + epsilon)
//   Adam      m, v as usual, corrected by the row's own count of updates, not by the number of steps of training;
//             they may be kept as bfloat16, but the step itself is of 32 bits
#pragma once

#include <cmath>

#include "kernels/moment_words.h"
#include "kernels/simd.h"
#include "row_layout.h"

namespace slidelearn::SLIDELEARN_ISA {

struct AdamStep {
    float rate, beta_1, beta_2, epsilon, correction_2;

    AdamStep(const UpdateRule& rule, float n_updates)
        : rate(rule.learning_rate / (1.0f - std::pow(rule.beta_1, n_updates))),
          beta_1(rule.beta_1),
          beta_2(rule.beta_2),
          epsilon(rule.epsilon),
          correction_2(1.0f / (1.0f - std::pow(rule.beta_2, n_updates))) {}

    void operator()(float& w, float& m, float& v, float g) const {
        m = beta_1 * m + (1.0f - beta_1) * g;
        v = beta_2 * v + (1.0f - beta_2) * g * g;
        w -= rate * m / (std::sqrt(v * correction_2) + epsilon);
    }

    void operator()(float& w, float& word, float g, uint32_t random) const {
        Moments moments = unpacked(word);
        (*this)(w, moments.m, moments.v, g);
        word = packed(moments, random);
    }
};

static inline float adagrad_step(const UpdateRule& rule, float& accumulator, float mean_square) {
    accumulator += mean_square;
    return rule.learning_rate / (std::sqrt(accumulator) + rule.epsilon);
}

// Under SGD and Adagrad; under Adam the bias takes the step of its row.
static inline void update_bias(float* tail, float g, const UpdateRule& rule) {
    const float rate = rule.kind == Rule::sgd ? rule.learning_rate : adagrad_step(rule, tail[kBiasV], g * g);
    tail[kBias] -= rate * g;
}

// Row i takes the gradient scale * g (width), and its bias the gradient d_bias.
static inline void update_row(const Rows& rows, int64_t i, const float* __restrict g, float scale, float d_bias,
                              const UpdateRule& rule) {
    float* __restrict w = rows.weights(i);
    float* __restrict tail = rows.tail(i);
    const int64_t n = rows.width;
    tail[kUpdates] += 1.0f;
    if (rule.kind == Rule::adam) {
        const AdamStep step(rule, tail[kUpdates]);
        if (rows.has_moment_words()) {
            float* __restrict words = w + rows.padded();
            const RoundingDraws draws(i, tail[kUpdates]);
            for (int64_t k = 0; k < n; ++k) step(w[k], words[k], scale * g[k], draws(k));
        } else {
            float* __restrict m = w + rows.padded();
            float* __restrict v = m + rows.padded();
            for (int64_t k = 0; k < n; ++k) step(w[k], m[k], v[k], scale * g[k]);
        }
        step(tail[kBias], tail[kBiasM], tail[kBiasV], d_bias);
        return;
    }
    if (rule.kind == Rule::adagrad) {
        const float mean_square = scale * scale * dot(g, g, n) / static_cast<float>(n);
        axpy(-scale * adagrad_step(rule, tail[kRowV], mean_square), g, w, n);
    } else {
        axpy(-scale * rule.learning_rate, g, w, n);
    }
    update_bias(tail, d_bias, rule);
}

// The same where the gradient scale * g has entries at the given coordinates only; the others are not touched.
static inline void update_row_sparse(const Rows& rows, int64_t i, const int32_t* coordinates, const float* g,
                                     int64_t n_coordinates, float scale, float d_bias, const UpdateRule& rule) {
    float* w = rows.weights(i);
    float* tail = rows.tail(i);
    tail[kUpdates] += 1.0f;
    if (rule.kind == Rule::adam) {
        const AdamStep step(rule, tail[kUpdates]);
        if (rows.has_moment_words()) {
            float* words = w + rows.padded();
            const RoundingDraws draws(i, tail[kUpdates]);
            for (int64_t k = 0; k < n_coordinates; ++k) {
                const int32_t c = coordinates[k];
                step(w[c], words[c], scale * g[k], draws(c));
            }
        } else {
            float* m = w + rows.padded();
            float* v = m + rows.padded();
            for (int64_t k = 0; k < n_coordinates; ++k) {
                const int32_t c = coordinates[k];
                step(w[c], m[c], v[c], scale * g[k]);
            }
        }
        step(tail[kBias], tail[kBiasM], tail[kBiasV], d_bias);
        return;
    }
    float rate = rule.learning_rate;
    if (rule.kind == Rule::adagrad) {
        const float mean_square = scale * scale * dot(g, g, n_coordinates) / static_cast<float>(rows.width);
        rate = adagrad_step(rule, tail[kRowV], mean_square);
    }
    for (int64_t k = 0; k < n_coordinates; ++k) w[coordinates[k]] -= rate * scale * g[k];
    update_bias(tail, d_bias, rule);
}

// Ask for a row ahead of its visit: all of it, or what answers need, without the optimizer's state.
static inline void prefetch_row(const Rows& rows, int64_t i) { prefetch(rows.weights(i), rows.stride); }
static inline void prefetch_weights(const Rows& rows, int64_t i) {
    prefetch(rows.weights(i), rows.width);
    prefetch(rows.tail(i));
}

}  // namespace slidelearn::SLIDELEARN_ISA

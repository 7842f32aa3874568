#include "kernels/perceptron.h"

#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kSamples = 64;  // of work taken at a time; a whole number of vectors

static_assert(kSamples % kWidth == 0);

void ask_nothing(int64_t) {}

// What it makes of the inputs x, and the outputs h (width) of its hidden units.
inline float log_odds_of(const PerceptronView& perceptron, const float* x, float* h) {
    const int64_t width = perceptron.hidden.n_columns;
    const auto term = [&](int64_t k) { return Term{x[k], perceptron.hidden.row(k)}; };
    sum_terms(perceptron.hidden_biases, perceptron.hidden.n_rows, term, ask_nothing, h, width);
    for (int64_t u = 0; u < width; ++u) h[u] = h[u] < 0.0f ? 0.0f : h[u];  // what is not a number stays so
    return dot(h, perceptron.output, width) + perceptron.constant;
}

// h (n), of rectified linear units, becomes the gradient of what goes into them, where that of what they say is a x.
void through_units(float a, const float* x, float* h, int64_t n) {
    int64_t u = 0;
    for (; u + kWidth <= n; u += kWidth) store(h + u, load(h + u) > 0.0f ? a * load(x + u) : Vec{});
    for (; u < n; ++u) h[u] = h[u] > 0.0f ? a * x[u] : 0.0f;
}

// Some of the samples, at most kSamples, and a worker's room for what is computed of them.
struct Chunk {
    const PerceptronView& perceptron;
    Matrix<const float> inputs;
    const float* signs;
    const int64_t* samples;
    int64_t n;
    float* hidden;       // (kSamples, width): of the hidden units, then the gradient of what goes into them
    float* of_log_odds;  // (kSamples): log-odds, then their gradient

    int64_t width() const { return perceptron.hidden.n_columns; }
    float* hidden_row(int64_t i) const { return hidden + i * width(); }

    void forward() const {
        for (int64_t i = 0; i < n; ++i) {
            of_log_odds[i] = signs[samples[i]] * log_odds_of(perceptron, inputs.row(samples[i]), hidden_row(i));
        }
        for (int64_t i = n; i < kSamples; ++i) of_log_odds[i] = 0.0f;
    }

    void loss_gradient(float share) const {
        for (int64_t i = 0; i < n; i += kWidth) {
            store(of_log_odds + i, -share / (1.0f + exp(load(of_log_odds + i))));
        }
        for (int64_t i = 0; i < n; ++i) of_log_odds[i] *= signs[samples[i]];
    }

    void backward(float* of_hidden, float* of_biases, float* of_output, float* of_constant) const {
        const auto of_sample = [&](int64_t i) { return Term{of_log_odds[i], hidden_row(i)}; };
        sum_terms(nullptr, n, of_sample, ask_nothing, of_output, width());
        *of_constant = 0.0f;
        for (int64_t i = 0; i < n; ++i) {
            *of_constant += of_log_odds[i];
            float* const h = hidden_row(i);
            through_units(of_log_odds[i], perceptron.output, h, width());
        }
        const auto of_unit = [&](int64_t i) { return Term{1.0f, hidden_row(i)}; };
        sum_terms(nullptr, n, of_unit, ask_nothing, of_biases, width());
        for (int64_t k = 0; k < inputs.n_columns; ++k) {
            const auto of_input = [&](int64_t i) { return Term{inputs.row(samples[i])[k], hidden_row(i)}; };
            sum_terms(nullptr, n, of_input, ask_nothing, of_hidden + k * width(), width());
        }
    }
};

}  // namespace

void perceptron_log_odds(const PerceptronView& perceptron, Matrix<const float> inputs, float* room, float* log_odds) {
    for (int64_t i = 0; i < inputs.n_rows; ++i) log_odds[i] = log_odds_of(perceptron, inputs.row(i), room);
}

void perceptron_gradient(const PerceptronView& perceptron, Matrix<const float> inputs, const float* signs,
                         const int64_t* samples, int64_t n, float* gradient, int n_threads) {
    const int64_t width = perceptron.hidden.n_columns, n_hidden = inputs.n_columns * width;
    const int64_t n_weights = n_hidden + 2 * width + 1, n_chunks = ceil_div(n, kSamples);
    const Scratch of_chunks(n_chunks * n_weights * sizeof(float));
    const Scratch hidden(n_threads * kSamples * width * sizeof(float));
    const Scratch of_log_odds(n_threads * kSamples * sizeof(float));
    parallel_for(n_threads, n_chunks, [&](int64_t number, int worker) {
        const int64_t begin = number * kSamples;
        const Chunk chunk{perceptron,
                          inputs,
                          signs,
                          samples + begin,
                          smaller(kSamples, n - begin),
                          hidden.floats() + worker * kSamples * width,
                          of_log_odds.floats() + worker * kSamples};
        chunk.forward();
        chunk.loss_gradient(1.0f / n);
        float* const its = of_chunks.floats() + number * n_weights;
        chunk.backward(its, its + n_hidden, its + n_hidden + width, its + n_hidden + 2 * width);
    });
    const auto of_chunk = [&](int64_t number) { return Term{1.0f, of_chunks.floats() + number * n_weights}; };
    sum_terms(nullptr, n_chunks, of_chunk, ask_nothing, gradient, n_weights);
}

}  // namespace slidelearn::SLIDELEARN_ISA

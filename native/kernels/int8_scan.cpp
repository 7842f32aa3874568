#include "kernels/int8_scan.h"

#include "kernels/best.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>
#endif

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kPanel = QuantizedRows::kPanel;
constexpr int64_t kPanelsTogether = 10;  // a chunk of work
constexpr int64_t kSamples = 8;          // for which a panel is loaded once
constexpr int64_t kSpare = 16;           // labels beyond the k best by rounded products that are looked at again

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// The largest magnitude becomes 127. Returns what a code is worth.
float quantize(const float* x, int64_t n, float* rounded) {
    float highest = 0.0f;
    for (int64_t k = 0; k < n; ++k) highest = std::fabs(x[k]) > highest ? std::fabs(x[k]) : highest;
    const float inverse = highest > 0.0f ? 127.0f / highest : 0.0f;
    for (int64_t k = 0; k < n; ++k) {
        const float code = std::nearbyint(x[k] * inverse);
        rounded[k] = std::fabs(code) <= 127.0f ? code : 0.0f;  // 0 for what is not a number
    }
    return highest / 127.0f;
}

#if defined(__AVX512VNNI__)

static_assert(kPanel == 3 * kWidth);

// sums[i][j] = sum over k of hidden[i][k] * codes[j][k], for the rows of a panel.
template <int n>
void multiply(const uint8_t* hidden, int64_t depth, const int8_t* codes, int32_t (*sums)[kPanel]) {
    __m512i acc[n][3];
    for (int i = 0; i < n; ++i) {
        for (int v = 0; v < 3; ++v) acc[i][v] = _mm512_setzero_si512();
    }
    for (int64_t k = 0; k < depth; k += 4, codes += 4 * kPanel) {
        __m512i w[3];
        for (int v = 0; v < 3; ++v) w[v] = _mm512_loadu_si512(codes + 64 * v);
        for (int i = 0; i < n; ++i) {
            int32_t four;
            std::memcpy(&four, hidden + i * depth + k, 4);
            const __m512i h = _mm512_set1_epi32(four);
            for (int v = 0; v < 3; ++v) acc[i][v] = _mm512_dpbusd_epi32(acc[i][v], h, w[v]);
        }
    }
    for (int i = 0; i < n; ++i) {
        for (int v = 0; v < 3; ++v) _mm512_storeu_si512(sums[i] + kWidth * v, acc[i][v]);
    }
}

#else

template <int n>
void multiply(const uint8_t* hidden, int64_t depth, const int8_t* codes, int32_t (*sums)[kPanel]) {
    for (int i = 0; i < n; ++i) {
        std::memset(sums[i], 0, sizeof sums[i]);
        for (int64_t k = 0; k < depth; ++k) {
            const int8_t* column = codes + (k / 4) * 4 * kPanel + k % 4;
            for (int64_t j = 0; j < kPanel; ++j) sums[i][j] += hidden[i * depth + k] * column[4 * j];
        }
    }
}

#endif

}  // namespace

bool scans_int8() {
#if defined(__AVX512VNNI__)
    return true;
#else
    return false;
#endif
}

void quantize_rows(Rows rows, const float* scales, QuantizedRows quantized, int n_threads) {
    const int64_t depth = QuantizedRows::depth(rows.width);
    const Scratch all_rounded(n_threads * rows.width * sizeof(float));
    parallel_for(n_threads, QuantizedRows::n_panels(rows.n_rows), [&](int64_t panel, int worker) {
        float* rounded = all_rounded.floats() + worker * rows.width;
        int8_t* codes = quantized.codes + panel * depth * kPanel;
        std::memset(codes, 0, depth * kPanel);
        for (int64_t j = 0; j < kPanel; ++j) {
            const int64_t row = panel * kPanel + j;
            quantized.factors[row] = 0.0f;
            quantized.corrections[row] = 0;
            quantized.biases[row] = -INFINITY;
            if (row >= rows.n_rows) continue;
            quantized.factors[row] = quantize(rows.weights(row), rows.width, rounded) * (scales ? scales[row] : 1.0f);
            quantized.biases[row] = rows.tail(row)[kBias];
            int32_t sum_of_codes = 0;
            for (int64_t k = 0; k < rows.width; ++k) {
                const int8_t code = static_cast<int8_t>(rounded[k]);
                codes[(k / 4 * kPanel + j) * 4 + k % 4] = code;
                sum_of_codes += code;
            }
            quantized.corrections[row] = -128 * sum_of_codes;
        }
    });
}

void scan_top_k(Rows rows, const float* scales, QuantizedRows quantized, Matrix<const float> hidden,
                Matrix<int32_t> best, Matrix<float> scores, int n_threads) {
    const int64_t n = hidden.n_rows, k = best.n_columns, depth = QuantizedRows::depth(rows.width);
    const int64_t n_scanned = smaller(rows.n_rows, k + kSpare);
    const Scratch all_codes(n * depth), all_steps(n * sizeof(float)), rounded(rows.width * sizeof(float));
    for (int64_t i = 0; i < n; ++i) {
        uint8_t* codes = all_codes.bytes() + i * depth;
        std::memset(codes, 128, depth);
        all_steps.floats()[i] = quantize(hidden.row(i), rows.width, rounded.floats());
        for (int64_t d = 0; d < rows.width; ++d) codes[d] = static_cast<uint8_t>(rounded.floats()[d] + 128.0f);
    }
    const Scratch all_ids(n_threads * n * n_scanned * sizeof(int32_t));
    const Scratch all_scores(n_threads * n * n_scanned * sizeof(float));
    auto best_of = [&](int64_t worker, int64_t i) {
        const int64_t first = (worker * n + i) * n_scanned;
        return Best{all_ids.ints() + first, all_scores.floats() + first, n_scanned};
    };
    for (int64_t i = 0; i < n_threads * n; ++i) best_of(0, i).clear();

    const int64_t n_panels = QuantizedRows::n_panels(rows.n_rows);
    parallel_for(n_threads, (n_panels + kPanelsTogether - 1) / kPanelsTogether, [&](int64_t chunk, int worker) {
        int32_t sums[kSamples][kPanel];
        float z[kPanel];
        const int64_t end = smaller(n_panels, (chunk + 1) * kPanelsTogether);
        for (int64_t panel = chunk * kPanelsTogether; panel < end; ++panel) {
            const int64_t first = panel * kPanel, n_labels = smaller(kPanel, rows.n_rows - first);
            const int8_t* codes = quantized.codes + first * depth;
            const float *factors = quantized.factors + first, *biases = quantized.biases + first;
            const int32_t* corrections = quantized.corrections + first;
            for (int64_t i = 0; i < n;) {
                const int64_t together = n - i >= kSamples ? kSamples : 1;
                if (together == kSamples) {
                    multiply<kSamples>(all_codes.bytes() + i * depth, depth, codes, sums);
                } else {
                    multiply<1>(all_codes.bytes() + i * depth, depth, codes, sums);
                }
                for (int64_t s = 0; s < together; ++s, ++i) {
                    const float step = all_steps.floats()[i];
                    for (int64_t j = 0; j < kPanel; ++j) {
                        z[j] = step * (factors[j] * static_cast<float>(sums[s][j] + corrections[j])) + biases[j];
                    }
                    Best row = best_of(worker, i);
                    scan(z, n_labels, row,
                         [&](int64_t j, float score) { row.offer(static_cast<int32_t>(first + j), score); });
                }
            }
        }
    });

    parallel_for(n_threads, n, [&](int64_t i, int) {
        Best list = best_of(0, i);
        for (int64_t worker = 1; worker < n_threads; ++worker) {
            const Best part = best_of(worker, i);
            for (int64_t j = 0; j < n_scanned && part.ids[j] >= 0; ++j) list.offer(part.ids[j], part.scores[j]);
        }
        Best row{best.row(i), scores.row(i), k};
        row.clear();
        for (int64_t j = 0; j < n_scanned && list.ids[j] >= 0; ++j) {
            const int32_t id = list.ids[j];
            const float product = dot(hidden.row(i), rows.weights(id), rows.width);
            row.offer(id, product * (scales ? scales[id] : 1.0f) + rows.tail(id)[kBias]);
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA

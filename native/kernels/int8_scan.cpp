#include "kernels/int8_scan.h"

#include "kernels/contender_lists.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kPanel = QuantizedRows::kPanel;
constexpr int64_t kPanelsTogether = 10;  // a chunk of work
constexpr int64_t kSamples = 8;          // for which a panel is loaded once

static_assert(kPanel % kWidth == 0 && kPanel <= ContenderLists::kTogether);

// Codes of rows are -127 to 127; those of queries are so many, with kOffset added so that none is negative.
constexpr float kHighest = 127.0f;
#if defined(__AVX2__) && !defined(__AVX512VNNI__)
constexpr float kHighestOfQuery = 31.0f;  // four products with codes of a row add up to less than 16 bits hold
constexpr int kOffset = 32;
#else
constexpr float kHighestOfQuery = 127.0f;
constexpr int kOffset = 128;
#endif

// The largest magnitude becomes the highest code. Returns what a code is worth.
float quantize(const float* x, int64_t n, float highest_code, float* rounded) {
    const float highest = largest_magnitude(x, n);
    const float inverse = highest > 0.0f ? highest_code / highest : 0.0f;
    for (int64_t k = 0; k < n; ++k) {
        const float code = std::nearbyint(x[k] * inverse);
        rounded[k] = std::fabs(code) <= highest_code ? code : 0.0f;  // 0 for what is not a number
    }
    return highest / highest_code;
}

#if defined(__AVX2__) && !defined(__AVX512VNNI__)
#if defined(__AVX512BW__)
typedef __m512i Codes;
static inline Codes pairs_of(Codes hidden, const int8_t* row) {  // sums of two products, in 16 bits
    return _mm512_maddubs_epi16(hidden, _mm512_loadu_si512(row));
}
static inline VecInt sum_of(Codes first, Codes second) {  // of four and four products, in 32 bits
    return (VecInt)_mm512_madd_epi16(_mm512_add_epi16(first, second), _mm512_set1_epi16(1));
}
#else
typedef __m256i Codes;
static inline Codes pairs_of(Codes hidden, const int8_t* row) {  // sums of two products, in 16 bits
    return _mm256_maddubs_epi16(hidden, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)));
}
static inline VecInt sum_of(Codes first, Codes second) {  // of four and four products, in 32 bits
    return (VecInt)_mm256_madd_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(1));
}
#endif

static inline Codes same_four(const uint8_t* codes) {
    int32_t four;
    std::memcpy(&four, codes, 4);
    return (Codes)(four - VecInt{});
}

// The products of n queries with some vectors of rows, as many as there are registers for.
template <int n, int n_vectors>
[[gnu::noinline]] void multiply_some(const uint8_t* hidden, const int8_t* codes, const int32_t* corrections,
                                     int64_t depth, float* products) {
    constexpr int64_t kGroup = 4 * kPanel;        // from four coordinates to the next four
    constexpr int kCorrectionOf = 128 / kOffset;  // corrections are for an offset of 128
    VecInt sums[n][n_vectors];
    for (int i = 0; i < n; ++i) {
        for (int v = 0; v < n_vectors; ++v) sums[i][v] = load(corrections + kWidth * v) / kCorrectionOf;
    }
    int64_t k = 0;
    for (; k + 8 <= depth; k += 8) {
        for (int i = 0; i < n; ++i) {
            const Codes h = same_four(hidden + i * depth + k), next = same_four(hidden + i * depth + k + 4);
            for (int v = 0; v < n_vectors; ++v) {
                const int8_t* row = codes + 4 * kWidth * v;
                sums[i][v] += sum_of(pairs_of(h, row), pairs_of(next, row + kGroup));
            }
        }
        codes += 2 * kGroup;
    }
    for (int i = 0; k < depth && i < n; ++i) {
        for (int v = 0; v < n_vectors; ++v) {
            sums[i][v] += sum_of(pairs_of(same_four(hidden + i * depth + k), codes + 4 * kWidth * v), Codes{});
        }
    }
    for (int i = 0; i < n; ++i) {
        for (int v = 0; v < n_vectors; ++v) {
            store(products + i * kPanel + kWidth * v, __builtin_convertvector(sums[i][v], Vec));
        }
    }
}
#endif

// The inner products of n queries with the rows of a panel, both as codes. Inlined, or with a loop that may end at
// once, GCC 12 would not keep the sums in registers.
template <int n>
[[gnu::noinline]] void multiply(const uint8_t* hidden, const QuantizedRows& rows, int64_t panel, int64_t depth,
                                float (*products)[kPanel]) {
    const int8_t* codes = rows.codes + panel * kPanel * depth;
    const int32_t* corrections = rows.corrections + panel * kPanel;
#if defined(__AVX512VNNI__)
    constexpr int kVectors = kPanel / kWidth;
    VecInt sums[n][kVectors];
    for (int i = 0; i < n; ++i) {
        for (int v = 0; v < kVectors; ++v) sums[i][v] = load(corrections + kWidth * v);
    }
    int64_t k = 0;
    do {  // rows are at least one wide
        __m512i w[kVectors];
        for (int v = 0; v < kVectors; ++v) w[v] = _mm512_loadu_si512(codes + 64 * v);
        for (int i = 0; i < n; ++i) {
            int32_t four;
            std::memcpy(&four, hidden + i * depth + k, 4);
            const __m512i h = _mm512_set1_epi32(four);
            for (int v = 0; v < kVectors; ++v) sums[i][v] = (VecInt)_mm512_dpbusd_epi32((__m512i)sums[i][v], h, w[v]);
        }
        codes += 4 * kPanel;
        k += 4;
    } while (k < depth);
    for (int i = 0; i < n; ++i) {
        for (int v = 0; v < kVectors; ++v) {
            store(products[i] + kWidth * v, __builtin_convertvector(sums[i][v], Vec));
        }
    }
#elif defined(__AVX2__)
    constexpr int kQueries = n < 4 ? n : 4, kVectors = n == 1 ? kPanel / kWidth : kWidth == 16 ? 3 : 2;
    for (int i = 0; i < n; i += kQueries) {
        for (int64_t j = 0; j < kPanel; j += kVectors * kWidth) {
            multiply_some<kQueries, kVectors>(hidden + i * depth, codes + 4 * j, corrections + j, depth,
                                              products[i] + j);
        }
    }
#else
    for (int i = 0; i < n; ++i) {
        int32_t sums[kPanel];
        std::memcpy(sums, corrections, sizeof sums);
        for (int64_t k = 0; k < depth; ++k) {
            const int8_t* column = codes + (k / 4) * 4 * kPanel + k % 4;
            for (int64_t j = 0; j < kPanel; ++j) sums[j] += hidden[i * depth + k] * column[4 * j];
        }
        for (int64_t j = 0; j < kPanel; ++j) products[i][j] = static_cast<float>(sums[j]);
    }
#endif
}

// The codes of the queries.
class Queries {
  public:
    Queries(Matrix<const float> hidden, int n_threads)
        : depth_(QuantizedRows::depth(hidden.n_columns)),
          all_codes_(hidden.n_rows * depth_),
          steps_(hidden.n_rows * sizeof(float)) {
        const Scratch all_rounded(n_threads * hidden.n_columns * sizeof(float));
        parallel_for(n_threads, hidden.n_rows, [&](int64_t i, int worker) {
            float* rounded = all_rounded.floats() + worker * hidden.n_columns;
            steps_.floats()[i] = quantize(hidden.row(i), hidden.n_columns, kHighestOfQuery, rounded);
            uint8_t* own = all_codes_.bytes() + i * depth_;
            std::memset(own, kOffset, depth_);
            for (int64_t d = 0; d < hidden.n_columns; ++d) own[d] = static_cast<uint8_t>(rounded[d] + kOffset);
        });
    }

    int64_t depth() const { return depth_; }
    const uint8_t* codes(int64_t i) const { return all_codes_.as<uint8_t>() + i * depth_; }
    float step(int64_t i) const { return steps_.as<float>()[i]; }  // what a code is worth

  private:
    int64_t depth_;
    Scratch all_codes_, steps_;
};

// Offers the rows of a panel to the lists of n samples from `first` on, which keep the k best. Few rows are above a
// threshold, and which ones nobody foresees: so there is one branch for each sample, and one for each such row.
template <int n>
void scan_panel(const QuantizedRows& rows, int64_t panel, const Queries& queries, int64_t first, Contenders* lists,
                int64_t k) {
    float logits[n][kPanel];  // rough ones
    multiply<n>(queries.codes(first), rows, panel, queries.depth(), logits);
    const int32_t first_row = static_cast<int32_t>(panel * kPanel);
    uint64_t above[n] = {};
    for (int j = 0; j < kPanel; j += kWidth) {
        const Vec factors = load(rows.factors + first_row + j), biases = load(rows.biases + first_row + j);
        for (int s = 0; s < n; ++s) {
            const Vec rough = queries.step(first + s) * (factors * load(logits[s] + j)) + biases;
            store(logits[s] + j, rough);
            above[s] |= static_cast<uint64_t>(lanes_above(rough, broadcast(lists[s].threshold))) << j;
        }
    }
    for (int s = 0; s < n; ++s) {
        if (!above[s]) continue;
        for (uint64_t lanes = above[s]; lanes; lanes &= lanes - 1) {
            const int lane = __builtin_ctzll(lanes);
            lists[s].append(logits[s][lane], first_row + lane);
        }
        if (!lists[s].has_room(kPanel)) lists[s].cut(k);
    }
}

}  // namespace

bool scans_int8() {
#if defined(__AVX2__)
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
            quantized.factors[row] =
                quantize(rows.weights(row), rows.width, kHighest, rounded) * (scales ? scales[row] : 1.0f);
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
    const int64_t n = hidden.n_rows, n_panels = QuantizedRows::n_panels(rows.n_rows);
    const Queries queries(hidden, n_threads);
    const ContenderLists lists(n_threads, n, best.n_columns, rows.n_rows);

    // A worker takes chunks in ascending order, and so each of its lists gets ascending ids.
    parallel_for(n_threads, (n_panels + kPanelsTogether - 1) / kPanelsTogether, [&](int64_t chunk, int worker) {
        for (int64_t panel = chunk * kPanelsTogether; panel < smaller(n_panels, (chunk + 1) * kPanelsTogether);
             ++panel) {
            int64_t i = 0;
            for (; i + kSamples <= n; i += kSamples) {
                scan_panel<kSamples>(quantized, panel, queries, i, &lists(worker, i), lists.n_kept());
            }
            for (; i < n; ++i) scan_panel<1>(quantized, panel, queries, i, &lists(worker, i), lists.n_kept());
        }
    });

    lists.settle(rows, scales, quantized.biases, hidden, best, scores, n_threads);
}

}  // namespace slidelearn::SLIDELEARN_ISA

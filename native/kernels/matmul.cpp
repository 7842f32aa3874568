// Dense matrix product in the manner of Goto and van de Geijn (2008): b is packed in blocks that stay in L2, a in
// panels that stay in L1, and a micro-kernel keeps a tile of c in registers.
//
// A library's product would do, were its threads ours and its sums the same at every number of threads.
#include "kernels/matmul.h"

#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace slidelearn::SLIDELEARN_ISA {

namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 12;  // 24 accumulators of the 32 registers
#else
constexpr int kTileRows = 6;  // 12 of 16
#endif
constexpr int kTileColumns = 2 * kWidth;
constexpr int64_t kBlockWords = 256;    // depth of a block, in words of packed memory
constexpr int64_t kBlockColumns = 512;  // a packed block of b: 512 KB

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// What the elements are multiplied as. Packed memory consists of words of four bytes, each with one element, or more of
// them that follow each other in depth.
struct Float32 {
    using Word = float;
    static constexpr int64_t kPerWord = 1;

    static void add(Vec& sum, const Word* a, const Word* b) { sum += *a * load(b); }
    static Word word(const float* source, int64_t, int64_t) { return *source; }
    // words[i] = the first elements of `source`, one after another in depth
    static void words(const float* source, int64_t depth, Word* words) {
        for (int64_t k = 0; k < depth; ++k) words[k] = source[k];
    }
};

#if defined(__AVX512BF16__)
// Elements rounded to 8 bits of mantissa, sums in 32-bit floats.
struct BFloat16 {
    using Word = uint32_t;
    static constexpr int64_t kPerWord = 2;

    static void add(Vec& sum, const Word* a, const Word* b) {
        const __m512i pairs = _mm512_loadu_si512(b);
        sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(*a)), (__m512bh)pairs);
    }
    static Word word(const float* source, int64_t depth_stride, int64_t depth) {
        return rounded(source[0]) | (depth > 1 ? rounded(source[depth_stride]) << 16 : 0);
    }
    static void words(const float* source, int64_t depth, Word* words) {
        int64_t k = 0;
        for (; k + 16 <= depth; k += 16) {
            const __m256bh pairs = _mm512_cvtneps_pbh(_mm512_loadu_ps(source + k));
            std::memcpy(words + k / 2, &pairs, 32);
        }
        for (; k < depth; k += 2) words[k / 2] = word(source + k, 1, depth - k);
    }

  private:
    static uint32_t rounded(float x) {
        uint32_t bits;
        std::memcpy(&bits, &x, 4);
        return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }
};
#endif

// (kTileRows, kTileColumns) tile of c += panel of a (depth, kTileRows) x panel of b (depth, kTileColumns), in words
template <class Element>
void multiply_tile(int64_t n_words, const typename Element::Word* a, const typename Element::Word* b, float* c,
                   int64_t c_stride) {
    Vec sums[kTileRows][2];
#pragma GCC unroll 12
    for (int i = 0; i < kTileRows; ++i) {
        sums[i][0] = load(c + i * c_stride);
        sums[i][1] = load(c + i * c_stride + kWidth);
    }
    for (int64_t k = 0; k < n_words; ++k) {
#pragma GCC unroll 12
        for (int i = 0; i < kTileRows; ++i) {
            Element::add(sums[i][0], a + i, b);
            Element::add(sums[i][1], a + i, b + kWidth);
        }
        a += kTileRows;
        b += kTileColumns;
    }
#pragma GCC unroll 12
    for (int i = 0; i < kTileRows; ++i) {
        store(c + i * c_stride, sums[i][0]);
        store(c + i * c_stride + kWidth, sums[i][1]);
    }
}

// The same on a tile at the edge of c: through a full tile of scratch.
template <class Element>
void multiply_edge(int64_t n_words, const typename Element::Word* a, const typename Element::Word* b, float* c,
                   int64_t c_stride, int64_t n_rows, int64_t n_columns) {
    float tile[kTileRows * kTileColumns] = {};
    for (int64_t i = 0; i < n_rows; ++i) std::memcpy(tile + i * kTileColumns, c + i * c_stride, n_columns * 4);
    multiply_tile<Element>(n_words, a, b, tile, kTileColumns);
    for (int64_t i = 0; i < n_rows; ++i) std::memcpy(c + i * c_stride, tile + i * kTileColumns, n_columns * 4);
}

// to (n_columns, n_rows) = from (n_rows, n_columns), by words of four bytes: four rows by four columns at a time.
template <class Word>
void transpose(const Word* from, int64_t from_stride, int64_t n_rows, int64_t n_columns, Word* to, int64_t to_stride) {
    typedef Word Four __attribute__((vector_size(16)));
    const int64_t whole_rows = n_rows / 4 * 4, whole_columns = n_columns / 4 * 4;
    for (int64_t i = 0; i < whole_rows; i += 4) {
        for (int64_t k = 0; k < whole_columns; k += 4) {
            Four a, b, c, d;
            std::memcpy(&a, from + i * from_stride + k, 16);
            std::memcpy(&b, from + (i + 1) * from_stride + k, 16);
            std::memcpy(&c, from + (i + 2) * from_stride + k, 16);
            std::memcpy(&d, from + (i + 3) * from_stride + k, 16);
            const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                       ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
                       cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
            const Four columns[4] = {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
                                     __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
                                     __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
                                     __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
            for (int64_t column = 0; column < 4; ++column) {
                std::memcpy(to + (k + column) * to_stride + i, &columns[column], 16);
            }
        }
    }
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t k = i < whole_rows ? whole_columns : 0; k < n_columns; ++k) {
            to[k * to_stride + i] = from[i * from_stride + k];
        }
    }
}

// packed (n_words, width) = the block of `source` that has `extent` <= width elements across; the rest is zeros.
template <class Element, int width>
void pack(const float* source, int64_t across_stride, int64_t depth_stride, int64_t extent, int64_t depth,
          typename Element::Word* packed) {
    using Word = typename Element::Word;
    const int64_t n_words = ceil_div(depth, Element::kPerWord);
    if (extent < width) std::memset(packed, 0, n_words * width * sizeof(Word));
    if (depth_stride == 1) {
        Word lines[width * kBlockWords];  // whole lines, one after another: memory likes it
        for (int64_t i = 0; i < extent; ++i) {
            Element::words(source + i * across_stride, depth, lines + i * kBlockWords);
        }
        transpose(lines, kBlockWords, extent, n_words, packed, width);
        return;
    }
    for (int64_t k = 0; k < n_words; ++k) {
        const int64_t first = k * Element::kPerWord;
        const float* line = source + first * depth_stride;
        for (int64_t i = 0; i < extent; ++i) {
            packed[k * width + i] = Element::word(line + i * across_stride, depth_stride, depth - first);
        }
    }
}

template <class Element>
void multiply(Operand a, Operand b, const float* bias, int64_t m, int64_t n, int64_t k, Matrix<float> c,
              int n_threads) {
    using Word = typename Element::Word;
    constexpr int64_t kBlockDepth = kBlockWords * Element::kPerWord;
    const Scratch b_block(kBlockWords * (smaller(n, kBlockColumns) + kTileColumns) * sizeof(Word));
    const Scratch a_panels(n_threads * kBlockWords * kTileRows * sizeof(Word));
    Word* const b_words = b_block.as<Word>();
    // A chunk of work is one row of tiles: small enough to load threads evenly with the rows of a batch, and the tiles
    // lie the same at any number of threads.
    const int64_t n_tile_rows = ceil_div(m, kTileRows);
    parallel_for(n_threads, n_tile_rows, [&](int64_t tile_row, int) {
        for (int64_t i = tile_row * kTileRows; i < smaller(m, (tile_row + 1) * kTileRows); ++i) {
            if (bias) {
                std::memcpy(c.row(i), bias, n * 4);
            } else {
                std::memset(c.row(i), 0, n * 4);
            }
        }
    });
    for (int64_t column = 0; column < n; column += kBlockColumns) {
        const int64_t n_columns = smaller(kBlockColumns, n - column);
        const int64_t n_panels = ceil_div(n_columns, kTileColumns);
        for (int64_t first = 0; first < k; first += kBlockDepth) {
            const int64_t depth = smaller(kBlockDepth, k - first);
            const int64_t n_words = ceil_div(depth, Element::kPerWord);
            parallel_for(n_threads, n_panels, [&](int64_t panel, int) {
                const int64_t j = panel * kTileColumns;
                pack<Element, kTileColumns>(b.data + first * b.row_stride + (column + j) * b.column_stride,
                                            b.column_stride, b.row_stride, smaller(kTileColumns, n_columns - j), depth,
                                            b_words + panel * n_words * kTileColumns);
            });
            parallel_for(n_threads, n_tile_rows, [&](int64_t tile_row, int worker) {
                Word* a_panel = a_panels.as<Word>() + worker * kBlockWords * kTileRows;
                const int64_t i = tile_row * kTileRows, n_rows = smaller(kTileRows, m - i);
                pack<Element, kTileRows>(a.data + i * a.row_stride + first * a.column_stride, a.row_stride,
                                         a.column_stride, n_rows, depth, a_panel);
                for (int64_t panel = 0; panel < n_panels; ++panel) {
                    const int64_t j = panel * kTileColumns;
                    const Word* b_panel = b_words + panel * n_words * kTileColumns;
                    float* tile = c.row(i) + column + j;
                    if (n_rows == kTileRows && n_columns - j >= kTileColumns) {
                        multiply_tile<Element>(n_words, a_panel, b_panel, tile, c.stride);
                    } else {
                        multiply_edge<Element>(n_words, a_panel, b_panel, tile, c.stride, n_rows,
                                               smaller(kTileColumns, n_columns - j));
                    }
                }
            });
        }
    }
}

}  // namespace

void matmul(Operand a, Operand b, const float* bias, int64_t m, int64_t n, int64_t k, Matrix<float> c,
            Precision precision, int n_threads) {
#if defined(__AVX512BF16__)
    if (precision == Precision::bf16) return multiply<BFloat16>(a, b, bias, m, n, k, c, n_threads);
#else
    (void)precision;  // without instructions for it, fewer bits would save nothing
#endif
    multiply<Float32>(a, b, bias, m, n, k, c, n_threads);
}

}  // namespace slidelearn::SLIDELEARN_ISA

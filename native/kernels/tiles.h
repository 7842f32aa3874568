// The micro-kernel of a product, and what feeds it, in the manner of Goto and van de Geijn (2008): b is packed in
// blocks that stay in L2, and a tile of c is kept in registers. Rows of a are read as they lie, packed, or rounded.
#pragma once

#include <type_traits>

#include "kernels/matmul.h"
#include "kernels/packing.h"
#include "kernels/simd.h"

namespace slidelearn::SLIDELEARN_ISA {

#if defined(__AVX512F__)
constexpr int kTileRows = 12;             // 24 accumulators of the 32 registers
constexpr bool kPacksTransposed = false;  // rows of a transposed a; else they are read as they lie
#else
constexpr int kTileRows = 6;             // 12 of 16
constexpr bool kPacksTransposed = true;  // the lines in which six rows lie, of 256 words, would fill L1
#endif
constexpr int kTileColumns = 2 * kWidth;
constexpr int64_t kBlockColumns = 512;  // a packed block of b: 512 KB

// The rows of a tile, in words: word (i, k) lies at `words[i * row_stride + k * depth_stride]`. One of the strides is
// 1, which one is known to the compiler: `across` if it is that of the rows.
template <class Word>
struct TileRows {
    const Word* words;
    int64_t row_stride, depth_stride;
};

// Out of line, or not all compilers keep the sums in registers everywhere.
// (n_rows, kTileColumns) tile of c = start + a (n_rows, depth) x panel of b (depth, kTileColumns), in words
template <class Element, bool across, int n_rows>
[[gnu::noinline]] static void multiply_tile(int64_t n_words, TileRows<typename Element::Word> a,
                                            const typename Element::Word* b, Start start, float* c, int64_t c_stride) {
    using Word = typename Element::Word;
    // a pointer for every few rows, the others are in reach of an address: at their distance, or at twice that
    constexpr int kTogether = across ? n_rows : n_rows % 3 == 0 ? 3 : 2, kPointers = n_rows / kTogether;
    static_assert(n_rows % kTogether == 0 && n_rows <= 12);
    const int64_t row_stride = across ? 1 : a.row_stride, depth_stride = across ? a.depth_stride : 1;
    const Word* words[kPointers];
#pragma GCC unroll 12
    for (int i = 0; i < kPointers; ++i) words[i] = a.words + i * kTogether * row_stride;
    Vec sums[n_rows][2];
#pragma GCC unroll 12
    for (int i = 0; i < n_rows; ++i) {
        sums[i][0] = load(start.first + i * start.stride);
        sums[i][1] = load(start.first + i * start.stride + kWidth);
    }
    for (int64_t k = 0; k < n_words; ++k) {
#pragma GCC unroll 12
        for (int i = 0; i < n_rows; ++i) {
            const Word* word = words[i / kTogether] + i % kTogether * row_stride;
            Element::add(sums[i][0], word, b);
            Element::add(sums[i][1], word, b + kWidth);
        }
#pragma GCC unroll 12
        for (int i = 0; i < kPointers; ++i) words[i] += depth_stride;
        b += kTileColumns;
    }
#pragma GCC unroll 12
    for (int i = 0; i < n_rows; ++i) {
        store(c + i * c_stride, sums[i][0]);
        store(c + i * c_stride + kWidth, sums[i][1]);
    }
}

// The same for any number of rows up to a tile's: some may be computed in vain. They must be there, in a as zeros.
template <class Element, bool across>
static inline void multiply_some(int64_t n_rows, int64_t n_words, TileRows<typename Element::Word> a,
                                 const typename Element::Word* b, Start start, float* c, int64_t c_stride) {
    constexpr int kThird = kTileRows / 3;
    if (n_rows > 2 * kThird) return multiply_tile<Element, across, kTileRows>(n_words, a, b, start, c, c_stride);
    if (n_rows > kThird) return multiply_tile<Element, across, 2 * kThird>(n_words, a, b, start, c, c_stride);
    multiply_tile<Element, across, kThird>(n_words, a, b, start, c, c_stride);
}

// The same on a tile at the edge of c: through a full tile of scratch.
template <class Element, bool across>
static inline void multiply_edge(int64_t n_words, TileRows<typename Element::Word> a, const typename Element::Word* b,
                                 Start start, float* c, int64_t c_stride, int64_t n_rows, int64_t n_columns) {
    float tile[kTileRows * kTileColumns] = {};
    for (int64_t i = 0; i < n_rows; ++i) {
        std::memcpy(tile + i * kTileColumns, start.first + i * start.stride, n_columns * 4);
    }
    multiply_some<Element, across>(n_rows, n_words, a, b, {tile, kTileColumns}, tile, kTileColumns);
    for (int64_t i = 0; i < n_rows; ++i) std::memcpy(c + i * c_stride, tile + i * kTileColumns, n_columns * 4);
}

// What a verb multiplies by: a block of b, packed.
template <class Word>
struct PackedBlock {
    const Word* words;
    int64_t first, depth, n_words;  // in depth
    int64_t column, n_columns;
};

// Asks for a part of what the next row of tiles has in a, one of four: too many places for the processor to foresee.
template <bool across>
static inline void ask_for_next(Operand a, const float* source, int64_t depth, int64_t part) {
    if (part >= 4) return;
    if constexpr (across) {
        for (int64_t k = part * depth / 4; k < (part + 1) * depth / 4; ++k) {
            prefetch(source + k * a.column_stride + 2 * kTileRows - 1);
        }
    } else {
        constexpr int64_t kRows = kTileRows / 4;
        const int64_t first = kTileRows + part * kRows;
        for (int64_t row = first; row < first + kRows; ++row) prefetch(source + row * a.row_stride, depth);
    }
}

constexpr int64_t kScratchWords = kBlockWords * kTileRows;  // for rows of a that must be packed

// c (m, n) = start + a (m, k) x the block, in its columns and in the row of tiles that begins with row i; blocks behind
// the first in depth are added to c.
template <class Element, bool across>
static inline void multiply_rows(Operand a, int64_t i, int64_t m, const PackedBlock<typename Element::Word>& b,
                                 Start start, Matrix<float> c, typename Element::Word* scratch) {
    using Word = typename Element::Word;
    static const float zeros[kBlockColumns] = {};
    const int64_t n_rows = smaller(kTileRows, m - i);
    const Start from = b.first > 0   ? Start{c.row(i) + b.column, c.stride}
                       : start.first ? Start{start.first + i * start.stride + b.column, start.stride}
                                     : Start{zeros, 0};
    const float* source = a.data + i * a.row_stride + b.first * a.column_stride;
    TileRows<Word> rows{scratch, across ? 1 : kBlockWords, across ? kTileRows : 1};
    if constexpr (std::is_same_v<Word, float>) {
        if (n_rows == kTileRows && !(across && kPacksTransposed)) rows = {source, a.row_stride, a.column_stride};
    }
    if (rows.words == scratch) {
        if constexpr (across) {
            pack<Element, kTileRows>(source, 1, a.column_stride, n_rows, b.depth, scratch);
        } else {
            for (int64_t row = 0; row < kTileRows; ++row) {
                Word* words = scratch + row * kBlockWords;
                if (row < n_rows) {
                    Element::along(source + row * a.row_stride, b.depth, words);
                } else {
                    std::memset(words, 0, b.n_words * sizeof(Word));
                }
            }
        }
    }
    for (int64_t j = 0; j < b.n_columns; j += kTileColumns) {
        ask_for_next<across>(a, source, b.depth, j / kTileColumns);
        const Word* panel = b.words + j * b.n_words;
        float* tile = c.row(i) + b.column + j;
        const int64_t n_columns = smaller(kTileColumns, b.n_columns - j);
        const Start here{from.first + j, from.stride};
        if (n_rows == kTileRows && n_columns == kTileColumns) {
            multiply_tile<Element, across, kTileRows>(b.n_words, rows, panel, here, tile, c.stride);
        } else {
            multiply_edge<Element, across>(b.n_words, rows, panel, here, tile, c.stride, n_rows, n_columns);
        }
    }
}

// A whole b (k, n), packed: blocks of columns, of each the blocks of depth, of each the panels.
template <class Element>
class PackedMatrix {
  public:
    using Word = typename Element::Word;
    static constexpr int64_t kBlockDepth = kBlockWords * Element::kPerWord;

    PackedMatrix(Word* words, int64_t k, int64_t n) : words_(words), k_(k), n_(n) {}
    static int64_t n_words(int64_t k, int64_t n) {
        return ceil_div(k, Element::kPerWord) * ceil_div(n, kTileColumns) * kTileColumns;
    }

    int64_t n_panels() const { return ceil_div(n_, kTileColumns); }
    void pack_panel(Operand b, int64_t panel) const {
        const int64_t column = panel * kTileColumns;
        for (int64_t first = 0; first < k_; first += kBlockDepth) {
            const PackedBlock<Word> block = at(column / kBlockColumns * kBlockColumns, first);
            pack<Element, kTileColumns>(b.data + first * b.row_stride + column * b.column_stride, b.column_stride,
                                        b.row_stride, smaller(kTileColumns, n_ - column), block.depth,
                                        const_cast<Word*>(block.words) + (column - block.column) * block.n_words);
        }
    }
    void pack_all(Operand b) const {
        for (int64_t panel = 0; panel < n_panels(); ++panel) pack_panel(b, panel);
    }

    template <class Visit>
    void for_blocks(Visit&& visit) const {
        for (int64_t column = 0; column < n_; column += kBlockColumns) {
            for (int64_t first = 0; first < k_ || first == 0; first += kBlockDepth) visit(at(column, first));
        }
    }

    // c (m, n) = start + a (m, k) b
    template <bool across>
    void multiply(Operand a, int64_t m, Start start, Matrix<float> c, Word* scratch) const {
        for_blocks([&](const PackedBlock<Word>& block) {
            for (int64_t i = 0; i < m; i += kTileRows) {
                multiply_rows<Element, across>(a, i, m, block, start, c, scratch);
            }
        });
    }

  private:
    PackedBlock<Word> at(int64_t column, int64_t first) const {
        const int64_t n_columns = smaller(kBlockColumns, n_ - column), depth = smaller(kBlockDepth, k_ - first);
        const int64_t padded = ceil_div(n_columns, kTileColumns) * kTileColumns;
        const Word* words = words_ + column * ceil_div(k_, Element::kPerWord) + first / Element::kPerWord * padded;
        return {words, first, depth, ceil_div(depth, Element::kPerWord), column, n_columns};
    }

    Word* words_;
    int64_t k_, n_;
};

}  // namespace slidelearn::SLIDELEARN_ISA

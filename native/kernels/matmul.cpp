// Dense matrix product: tiles (kernels/tiles.h), shared out among threads.
//
// A library's product would do, were its threads ours and its sums the same at every number of threads.
#include "kernels/matmul.h"

#include "kernels/tiles.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

// Columns from which on threads share them out, below it the rows. In 16 bits, each chunk of columns rounds all rows
// anew.
#if defined(__AVX512F__)
constexpr int64_t kWide = 2048;
#else
constexpr int64_t kWide = 512;
#endif

// Columns of work taken at a time: a chunk's part of b is packed and multiplied while it is in L2. Few columns make
// small chunks, so that no thread is without.
int64_t columns_of_chunk(int64_t n) { return n < 2048 ? 128 : 256; }

// Each thread packs what it multiplies by, and none waits for another.
template <class Element, bool across>
void multiply_by_columns(Operand a, Operand b, Start start, int64_t m, int64_t n, int64_t k, Matrix<float> c,
                         int n_threads) {
    using Word = typename Element::Word;
    const int64_t size = columns_of_chunk(n), n_words = PackedMatrix<Element>::n_words(k, size) + kScratchWords;
    const Scratch memory(n_threads * n_words * sizeof(Word));
    parallel_for(n_threads, ceil_div(n, size), [&](int64_t chunk, int worker) {
        Word* const words = memory.as<Word>() + worker * n_words;
        const int64_t column = chunk * size, n_columns = smaller(size, n - column);
        const PackedMatrix<Element> packed(words + kScratchWords, k, n_columns);
        packed.pack_all({b.data + column * b.column_stride, b.row_stride, b.column_stride});
        const Start here = start.first ? Start{start.first + column, start.stride} : kZeros;
        packed.template multiply<across>(a, m, here, {c.data + column, m, n_columns, c.stride}, words);
    });
}

// A chunk of work is one row of tiles: small enough to load threads evenly with the rows of a batch.
template <class Element, bool across>
void multiply_by_rows(Operand a, Operand b, Start start, int64_t m, int64_t n, int64_t k, Matrix<float> c,
                      int n_threads) {
    using Word = typename Element::Word;
    const Scratch b_words(PackedMatrix<Element>::n_words(k, n) * sizeof(Word));
    const Scratch scratch(n_threads * kScratchWords * sizeof(Word));
    const PackedMatrix<Element> packed(b_words.as<Word>(), k, n);
    parallel_for(n_threads, packed.n_panels(), [&](int64_t panel, int) { packed.pack_panel(b, panel); });
    packed.for_blocks([&](const PackedBlock<Word>& block) {
        parallel_for(n_threads, ceil_div(m, kTileRows), [&](int64_t tile_row, int worker) {
            multiply_rows<Element, across>(a, tile_row * kTileRows, m, block, start, c,
                                           scratch.as<Word>() + worker * kScratchWords);
        });
    });
}

// Tiles are summed up alike in both, and lie the same at any number of threads.
template <class Element, bool across>
void multiply(Operand a, Operand b, Start start, int64_t m, int64_t n, int64_t k, Matrix<float> c, int n_threads) {
    if (n >= kWide) return multiply_by_columns<Element, across>(a, b, start, m, n, k, c, n_threads);
    multiply_by_rows<Element, across>(a, b, start, m, n, k, c, n_threads);
}

template <class Element>
void multiply_either(Operand a, Operand b, Start start, int64_t m, int64_t n, int64_t k, Matrix<float> c,
                     int n_threads) {
    if (a.column_stride == 1) {
        multiply<Element, false>(a, b, start, m, n, k, c, n_threads);
    } else {
        multiply<Element, true>(a, b, start, m, n, k, c, n_threads);
    }
}

}  // namespace

void matmul(Operand a, Operand b, Start start, int64_t m, int64_t n, int64_t k, Matrix<float> c, Precision precision,
            int n_threads) {
#if defined(__AVX512BF16__)
    if (precision == Precision::bf16) return multiply_either<BFloat16>(a, b, start, m, n, k, c, n_threads);
#else
    (void)precision;  // without instructions for it, fewer bits would save nothing
#endif
    multiply_either<Float32>(a, b, start, m, n, k, c, n_threads);
}

}  // namespace slidelearn::SLIDELEARN_ISA

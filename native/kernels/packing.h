// How factors of a product are laid out for the micro-kernel: in words of four bytes, rounded if fewer bits will do.
#pragma once

#include "kernels/simd.h"
#include "kernels/transposing.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace slidelearn::SLIDELEARN_ISA {

constexpr int64_t kBlockWords = 256;  // depth of a block, in words of packed memory

// What the elements are multiplied as. Packed memory consists of words of four bytes, each with one element, or more of
// them that follow each other in depth.
struct Float32 {
    using Word = float;
    static constexpr int64_t kPerWord = 1;

    static void add(Vec& sum, const Word* a, const Word* b) { sum += *a * load(b); }
    // words[i] = the first elements of `source`, one after another in depth
    static void along(const float* source, int64_t depth, Word* words) { std::memcpy(words, source, depth * 4); }
    // words[i] = what lies at column i of the lines at `source`, as deep as a word
    static void across(const float* source, int64_t, int64_t, int64_t n, Word* words) {
        std::memcpy(words, source, n * 4);
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
    static void along(const float* source, int64_t depth, Word* words) {
        int64_t k = 0;
        for (; k + 32 <= depth; k += 32) {
            const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(source + k + 16), _mm512_loadu_ps(source + k));
            std::memcpy(words + k / 2, &both, 64);
        }
        for (; k < depth; k += 16) {
            const __mmask16 there = lanes(depth - k);
            const __m256i halves = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(there, source + k));
            _mm256_mask_storeu_epi32(words + k / 2, lanes((depth - k + 1) / 2) & 0xFF, halves);
        }
    }
    static void across(const float* source, int64_t depth_stride, int64_t depth, int64_t n, Word* words) {
        for (int64_t i = 0; i < n; i += 16) {
            const __mmask16 there = lanes(n - i);
            VecInt pairs = rounded(_mm512_maskz_loadu_ps(there, source + i));
            if (depth > 1) pairs |= rounded(_mm512_maskz_loadu_ps(there, source + depth_stride + i)) << 16;
            _mm512_mask_storeu_epi32(words + i, there, (__m512i)pairs);
        }
    }

  private:
    static __mmask16 lanes(int64_t n) { return n >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << n) - 1); }
    static VecInt rounded(__m512 x) {
        typedef uint16_t Halves __attribute__((vector_size(32)));
        return __builtin_convertvector((Halves)_mm512_cvtneps_pbh(x), VecInt);
    }
};
#endif

// packed (n_words, width) = the block of `source` that has `extent` <= width elements across; the rest is zeros.
template <class Element, int width>
static inline void pack(const float* source, int64_t across_stride, int64_t depth_stride, int64_t extent, int64_t depth,
                        typename Element::Word* packed) {
    using Word = typename Element::Word;
    const int64_t n_words = ceil_div(depth, Element::kPerWord);
    if (extent < width) std::memset(packed, 0, n_words * width * sizeof(Word));
    if (depth_stride == 1) {
        Word lines[width * kBlockWords];  // whole lines, one after another: memory likes it
        for (int64_t i = 0; i < extent; ++i) Element::along(source + i * across_stride, depth, lines + i * kBlockWords);
        transpose(lines, kBlockWords, extent, n_words, packed, width);
        return;
    }
    for (int64_t k = 0; k < n_words; ++k) {
        const float* line = source + k * Element::kPerWord * depth_stride;
        const int64_t left = depth - k * Element::kPerWord;
        if (extent == width) {  // known to the compiler
            Element::across(line, depth_stride, left, width, packed + k * width);
        } else {
            Element::across(line, depth_stride, left, extent, packed + k * width);
        }
    }
}

}  // namespace slidelearn::SLIDELEARN_ISA

// Both moments of Adam in a word of 32 bits, as bfloat16: m in the upper half, v in the lower.
//
// They are rounded up or down at random, with the chances that make the mean right. A step moves v by a thousandth
// (1 - beta_2) of its distance to g^2, while neighbouring bfloat16 numbers are a 128th to a 256th apart: rounded to the
// nearest, v would stay where it is for ever.
#pragma once

#include "isa.h"
#include "random.h"

namespace slidelearn::SLIDELEARN_ISA {

static inline uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
static inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

struct Moments {
    float m, v;
};

static inline Moments unpacked(float word) {
    return {float_of(bits_of(word) & 0xFFFF0000u), float_of(bits_of(word) << 16)};
}

// Rounds down what has 16 random bits added to the 16 that go: the upper half of `random` for m, the lower for v.
static inline float packed(Moments moments, uint32_t random) {
    const uint32_t m = bits_of(moments.m) + (random >> 16), v = bits_of(moments.v) + (random & 0xFFFFu);
    return float_of((m & 0xFFFF0000u) | (v >> 16));
}

// 32 random bits for each coordinate of a row at its n-th update: a function of these three, so they are the same on
// any number of threads and any width of vectors.
struct RoundingDraws {
    uint32_t key;

    RoundingDraws(int64_t row, float n_updates)
        : key(static_cast<uint32_t>(random_bits(0, static_cast<uint64_t>(row), bits_of(n_updates)))) {}

    uint32_t operator()(int64_t coordinate) const { return mix32(key + static_cast<uint32_t>(coordinate)); }
};

}  // namespace slidelearn::SLIDELEARN_ISA

// Counter-based random numbers: the n-th draw of a stream is a pure function of (seed, stream, n), so it is the same
// on any number of threads and in NumPy (kernels/reference/random.py). SplitMix64's finaliser (Steele et al., 2014).
#pragma once

#include <cstdint>

namespace slidelearn {

static inline uint64_t mix64(uint64_t x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// The finaliser of 32 bits, of a number or of a vector of them, which are quick at it: lowbias32 (Wellons, 2018).
template <class Bits>
static inline Bits mix32(Bits x) {
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

static inline uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t n) {
    return mix64(mix64(mix64(seed) ^ stream) ^ n);
}

// Uniform over [0, bound), 0 < bound < 2^32.
static inline uint32_t random_below(uint64_t seed, uint64_t stream, uint64_t n, uint32_t bound) {
    return static_cast<uint32_t>(((random_bits(seed, stream, n) >> 32) * static_cast<uint64_t>(bound)) >> 32);
}

// Draws for samples: each has a stream of its own; or all have the same, so that what is drawn for a sample does not
// depend on its place among others.
struct SampleDraws {
    uint64_t seed;
    bool alike;

    uint32_t below(int64_t sample, uint64_t n, uint32_t bound) const {
        return random_below(seed, alike ? 0 : static_cast<uint64_t>(sample), n, bound);
    }
};

}  // namespace slidelearn

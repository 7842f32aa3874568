// The best of many scores, kept while they come.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/simd.h"

namespace slidelearn::SLIDELEARN_ISA {

constexpr int64_t kStride = 64;  // scores looked at together: most stretches hold nothing good enough

// The k best of a stream of scored ids, best first; of equal scores the lower id is the better, so the order in which
// they are offered does not matter.
struct Best {
    int32_t* ids;
    float* scores;
    int64_t k;

    void clear() {
        for (int64_t i = 0; i < k; ++i) {
            ids[i] = -1;
            scores[i] = -INFINITY;
        }
    }
    bool admits(float score) const { return score >= scores[k - 1]; }
    void offer(int32_t id, float score) {
        if (!admits(score)) return;
        int64_t i = 0;
        for (int64_t j = 0; j < k; ++j) i += scores[j] > score;
        while (i < k && scores[i] == score && ids[i] >= 0 && ids[i] < id) ++i;
        if (i == k) return;
        std::memmove(ids + i + 1, ids + i, (k - 1 - i) * sizeof(int32_t));
        std::memmove(scores + i + 1, scores + i, (k - 1 - i) * sizeof(float));
        ids[i] = id;
        scores[i] = score;
    }
};

// A bound that at least `wanted` of the scores reach: the best of every lane are as many. -inf where that tells
// nothing.
static inline float reached_by(int64_t wanted, const float* scores, int64_t n) {
    constexpr int64_t kLanes = 2 * kWidth;
    if (wanted > kLanes || n < kLanes) return -INFINITY;
    Vec first = broadcast(-INFINITY), second = first;
    for (int64_t i = 0; i + kLanes <= n; i += kLanes) {
        first = larger(load(scores + i), first);
        second = larger(load(scores + i + kWidth), second);
    }
    float best[kLanes];
    store(best, first);
    store(best + kWidth, second);
    float bound = INFINITY;
    for (float score : best) {
        const uint32_t better = lanes_above(first, broadcast(score)) | lanes_above(second, broadcast(score)) << kWidth;
        if (__builtin_popcount(better) < wanted && score < bound) bound = score;
    }
    return bound;
}

// Calls offer(column, score) for all scores from the bound on that `best` may admit.
template <class Offer>
static inline void scan(const float* scores, int64_t n, const Best& best, float bound, Offer&& offer) {
    for (int64_t begin = 0; begin < n; begin += kStride) {
        const int64_t length = n - begin < kStride ? n - begin : kStride;
        const float highest = largest(scores + begin, length);
        if (!(highest >= bound) || !best.admits(highest)) continue;
        for (int64_t k = begin; k < begin + length; ++k) {
            if (scores[k] >= bound && best.admits(scores[k])) offer(k, scores[k]);
        }
    }
}

}  // namespace slidelearn::SLIDELEARN_ISA

// Those of a stream of scored ids that may be among its k best. One comparison turns most away; the others wait in a
// list that is cut down to the k best when it is full. So keeping the best 40 costs hardly more than keeping one.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/simd.h"

namespace slidelearn::SLIDELEARN_ISA {

// The ids come in ascending order, so of equal scores the first are the better ones. Scores of -inf are turned away.
struct Contenders {
    int32_t* ids;
    float* scores;
    int64_t room;  // for which there must be kWidth elements more
    int64_t n;
    float threshold;  // no score up to it is among the best any more

    static constexpr int64_t kRoomPerWanted = 2;  // more would be cut less often, but let more in between

    bool has_room(int64_t n_more) const { return n + n_more <= room; }

    void offer(Vec new_scores, VecInt new_ids) {
        const uint32_t above = lanes_above(new_scores, broadcast(threshold));
        if (above) append(above, new_scores, new_ids);
    }

    void append(float score, int32_t id) {
        scores[n] = score;
        ids[n++] = id;
    }

    // Leaves the k best, in the order in which they came.
    void cut(int64_t k) {
        if (n <= k) return;
        int64_t n_ties = find_threshold(k);
        const int64_t n_before = n;
        n = 0;
        for (int64_t i = 0; i < n_before; i += kWidth) {  // writes behind where it reads
            const Vec s = load(scores + i);
            uint32_t kept = lanes_above(s, broadcast(threshold));
            for (uint32_t ties = lanes_equal(s, broadcast(threshold)); ties && n_ties; ties &= ties - 1, --n_ties) {
                kept |= ties & -ties;
            }
            append(kept, s, load(ids + i));
        }
    }

    // Writes the k best, best first, of equal scores the first; -1 and -inf where there are fewer. Each finds its place
    // by those that are better: quicker than to move them apart for the next.
    void put_in_order(int32_t* best_ids, float* best_scores, int64_t k) const {
        for (int64_t i = 0; i < k; ++i) {
            best_ids[i] = -1;
            best_scores[i] = -INFINITY;
        }
        for (int lane = 0; lane < kWidth; ++lane) scores[n + lane] = -INFINITY;
        for (int64_t j = 0; j < n; ++j) {
            const Vec own = broadcast(scores[j]);
            int64_t place = 0;
            for (int64_t i = 0; i < n; i += kWidth) {
                uint32_t better = lanes_above(load(scores + i), own);
                if (i < j) {
                    const uint32_t before = j - i < kWidth ? (uint32_t{1} << (j - i)) - 1 : ~uint32_t{0};
                    better |= lanes_equal(load(scores + i), own) & before;
                }
                place += __builtin_popcount(better);
            }
            if (place < k && scores[j] > -INFINITY) {  // no NaN
                best_ids[place] = ids[j];
                best_scores[place] = scores[j];
            }
        }
    }

    // Takes in those of another list, whose ids may lie between these.
    void merge(const Contenders& other) {
        int64_t own = n, others = other.n;
        n += other.n;
        for (int64_t to = n; others > 0;) {
            const bool from_own = own > 0 && ids[own - 1] > other.ids[others - 1];
            const Contenders& from = from_own ? *this : other;
            const int64_t i = from_own ? --own : --others;
            ids[--to] = from.ids[i];
            scores[to] = from.scores[i];
        }
    }

  private:
    void append(uint32_t kept, Vec new_scores, VecInt new_ids) {
        store_lanes(kept, new_scores, scores + n);
        store_lanes(kept, new_ids, ids + n);
        n += __builtin_popcount(kept);
    }

    int64_t n_above(float bound) const {
#if defined(__AVX512F__)
        int64_t n_found = 0;
        for (int64_t i = 0; i < n; i += kWidth) {
            n_found += __builtin_popcount(lanes_above(load(scores + i), broadcast(bound)));
        }
        return n_found;
#else
        VecInt count{};
        for (int64_t i = 0; i < n; i += kWidth) count -= load(scores + i) > broadcast(bound);
        int64_t total = 0;
        for (int lane = 0; lane < kWidth; ++lane) total += count[lane];
        return total;
#endif
    }

    // By bisection. At most k scores lie above the threshold; returns how many of those equal to it make them k.
    int64_t find_threshold(int64_t k) {
        for (int lane = 0; lane < kWidth; ++lane) scores[n + lane] = -INFINITY;
        int64_t low = in_order(threshold) - int64_t{1};  // some may equal the former threshold
        int64_t high = in_order(largest(scores, n));
        while (high - low > 1) {
            const int64_t middle = (low + high) >> 1;
            const int64_t n_better = n_above(from_order(middle));
            if (n_better > k) {
                low = middle;
            } else {
                high = middle;
                if (n_better == k) break;
            }
        }
        threshold = from_order(high);
        return k - n_above(threshold);
    }

    // Floats as integers in the same order, which can be halved.
    static int64_t in_order(float x) {
        int32_t bits;
        std::memcpy(&bits, &x, sizeof bits);
        return bits < 0 ? bits ^ 0x7fffffff : bits;
    }
    static float from_order(int64_t place) {
        const int32_t bits = static_cast<int32_t>(place < 0 ? place ^ 0x7fffffff : place);
        float x;
        std::memcpy(&x, &bits, sizeof x);
        return x;
    }
};

}  // namespace slidelearn::SLIDELEARN_ISA

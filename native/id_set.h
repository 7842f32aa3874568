// A set of ids in [0, n) that can give them back in ascending order. A bit per id, and a bit per word of those: taking
// m ids costs m steps and n / 4096, where sorting them would cost ten times as much.
#pragma once

#include <cstdint>
#include <vector>

namespace slidelearn {

class IdSet {
  public:
    explicit IdSet(int64_t n) : n_(n), words_((n >> 6) + 1), summary_((n >> 12) + 1) {}

    int64_t n_ids() const { return n_; }

    // Whether the id was not in yet.
    bool insert(int32_t id) {
        const uint64_t bit = 1ull << (id & 63), word = words_[id >> 6];
        words_[id >> 6] = word | bit;
        summary_[id >> 12] |= 1ull << ((id >> 6) & 63);
        return (word & bit) == 0;
    }

    void erase(int32_t id) {
        words_[id >> 6] &= ~(1ull << (id & 63));
        if (words_[id >> 6] == 0) summary_[id >> 12] &= ~(1ull << ((id >> 6) & 63));
    }

    // Empties the set; take(id) is called for each.
    template <class Take>
    void drain(Take&& take) {
        for (std::size_t s = 0; s < summary_.size(); ++s) {
            for (; summary_[s] != 0; summary_[s] &= summary_[s] - 1) {
                const std::size_t w = s << 6 | __builtin_ctzll(summary_[s]);
                for (; words_[w] != 0; words_[w] &= words_[w] - 1) {
                    take(static_cast<int32_t>(w << 6 | __builtin_ctzll(words_[w])));
                }
            }
        }
    }

  private:
    int64_t n_;
    std::vector<uint64_t> words_;
    std::vector<uint64_t> summary_;
};

}  // namespace slidelearn

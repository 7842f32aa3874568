// In how many tables each neuron was found, a byte per neuron. To find those with enough, all bytes are looked at,
// eight at a time: quicker than going through the buckets once more, as long as there are fewer neurons than ids in
// them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace slidelearn {

class AgreementCounts {
  public:
    static constexpr int64_t kMost = 127;

    // A word holds counts up to 127, and the time to look at all neurons must follow the entries of the buckets.
    static bool suit(int64_t n_tables, int64_t n_neurons, int64_t n_entries) {
        return n_tables <= kMost && n_neurons <= kNeuronsPerEntry * n_entries;
    }

    explicit AgreementCounts(int64_t n_neurons) : counts_((n_neurons + kLanes - 1) / kLanes * kLanes) {}

    void add(const int32_t* begin, const int32_t* end) {
        for (const int32_t* id = begin; id < end; ++id) ++counts_[*id];
    }

    int64_t operator[](int32_t id) const { return counts_[id]; }

    void clear() { std::fill(counts_.begin(), counts_.end(), uint8_t{0}); }

    // take(id, agreement) for every neuron found in at least `lowest` tables (1 to 127), ascending.
    template <class Take>
    void at_least(int64_t lowest, Take&& take) const {
        // In each byte: 128 + count - lowest, whose highest bit says whether count >= lowest; no byte borrows from the
        // next one.
        const uint64_t subtrahend = kOnes * static_cast<uint64_t>(lowest);
        for (std::size_t first = 0; first < counts_.size(); first += kLanes) {
            uint64_t word;
            std::memcpy(&word, counts_.data() + first, kLanes);
            for (uint64_t enough = ((word | kHighBits) - subtrahend) & kHighBits; enough != 0; enough &= enough - 1) {
                const std::size_t id = first + __builtin_ctzll(enough) / 8;
                take(static_cast<int32_t>(id), static_cast<int64_t>(counts_[id]));
            }
        }
    }

  private:
    static constexpr int64_t kNeuronsPerEntry = 8;
    static constexpr std::size_t kLanes = 8;
    static constexpr uint64_t kOnes = 0x0101010101010101ull, kHighBits = 0x8080808080808080ull;

    std::vector<uint8_t> counts_;
};

}  // namespace slidelearn

#include "active.h"

#include <algorithm>

#include "random.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

// A set of ids by open addressing: small, so it stays in cache, and cleared in time that follows its content.
class IdSet {
  public:
    void reset(int64_t most) {
        std::size_t size = 64;
        while (static_cast<int64_t>(size) < 2 * most) size *= 2;
        slots_.assign(size, -1);
    }
    bool insert(int32_t id) {
        std::size_t slot = find(id);
        if (slots_[slot] == id) return false;
        slots_[slot] = id;
        return true;
    }

  private:
    std::size_t find(int32_t id) const {
        std::size_t slot = (static_cast<uint32_t>(id) * 2654435769u) & (slots_.size() - 1);
        while (slots_[slot] != id && slots_[slot] != -1) slot = (slot + 1) & (slots_.size() - 1);
        return slot;
    }
    std::vector<int32_t> slots_;
};

}  // namespace

Assembled assemble(Csr labels, Csr candidates, const int32_t* common, int64_t n_common, int64_t min_active,
                   int64_t n_neurons, uint64_t seed, int n_threads) {
    const int64_t n_samples = labels.n_rows;
    min_active = std::min(min_active, n_neurons);
    std::vector<std::vector<int32_t>> rows(n_samples);
    Assembled result;
    result.indptr.resize(n_samples + 1);
    result.n_fill.resize(n_samples);
    std::vector<IdSet> sets(n_threads);
    parallel_for(n_threads, n_samples, [&](int64_t i, int worker) {
        std::vector<int32_t>& row = rows[i];
        IdSet& set = sets[worker];
        const int64_t n_labels = labels.end(i) - labels.begin(i);
        const int64_t n_given = n_labels + candidates.end(i) - candidates.begin(i) + n_common;
        set.reset(std::max(n_given, min_active));
        row.reserve(std::max(n_given, min_active));
        row.assign(labels.indices + labels.begin(i), labels.indices + labels.end(i));
        for (int32_t id : row) set.insert(id);
        auto add = [&](const int32_t* begin, const int32_t* end) {
            for (const int32_t* id = begin; id < end; ++id) {
                if (set.insert(*id)) row.push_back(*id);
            }
        };
        add(candidates.indices + candidates.begin(i), candidates.indices + candidates.end(i));
        add(common, common + n_common);
        const int64_t n_before_fill = static_cast<int64_t>(row.size());
        for (uint64_t n = 0; static_cast<int64_t>(row.size()) < min_active; ++n) {
            const int32_t id = static_cast<int32_t>(random_below(seed, i, n, static_cast<uint32_t>(n_neurons)));
            if (set.insert(id)) row.push_back(id);
        }
        result.n_fill[i] = static_cast<int32_t>(static_cast<int64_t>(row.size()) - n_before_fill);
    });
    for (int64_t i = 0; i < n_samples; ++i)
        result.indptr[i + 1] = result.indptr[i] + static_cast<int64_t>(rows[i].size());
    result.ids.resize(result.indptr[n_samples]);
    for (int64_t i = 0; i < n_samples; ++i)
        std::copy(rows[i].begin(), rows[i].end(), result.ids.begin() + result.indptr[i]);
    return result;
}

void draw(int64_t n_rows, int64_t n_draws, const int32_t* population, int64_t n, uint64_t seed, int32_t* ids) {
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t k = 0; k < n_draws; ++k) {
            const uint32_t place = random_below(seed, i, k, static_cast<uint32_t>(n));
            ids[i * n_draws + k] = population ? population[place] : static_cast<int32_t>(place);
        }
    }
}

}  // namespace slidelearn

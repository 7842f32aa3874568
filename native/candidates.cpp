#include "candidates.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <utility>

#include "id_set.h"
#include "random.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

using Bucket = std::pair<const int32_t*, const int32_t*>;

// The buckets of a sample, one per table. Each lies somewhere else in memory: ask for all of them before the first use.
void find_buckets(const HashTables& tables, Matrix<const int32_t> codes, int64_t sample, std::vector<Bucket>& buckets) {
    const int64_t n_tables = codes.n_rows;
    for (int64_t t = 0; t < n_tables; ++t) __builtin_prefetch(tables.offsets.row(t) + codes.row(t)[sample]);
    for (int64_t t = 0; t < n_tables; ++t) {
        const int32_t bucket = codes.row(t)[sample];
        buckets[t] = {tables.begin(t, bucket), tables.end(t, bucket)};
        __builtin_prefetch(buckets[t].first);
    }
}

// In how many tables each neuron was found, for one sample after another. Clearing costs what was found, never the
// number of neurons.
class Tally {
  public:
    explicit Tally(int64_t n_neurons) : counts_(n_neurons), found_(new int32_t[n_neurons + 1]) {}

    void add(int32_t id) {
        found_[n_found_] = id;
        n_found_ += counts_[id]++ == 0;
    }
    int count(int32_t id) const { return counts_[id]; }
    int64_t n_found() const { return n_found_; }
    const int32_t* begin() const { return found_.get(); }
    const int32_t* end() const { return found_.get() + n_found_; }

    void clear() {
        for (int32_t id : *this) counts_[id] = 0;
        n_found_ = 0;
    }

  private:
    std::vector<uint16_t> counts_;
    std::unique_ptr<int32_t[]> found_;  // one longer than need be, so that add() can write before it knows
    int64_t n_found_ = 0;
};

// What one thread works on.
struct Workspace {
    Workspace(int64_t n_tables, int64_t n_neurons)
        : buckets(n_tables), n_with(n_tables + 1), tally(n_neurons), chosen(n_neurons), tied(n_neurons) {}

    std::vector<Bucket> buckets;
    std::vector<int64_t> n_with;  // neurons by the number of tables that agree on them
    Tally tally;
    IdSet chosen, tied;

    void tally_buckets() {
        for (const auto& [begin, end] : buckets) {
            for (const int32_t* id = begin; id < end; ++id) tally.add(*id);
        }
    }
};

// choose(sample, work) puts the sample's ids into work.chosen, and leaves work.tied empty.
template <class Choose>
Candidates for_each_sample(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons, int n_threads,
                           Choose&& choose) {
    std::vector<Workspace> workspaces;
    for (int worker = 0; worker < n_threads; ++worker) workspaces.emplace_back(codes.n_rows, n_neurons);
    Candidates candidates(codes.n_columns);
    std::atomic<bool> out_of_memory{false};
    parallel_for(n_threads, codes.n_columns, [&](int64_t sample, int worker) {
        Workspace& work = workspaces[worker];
        find_buckets(tables, codes, sample, work.buckets);
        choose(sample, work);
        work.tally.clear();
        try {
            work.chosen.drain([&](int32_t id) { candidates[sample].push_back(id); });
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
        }
    });
    if (out_of_memory) throw std::bad_alloc();
    return candidates;
}

// The lowest agreement that is still among the n_wanted best, fewer than were found. n_with (n_tables + 1) is scratch.
int lowest_agreement(const Tally& tally, int64_t n_wanted, std::vector<int64_t>& n_with) {
    std::fill(n_with.begin(), n_with.end(), 0);
    for (int32_t id : tally) ++n_with[tally.count(id)];
    int agreement = static_cast<int>(n_with.size()) - 1;
    for (int64_t n_above = n_with[agreement]; n_above < n_wanted; n_above += n_with[agreement]) --agreement;
    return agreement;
}

}  // namespace

Candidates vanilla_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                              int64_t n_candidates, uint64_t seed, int n_threads) {
    const int64_t n_tables = codes.n_rows;
    return for_each_sample(tables, codes, n_neurons, n_threads, [&](int64_t sample, Workspace& work) {
        std::vector<Bucket>& buckets = work.buckets;
        Tally& tally = work.tally;
        for (int64_t i = 0; i < n_tables && tally.n_found() < n_candidates; ++i) {
            const uint32_t n_left = static_cast<uint32_t>(n_tables - i);
            std::swap(buckets[i], buckets[i + random_below(seed, sample, 2 * i, n_left)]);
            const auto [begin, end] = buckets[i];
            if (begin == end) continue;
            const int32_t* start = begin + random_below(seed, sample, 2 * i + 1, static_cast<uint32_t>(end - begin));
            for (const int32_t* id = start; id < end && tally.n_found() < n_candidates; ++id) tally.add(*id);
            for (const int32_t* id = begin; id < start && tally.n_found() < n_candidates; ++id) tally.add(*id);
        }
        for (int32_t id : tally) work.chosen.insert(id);
    });
}

Candidates topk_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                           int64_t n_candidates, int n_threads) {
    return for_each_sample(tables, codes, n_neurons, n_threads, [&](int64_t, Workspace& work) {
        work.tally_buckets();
        const Tally& tally = work.tally;
        const int lowest = tally.n_found() > n_candidates ? lowest_agreement(tally, n_candidates, work.n_with) : 0;
        int64_t n_wanted = n_candidates;
        for (int32_t id : tally) {
            if (tally.count(id) < lowest) continue;
            if (tally.count(id) == lowest) {
                work.tied.insert(id);
            } else {
                work.chosen.insert(id);
                --n_wanted;
            }
        }
        work.tied.drain([&](int32_t id) {
            if (n_wanted-- > 0) work.chosen.insert(id);
        });
    });
}

Candidates threshold_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                                int64_t min_tables, int n_threads) {
    return for_each_sample(tables, codes, n_neurons, n_threads, [&](int64_t, Workspace& work) {
        work.tally_buckets();
        for (int32_t id : work.tally) {
            if (work.tally.count(id) >= min_tables) work.chosen.insert(id);
        }
    });
}

}  // namespace slidelearn

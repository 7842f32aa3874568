#include "candidates.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "agreement_counts.h"
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

// What one thread works on. It is as large as the layer, so it is kept from one batch to the next: a step must not cost
// time that grows with the number of neurons. Every count is zero, and every set empty, between samples.
struct Workspace {
    Workspace(int64_t n_tables, int64_t n_neurons)
        : buckets(n_tables),
          n_reached(kLanes * (n_tables + 1)),
          counts(n_neurons),
          found(new int32_t[n_neurons + 1]),
          chosen(n_neurons),
          tied(n_neurons),
          agreement(n_neurons) {}

    // Neighbouring additions go to different lanes: most of them raise the same number, and would wait for each other.
    static constexpr int64_t kLanes = 4;

    std::vector<Bucket> buckets;
    std::vector<int32_t> n_reached;    // [agreement * kLanes + lane]: neurons that were found in so many tables or more
    std::vector<uint16_t> counts;      // in how many tables a neuron was found
    std::unique_ptr<int32_t[]> found;  // one longer than need be: an id is written before it is known to count
    IdSet chosen, tied;
    AgreementCounts agreement;
    int64_t likely_agreement = 1;  // that the best neurons of a sample reach, going by the sample before
};

// Taken out while it is in use: one that an error leaves unclear is never put back.
thread_local std::unique_ptr<Workspace> kept_workspace;

std::unique_ptr<Workspace> take_workspace(int64_t n_tables, int64_t n_neurons) {
    std::unique_ptr<Workspace> work = std::move(kept_workspace);
    const bool fits = work && static_cast<int64_t>(work->buckets.size()) == n_tables &&
                      static_cast<int64_t>(work->counts.size()) >= n_neurons;
    return fits ? std::move(work) : std::make_unique<Workspace>(n_tables, n_neurons);
}

// choose(sample, work, ids) appends the sample's ids, ascending, and leaves `work` clear.
template <class Choose>
Candidates for_each_sample(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons, int n_threads,
                           Choose&& choose) {
    Candidates candidates(codes.n_columns);
    parallel_for(n_threads, codes.n_columns, [&](int64_t sample, int) {
        std::unique_ptr<Workspace> work = take_workspace(codes.n_rows, n_neurons);
        find_buckets(tables, codes, sample, work->buckets);
        choose(sample, *work, candidates[sample]);
        work->chosen.drain([&](int32_t id) { candidates[sample].push_back(id); });
        kept_workspace = std::move(work);
    });
    return candidates;
}

void count_agreement(Workspace& work) {
    for (const auto& [begin, end] : work.buckets) {
        for (const int32_t* id = begin; id < end; ++id) {
            const int64_t agreement = ++work.counts[*id];
            ++work.n_reached[agreement * Workspace::kLanes + ((id - begin) & (Workspace::kLanes - 1))];
        }
    }
}

// The highest agreement that n_wanted neurons reach, at least 1. Clears what it reads.
int64_t agreement_of(Workspace& work, int64_t n_wanted) {
    int64_t found = 1;
    for (int64_t agreement = static_cast<int64_t>(work.buckets.size()); agreement > 0; --agreement) {
        int32_t* lanes = work.n_reached.data() + agreement * Workspace::kLanes;
        int64_t n = 0;
        for (int64_t lane = 0; lane < Workspace::kLanes; ++lane) n += std::exchange(lanes[lane], 0);
        if (n >= n_wanted && found == 1) found = agreement;
    }
    return found;
}

// Lists the neurons that were found in at least `lowest` tables in work.found, each once, those in just so many tables
// with their bits flipped; returns how many. Clears the counts. Without branches: most neurons are in one table or two,
// and which of them qualify cannot be predicted.
int64_t list_found(Workspace& work, int64_t lowest) {
    int32_t* found = work.found.get();
    int64_t n = 0;
    for (const auto& [begin, end] : work.buckets) {
        for (const int32_t* id = begin; id < end; ++id) {
            const int64_t agreement = std::exchange(work.counts[*id], uint16_t{0});
            found[n] = *id ^ -static_cast<int32_t>(agreement == lowest);
            n += agreement >= lowest;
        }
    }
    return n;
}

void choose_all(Workspace& work, int64_t n_listed) {
    for (int64_t i = 0; i < n_listed; ++i) {
        work.chosen.insert(work.found[i] < 0 ? ~work.found[i] : work.found[i]);
    }
}

// Whether to look at the agreement of all neurons, or go through the buckets once more.
bool is_narrow(const Workspace& work, int64_t n_neurons) {
    int64_t n_entries = 0;
    for (const auto& [begin, end] : work.buckets) n_entries += end - begin;
    return AgreementCounts::suit(static_cast<int64_t>(work.buckets.size()), n_neurons, n_entries);
}

void count_agreement_of_narrow(Workspace& work) {
    for (const auto& [begin, end] : work.buckets) work.agreement.add(begin, end);
}

void topk_of_narrow(Workspace& work, int64_t n_candidates, std::vector<int32_t>& ids) {
    count_agreement_of_narrow(work);
    std::array<int64_t, AgreementCounts::kMost + 1> n_with{};  // [agreement]
    int64_t lowest = work.likely_agreement, n_found = 0;
    auto list = [&] {
        n_found = 0;
        n_with.fill(0);
        work.agreement.at_least(lowest, [&](int32_t id, int64_t agreement) {
            work.found[n_found++] = id;
            ++n_with[agreement];
        });
    };
    for (list(); n_found < n_candidates && lowest > 1; list()) lowest = std::max<int64_t>(1, lowest * 3 / 4);
    int64_t n_above = 0, agreement = AgreementCounts::kMost;
    while (agreement > lowest && n_above + n_with[agreement] < n_candidates) n_above += n_with[agreement--];
    int64_t n_tied = n_candidates - n_above;
    for (int64_t i = 0; i < n_found; ++i) {
        const int64_t reached = work.agreement[work.found[i]];
        if (reached > agreement || (reached == agreement && n_tied-- > 0)) ids.push_back(work.found[i]);
    }
    work.agreement.clear();
    work.likely_agreement = std::max<int64_t>(1, agreement - 1);
}

void topk_of_wide(Workspace& work, int64_t n_candidates) {
    count_agreement(work);
    const int64_t lowest = agreement_of(work, n_candidates);
    int64_t n_wanted = n_candidates;
    const int64_t n_listed = list_found(work, lowest);
    for (int64_t i = 0; i < n_listed; ++i) {
        if (work.found[i] < 0) {
            work.tied.insert(~work.found[i]);
        } else {
            work.chosen.insert(work.found[i]);
            --n_wanted;
        }
    }
    work.tied.drain([&](int32_t id) {
        if (n_wanted-- > 0) work.chosen.insert(id);
    });
}

}  // namespace

Candidates vanilla_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                              int64_t n_candidates, SampleDraws draws, int n_threads) {
    const int64_t n_tables = codes.n_rows;
    return for_each_sample(
        tables, codes, n_neurons, n_threads, [&](int64_t sample, Workspace& work, std::vector<int32_t>&) {
            std::vector<Bucket>& buckets = work.buckets;
            int64_t n_found = 0;
            auto take = [&](const int32_t* begin, const int32_t* end) {
                for (const int32_t* id = begin; id < end && n_found < n_candidates; ++id) {
                    n_found += work.counts[*id]++ == 0;
                }
            };
            int64_t n_opened = 0;
            for (; n_opened < n_tables && n_found < n_candidates; ++n_opened) {
                const int64_t i = n_opened;
                const uint32_t n_left = static_cast<uint32_t>(n_tables - i);
                std::swap(buckets[i], buckets[i + draws.below(sample, 2 * i, n_left)]);
                const auto [begin, end] = buckets[i];
                if (begin == end) continue;
                const int32_t* start = begin + draws.below(sample, 2 * i + 1, static_cast<uint32_t>(end - begin));
                take(start, end);
                take(begin, start);
            }
            std::fill(buckets.begin() + n_opened, buckets.end(), Bucket{nullptr, nullptr});
            choose_all(work, list_found(work, 1));
        });
}

Candidates topk_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                           int64_t n_candidates, int n_threads) {
    return for_each_sample(tables, codes, n_neurons, n_threads,
                           [&](int64_t, Workspace& work, std::vector<int32_t>& ids) {
                               if (is_narrow(work, n_neurons)) {
                                   topk_of_narrow(work, n_candidates, ids);
                               } else {
                                   topk_of_wide(work, n_candidates);
                               }
                           });
}

Candidates threshold_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                                int64_t min_tables, int n_threads) {
    return for_each_sample(
        tables, codes, n_neurons, n_threads, [&](int64_t, Workspace& work, std::vector<int32_t>& ids) {
            if (is_narrow(work, n_neurons)) {
                count_agreement_of_narrow(work);
                if (min_tables <= AgreementCounts::kMost) {
                    work.agreement.at_least(min_tables, [&](int32_t id, int64_t) { ids.push_back(id); });
                }
                work.agreement.clear();
            } else {
                count_agreement(work);
                agreement_of(work, 1);
                choose_all(work, list_found(work, min_tables));
            }
        });
}

}  // namespace slidelearn

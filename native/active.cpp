#include "active.h"

#include <algorithm>

#include "id_set.h"
#include "random.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

// As large as the layer, so it is kept from one batch to the next; empty between samples.
IdSet& set_of_this_thread(int64_t n_neurons) {
    thread_local IdSet kept(0);
    if (kept.n_ids() < n_neurons) kept = IdSet(n_neurons);
    return kept;
}

}  // namespace

Assembled assemble(Csr labels, Csr found, Csr drawn, const int32_t* common, int64_t n_common, int64_t min_active,
                   int64_t n_neurons, SampleDraws draws, int n_threads) {
    const int64_t n_samples = labels.n_rows;
    min_active = std::min(min_active, n_neurons);
    std::vector<std::vector<int32_t>> rows(n_samples);
    Assembled result;
    result.indptr.resize(n_samples + 1);
    result.n_found.resize(n_samples);
    result.n_fill.resize(n_samples);
    parallel_for(n_threads, n_samples, [&](int64_t i, int) {
        IdSet& set = set_of_this_thread(n_neurons);
        std::vector<int32_t>& row = rows[i];
        const int64_t n_given = labels.length(i) + found.length(i) + drawn.length(i) + n_common;
        row.resize(std::max(n_given, min_active));  // the last thing that may fail before the set is empty again
        int64_t n = 0;
        auto add = [&](const int32_t* begin, int64_t length) {
            for (const int32_t* id = begin; id < begin + length; ++id) {
                row[n] = *id;
                n += set.insert(*id);
            }
            return static_cast<int32_t>(n);
        };
        add(labels.indices + labels.begin(i), labels.length(i));
        result.n_found[i] = add(found.indices + found.begin(i), found.length(i));
        add(drawn.indices + drawn.begin(i), drawn.length(i));
        const int32_t n_before_fill = add(common, n_common);
        for (uint64_t number = 0; n < min_active; ++number) {
            row[n] = static_cast<int32_t>(draws.below(i, number, static_cast<uint32_t>(n_neurons)));
            n += set.insert(row[n]);
        }
        result.n_fill[i] = static_cast<int32_t>(n) - n_before_fill;
        row.resize(n);
        for (int32_t id : row) set.erase(id);
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

// Putting active sets together, one per sample.
#pragma once

#include <cstdint>
#include <vector>

#include "random.h"
#include "views.h"

namespace slidelearn {

struct Assembled {
    std::vector<int64_t> indptr;   // (n_samples + 1)
    std::vector<int32_t> ids;      // per sample, each id once: labels, found, drawn, common, fill
    std::vector<int32_t> n_found;  // per sample: how many ids are labels or found
    std::vector<int32_t> n_fill;   // per sample: how many ids were drawn at random to reach min_active
};

// The active set of each sample: its own labels; ids found and ids drawn for it (one list of each per sample, ids may
// repeat); the ids common to all samples; and random ids up to min_active. Time follows the ids, never the number of
// neurons.
Assembled assemble(Csr labels, Csr found, Csr drawn, const int32_t* common, int64_t n_common, int64_t min_active,
                   int64_t n_neurons, SampleDraws draws, int n_threads);

// n_draws ids for each of n_rows: uniform over [0, n), or elements of `population` (n) where it is not null.
void draw(int64_t n_rows, int64_t n_draws, const int32_t* population, int64_t n, uint64_t seed, int32_t* ids);

}  // namespace slidelearn

// What the tables return for a sample: the neurons that share its buckets.
#pragma once

#include <vector>

#include "hash_tables.h"
#include "random.h"

namespace slidelearn {

// Distinct ids of each sample, ascending.
using Candidates = std::vector<std::vector<int32_t>>;

// codes (n_tables, n_samples) hold the samples' buckets.

// Tables in random order, each bucket from a random place on and round, until n_candidates ids are found.
Candidates vanilla_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                              int64_t n_candidates, SampleDraws draws, int n_threads);

// The n_candidates ids found in the most tables; of equals, the lowest.
Candidates topk_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                           int64_t n_candidates, int n_threads);

// The ids found in at least min_tables tables.
Candidates threshold_candidates(const HashTables& tables, Matrix<const int32_t> codes, int64_t n_neurons,
                                int64_t min_tables, int n_threads);

}  // namespace slidelearn

// The training samples nearest to a query, and what their labels say: k nearest neighbours under the inner product of
// sparse features, through an inverted index over each sample's strongest features.
#pragma once

#include <cstdint>
#include <vector>

#include "views.h"

namespace slidelearn {

struct SparseRows {
    std::vector<int64_t> indptr;
    std::vector<int32_t> indices;
    std::vector<float> data;
};

// The n entries of greatest magnitude of each row, in their order; of equal ones the first.
SparseRows strongest(Csr x, int64_t n);

// What is known about the training samples.
struct NeighbourIndex {
    Csr postings;  // (n_features): for each feature, the samples among whose strongest it is
    Csr features;  // (n_samples)
    Csr labels;    // (n_samples): the pattern is read
    int64_t n_features, n_labels;
};

// votes[i, j] = the share that those of sample i's nearest neighbours who have the label ids[i, j] hold of the weight
// of all, a neighbour weighing as much as this power of its similarity; 0 where ids[i, j] is -1. Candidates are found
// by the products over the `strong` features of the samples (rows as x has), the best four for each neighbour wanted
// are looked at in full; those of no positive similarity are none. Of equally similar ones the first samples are taken.
// others[i]: the labels with most votes beside ids[i], best first (of equal ones the first), as many as it has columns
// and -1 where there are no more; their votes come after those of ids[i]. False if the index is damaged where it was
// looked at.
bool neighbour_votes(Csr x, Csr strong, const NeighbourIndex& index, int64_t n_neighbours, float power,
                     Matrix<const int32_t> ids, Matrix<float> votes, Matrix<int32_t> others, int n_threads);

}  // namespace slidelearn

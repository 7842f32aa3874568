// The ranker's small work on lists of labels: evidence put together, the best places found.
#pragma once

#include "views.h"

namespace slidelearn {

constexpr int64_t kEvidence = 4;

// evidence[i, j] = four numbers for label ids[i, j], 0 where that is -1: the logarithm of the softmax of the logits
// over the list; its margin, 0 if `margins` is null; the root of its votes; the logarithm of one more than its count.
void label_evidence(Matrix<const int32_t> ids, Matrix<const float> logits, const float* margins,
                    Matrix<const float> votes, const float* counts, float* evidence, int n_threads);

// places[i] = where the labels with the highest scores are in list i, best first; of equal ones the first, then scores
// that are no numbers, then where ids[i, j] is -1. There are as many as places has columns, at most as ids has.
void best_places(Matrix<const int32_t> ids, Matrix<const float> scores, Matrix<int64_t> places, int n_threads);

}  // namespace slidelearn

// The refinement's second look at some labels of a list: from their evidence, and what the labels on the list say for
// each other, for labels that often come together in training support one another (docs/decisions/0010).
#pragma once

#include "views.h"

namespace slidelearn {

// The labels of some samples, m on each list.
struct Lists {
    Matrix<const int32_t> ids;  // distinct in a row, but for -1, which is none
    const float* evidence;      // (n_samples, m, n_evidence)
    int64_t n_evidence;
    Matrix<const float> log_odds;  // of the first look

    int64_t n_inputs() const { return n_evidence + 2; }  // of the second look
};

// inputs[i, k] = the evidence of the label at places[i, k] of list i; the logarithm of its support: of the sum over all
// labels of the list of their probability times their row of `partners`, (n_labels, n_labels); and that of the number
// of right labels to expect at the list's places. False if `partners` is damaged where it was looked at.
bool refinement_inputs(const Lists& lists, Matrix<const int64_t> places, Csr partners, float* inputs, int n_threads);

// refined[i, j] = what the perceptron makes of these inputs, or of all but the last, at the places, elsewhere the
// former log-odds; these lowered by so much, for the whole list, that they are not above the least of the refined ones.
// False as before.
bool refine(const Lists& lists, Matrix<const int64_t> places, Csr partners, const PerceptronView& perceptron,
            Matrix<float> refined, int n_threads);

}  // namespace slidelearn

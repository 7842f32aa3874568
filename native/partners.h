// What labels on one list say for each other: labels that often come together in training support one another.
#pragma once

#include "views.h"

namespace slidelearn {

// support[i, j] = the sum over k of probabilities[i, k] * partners[ids[i, k], ids[i, j]], in the order of k; 0 where
// ids[i, j] is -1. The ids of a row are distinct but for -1. False if `partners`, one row and one column for each
// label, is damaged where it was looked at.
bool partner_support(Matrix<const int32_t> ids, Matrix<const float> probabilities, Csr partners, Matrix<float> support,
                     int n_threads);

}  // namespace slidelearn

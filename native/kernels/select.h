// The best of many scores: for answers, and for the hard-negative memory.
#pragma once

#include "isa.h"
#include "kernels/logit_rows.h"
#include "row_layout.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // The k best entries of every row of `logits` that are not the sample's own labels. `ids` gives each column its id
    // (shared set) or each logit (one set per sample). ids and scores (n_rows, k), best first, -1 and -inf where a row
    // has fewer. What is not a number is not among them.
    void top_others(LogitRows logits, const int32_t* ids, Matrix<int32_t> best, Matrix<float> scores, int n_threads);
    // The k best of all rows for every sample: hidden . w * scale_i + bias_i; `scales` (n_rows) may be null.
    void exact_top_k(Rows rows, const float* scales, Matrix<const float> hidden, Matrix<int32_t> best,
                     Matrix<float> scores, int n_threads);
    // What it compares: those of all rows for every sample, (n_samples, n_rows).
    void exact_logits(Rows rows, const float* scales, Matrix<const float> hidden, Matrix<float> logits, int n_threads);)

}  // namespace slidelearn

// The losses of a batch over its active sets, and their gradients, which take the place of the logits.
#pragma once

#include "isa.h"
#include "kernels/logit_rows.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // Softmax cross-entropy over the active set, each of a sample's labels with the same weight: the losses (n_rows),
    // and the logits become their gradients times `weight`. A sample without labels has no loss. `log_q` is subtracted
    // from all logits but the sample's own labels; one per column where the set is shared, one per logit where it is
    // not; null: none.
    void softmax_loss(LogitRows logits, const float* log_q, float weight, float* losses, int n_threads);
    // One-vs-all logistic loss over the active set, likewise.
    void logistic_loss(LogitRows logits, const float* log_q, float weight, float* losses, int n_threads);)

}  // namespace slidelearn

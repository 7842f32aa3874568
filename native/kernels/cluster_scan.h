// The best labels of some clusters: an index over the rows of a layer, for lists of which a few misses do no harm.
#pragma once

#include "isa.h"
#include "kernels/matmul.h"
#include "row_layout.h"
#include "transpose.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // For every entry of `opened`, which says which samples look into which clusters: the k best of the cluster's rows
    // for that sample, by hidden . w * scale + bias. `clusters` has the ids of each one's rows; `scales` (n_rows) may
    // be null. ids and logits (n_entries, k), best first, -1 and -inf where a cluster has fewer rows.
    void cluster_top_k(Rows rows, const float* scales, Csr clusters, Columns opened, Matrix<const float> hidden,
                       Precision precision, Matrix<int32_t> ids, Matrix<float> logits, int n_threads);)

}  // namespace slidelearn

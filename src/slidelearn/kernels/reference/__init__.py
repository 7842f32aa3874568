"""The verbs in NumPy: the specification of the native ones, and the oracle that tests hold them against.

Each has the name, the signature and the effects of its native twin, and sums in float64. `n_threads` is ignored; the
HOGWILD verbs take the samples in order, as one native thread does.
"""

from __future__ import annotations

from slidelearn.kernels.reference.active import (
    assemble,
    count_found,
    distinct,
    draw,
    join_rows,
    logistic_loss,
    softmax_loss,
    take_rows,
    top_others,
)
from slidelearn.kernels.reference.answers import exact_logits, exact_top_k, quantize_rows, scan_top_k, scans_int8
from slidelearn.kernels.reference.classifiers import (
    classifier_margins,
    train_classifiers,
)
from slidelearn.kernels.reference.data import is_canonical, parse_samples
from slidelearn.kernels.reference.dense import matmul
from slidelearn.kernels.reference.hash_codes import (
    doph_codes,
    dwta_codes,
    sign_codes,
    simhash_codes,
    update_projections,
    wta_codes,
)
from slidelearn.kernels.reference.hash_tables import (
    build_tables,
    threshold_candidates,
    topk_candidates,
    vanilla_candidates,
)
from slidelearn.kernels.reference.layers import (
    allocate_rows,
    column_sums,
    features_backward,
    features_forward,
    gather_rows,
    sampled_backward,
    sampled_backward_sparse,
    sampled_forward,
    sampled_forward_sparse,
    shared_backward,
    touch_rows,
    transpose,
    unit_rows,
    unit_rows_backward,
    update_rows,
)
from slidelearn.kernels.reference.neighbours import neighbour_votes, strongest
from slidelearn.kernels.reference.pq import pq_encode, pq_top_k
from slidelearn.kernels.reference.ranking import (
    best_places,
    label_evidence,
    perceptron_gradient,
    refine,
    refinement_inputs,
)

__all__ = [
    "allocate_rows",
    "assemble",
    "best_places",
    "build_tables",
    "classifier_margins",
    "column_sums",
    "count_found",
    "distinct",
    "doph_codes",
    "draw",
    "dwta_codes",
    "exact_logits",
    "exact_top_k",
    "features_backward",
    "features_forward",
    "gather_rows",
    "is_canonical",
    "join_rows",
    "label_evidence",
    "logistic_loss",
    "matmul",
    "neighbour_votes",
    "parse_samples",
    "perceptron_gradient",
    "pq_encode",
    "pq_top_k",
    "quantize_rows",
    "refine",
    "refinement_inputs",
    "sampled_backward",
    "sampled_backward_sparse",
    "sampled_forward",
    "sampled_forward_sparse",
    "scan_top_k",
    "scans_int8",
    "shared_backward",
    "sign_codes",
    "simhash_codes",
    "softmax_loss",
    "strongest",
    "take_rows",
    "threshold_candidates",
    "top_others",
    "topk_candidates",
    "touch_rows",
    "train_classifiers",
    "transpose",
    "unit_rows",
    "unit_rows_backward",
    "update_projections",
    "update_rows",
    "vanilla_candidates",
    "wta_codes",
]

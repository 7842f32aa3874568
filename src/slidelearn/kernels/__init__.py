"""The verbs: batch-sized operations over arrays, native, each with a NumPy twin of the same name in `reference`.

``SLIDELEARN_ISA`` picks the copy to run: ``avx512``, ``avx2`` or ``baseline``; without it the best one of the machine
runs.
"""

from __future__ import annotations

import os

from slidelearn.kernels._native import (
    allocate_rows,
    assemble,
    available_isas,
    build_tables,
    count_found,
    distinct,
    doph_codes,
    draw,
    dwta_codes,
    exact_top_k,
    features_backward,
    features_forward,
    gather_rows,
    isa_in_use,
    join_rows,
    logistic_loss,
    matmul,
    parse_xmc,
    sampled_backward,
    sampled_backward_sparse,
    sampled_forward,
    sampled_forward_sparse,
    sign_codes,
    simhash_codes,
    softmax_loss,
    take_rows,
    threshold_candidates,
    top_others,
    topk_candidates,
    unit_rows,
    unit_rows_backward,
    update_projections,
    update_rows,
    use_isa,
    vanilla_candidates,
    wta_codes,
)
from slidelearn.kernels.types import NO_DATA, Csr, Float, Ids, Labels, Offsets, Rows, UpdateRule

if os.environ.get("SLIDELEARN_ISA"):
    use_isa(os.environ["SLIDELEARN_ISA"])

__all__ = [
    "NO_DATA",
    "Csr",
    "Float",
    "Ids",
    "Labels",
    "Offsets",
    "Rows",
    "UpdateRule",
    "allocate_rows",
    "assemble",
    "available_isas",
    "build_tables",
    "count_found",
    "distinct",
    "doph_codes",
    "draw",
    "dwta_codes",
    "exact_top_k",
    "features_backward",
    "features_forward",
    "gather_rows",
    "isa_in_use",
    "join_rows",
    "logistic_loss",
    "matmul",
    "parse_xmc",
    "sampled_backward",
    "sampled_backward_sparse",
    "sampled_forward",
    "sampled_forward_sparse",
    "sign_codes",
    "simhash_codes",
    "softmax_loss",
    "take_rows",
    "threshold_candidates",
    "top_others",
    "topk_candidates",
    "unit_rows",
    "unit_rows_backward",
    "update_projections",
    "update_rows",
    "use_isa",
    "vanilla_candidates",
    "wta_codes",
]

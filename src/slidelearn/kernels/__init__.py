"""The verbs: batch-sized operations over arrays, native, each with a NumPy twin of the same name in `reference`.

``SLIDELEARN_ISA`` picks the copy to run: ``avx512``, ``avx2``, ``baseline``, or ``reference`` for the NumPy twins; without it
the best one of the machine runs.
"""

from __future__ import annotations

import os

from slidelearn.kernels import _native
from slidelearn.kernels._native import (
    build_tables,
    doph_codes,
    dwta_codes,
    matmul,
    sign_codes,
    simhash_codes,
    threshold_candidates,
    topk_candidates,
    update_projections,
    vanilla_candidates,
    wta_codes,
)
from slidelearn.kernels.types import Csr, Float, Ids, Offsets

available_isas = _native.available_isas
isa_in_use = _native.isa_in_use
use_isa = _native.use_isa

_ISA = os.environ.get("SLIDELEARN_ISA", "")
if _ISA not in ("", "reference"):
    use_isa(_ISA)

__all__ = [
    "Csr",
    "Float",
    "Ids",
    "Offsets",
    "available_isas",
    "build_tables",
    "doph_codes",
    "dwta_codes",
    "isa_in_use",
    "matmul",
    "sign_codes",
    "simhash_codes",
    "threshold_candidates",
    "topk_candidates",
    "update_projections",
    "use_isa",
    "vanilla_candidates",
    "wta_codes",
]

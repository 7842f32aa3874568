"""The verbs: batch-sized operations over arrays, native, each with a NumPy twin of the same name in `reference`.

``SLIDELEARN_ISA`` picks the copy to run: ``avx512``, ``avx2``, ``baseline``, or ``reference`` for the NumPy twins; without it
the best one of the machine runs.
"""

from __future__ import annotations

import os

from slidelearn.kernels import _native
from slidelearn.kernels.types import Csr, Float, Ids, Offsets

available_isas = _native.available_isas
isa_in_use = _native.isa_in_use
use_isa = _native.use_isa
parse_xmc = _native.parse_xmc

_ISA = os.environ.get("SLIDELEARN_ISA", "")
if _ISA not in ("", "reference"):
    use_isa(_ISA)

__all__ = ["Csr", "Float", "Ids", "Offsets", "available_isas", "isa_in_use", "parse_xmc", "use_isa"]

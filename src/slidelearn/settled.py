"""What a ranker has chosen on held-out samples, for another one that is trained on all samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from slidelearn.ranker import Ranker


@dataclass(frozen=True)
class Settled:
    """The choices, as plain numbers: float32 values, which JSON keeps to the bit."""

    c: float
    blend: tuple[float, float, float, float, float]
    n_suggested: tuple[int, ...]
    gains: tuple[float, ...] | None
    has_classifiers: bool

    @classmethod
    def of(cls, ranker: Ranker) -> Self:
        """Those of a ranker."""
        return cls(
            float(ranker.c[0]),
            (*ranker.blend.tolist(),),
            tuple(ranker.n_suggested.tolist()),
            None if ranker.gains is None else tuple(ranker.gains.tolist()),
            ranker.classifiers is not None,
        )

    def require_fit(self, n_labels: int) -> None:
        """Refuse choices, read from a file, that no ranker for so many labels can have made; by ``ValueError``."""
        n = sum(self.n_suggested)
        if len(self.n_suggested) > 1 or not 0 <= n <= n_labels or len(self.gains or ()) not in (0, n_labels):
            raise ValueError(f"what was settled for the ranker does not suit {n_labels} labels")

    def put_in(self, ranker: Ranker) -> Ranker:
        """The ranker with these choices instead of its own."""
        return replace(
            ranker,
            blend=np.array(self.blend, np.float32),
            gains=None if self.gains is None else np.array(self.gains, np.float32),
            n_suggested=np.array(self.n_suggested, np.int32),
        )

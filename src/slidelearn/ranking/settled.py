"""What a ranker has chosen on held-out samples, for another one that is trained on all samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from slidelearn.arrays import require_array
from slidelearn.config import Config
from slidelearn.ranking.ranker import Ranker

_CHOICES = ("blend", "gains", "first_share", "n_suggested", "refinement", "judges")


@dataclass(frozen=True)
class Settled:
    """The choices, which are those of a ranker."""

    chooser: Ranker
    """Without its classifiers."""
    has_classifiers: bool
    """Whether it had classifiers."""
    threshold: float | None = None
    """Score from which on samples that it was chosen on had the label, as far as one score can tell."""

    @classmethod
    def of(cls, ranker: Ranker, threshold: float | None) -> Self:
        """Those of a ranker, and of answers that it orders."""
        return cls(replace(ranker, classifiers=None), ranker.classifiers is not None, threshold)

    @property
    def c(self) -> float:
        """The C that classifiers are to be trained with."""
        return float(self.chooser.c[0])

    def put_in(self, ranker: Ranker) -> Ranker:
        """The ranker with these choices instead of its own."""
        return replace(ranker, **{name: getattr(self.chooser, name) for name in _CHOICES})

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is kept with a checkpoint."""
        yield from self.chooser.named_arrays()
        yield "has_classifiers", np.array([self.has_classifiers], np.uint8)
        if self.threshold is not None:
            yield "threshold", np.array([self.threshold])

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], config: Config, n_features: int, n_labels: int) -> Self:
        """The choices that are among the arrays of a file.

        Raises
        ------
        ValueError
            If no ranker for so many features and labels can have made them.
        """
        has_classifiers = require_array(arrays, "has_classifiers", np.uint8, (1,))
        lengths = {name: array.shape[0] if array.shape else 0 for name, array in arrays.items()}
        chooser = Ranker.empty(config, n_features, n_labels, lengths)
        for name, room in chooser.named_arrays():
            room[...] = require_array(arrays, name, room.dtype, room.shape)
        if not chooser.is_sound():
            raise ValueError(f"what was settled for the ranker does not suit {n_labels} labels")
        threshold = require_array(arrays, "threshold", np.float64, (1,)).item() if "threshold" in arrays else None
        return cls(chooser, bool(has_classifiers[0]), threshold)

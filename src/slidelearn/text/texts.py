"""Texts as users hand them over: told from features, checked, and warned of where nothing can be learnt from them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from slidelearn.columns import without_frame

TOLERATED_WORDLESS = 0.2
"""Share of the texts that may have no feature without a warning."""


def are_texts(X: Any) -> bool:
    """Whether these are meant as texts, not as features: what begins with a string, or is one."""
    if isinstance(X, str):
        return True
    is_flat = hasattr(X, "__iter__") and not issparse(X) and getattr(X, "ndim", 1) == 1
    return is_flat and isinstance(next(iter(X), None), str)


def check_texts(texts: Sequence[str], *, least: int = 1) -> list[str]:
    """Refuse what scikit-learn's vectorisers would take for texts, or fail on without saying where, and too few.

    Raises
    ------
    ValueError
        Naming the first that is no string.
    """
    if isinstance(texts, str):
        raise ValueError("texts must be several strings, but are one; put it in a list")
    shape = getattr(texts, "shape", (0,))
    if len(shape) != 1:  # a frame would give the names of its columns
        raise ValueError(f"texts must be one column of strings, but have shape {shape}; give the column alone")
    texts = without_frame(texts)
    if isinstance(texts, Mapping | Set):
        raise ValueError(f"texts must be strings one after the other, but are a {type(texts).__name__}; give a list")
    if not isinstance(texts, Iterable):
        raise ValueError(f"texts must be strings one after the other, but are {texts!r:.40}; give a list")
    texts = list(texts)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts must be strings, but text {place} is {text!r:.40}")
    if len(texts) < least:
        raise ValueError("texts must be one at least, but there are none")
    return texts


def n_wordless(X: csr_array, texts: Sequence[str]) -> int:
    """How many texts that are not blank have no feature."""
    return sum(bool(texts[int(place)].strip()) for place in np.flatnonzero(np.diff(X.indptr) == 0))


def warn_of_wordless(n: int, n_texts: int) -> None:
    """Say so where nothing can be learnt from many of the texts; for a decorated method that a user calls."""
    if n > TOLERATED_WORDLESS * n_texts:
        warnings.warn(
            f"{n:,} of {n_texts:,} texts have no feature, as no word of theirs is in the vocabulary; for languages "
            "without blanks between words give a vectoriser such as TfidfVectorizer(analyzer='char', "
            "ngram_range=(1, 3), sublinear_tf=True)",
            stacklevel=4,
        )

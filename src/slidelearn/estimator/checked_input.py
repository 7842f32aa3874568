"""What users hand over to learn from, and to be answered, checked: X, y and the weights of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_consistent_length

from slidelearn.columns import without_frame
from slidelearn.kernels import Float
from slidelearn.labels.targets import Given, look_at
from slidelearn.matrices import FloatCsr, check_features, require_no_mask
from slidelearn.text.texts import are_texts


def read_features(X: Any, least: int = 1) -> FloatCsr:
    """X in canonical form, of at least so many samples.

    scikit-learn checks what is dense; what is sparse `check_features` checks as well, in a fifth of the time, which
    would be a quarter of a query.
    """
    X = without_frame(X)
    require_no_mask(X, "X")
    if are_texts(X):
        raise ValueError(
            "X must be features, but is texts; SlideTextClassifier takes texts, or put a vectoriser before "
            "SlideClassifier in a pipeline"
        )
    if not issparse(X):
        X = check_array(X, ensure_min_samples=least, input_name="X", estimator="SlideClassifier")
    return check_features(X)


def read_samples(X: Any, y: Any, sample_weight: Any) -> tuple[Given, FloatCsr, Float | None]:
    """What a user hands over, checked."""
    given, features = look_at(y), read_features(X)
    check_consistent_length(features, given.values)
    if sample_weight is None:
        return given, features, None
    if isinstance(sample_weight, str):
        raise ValueError(f"sample_weight must be a number for each sample, but is {sample_weight!r}")
    weights = check_array(sample_weight, ensure_2d=False, dtype=np.float32, input_name="sample_weight")
    if weights.shape != (features.shape[0],):
        raise ValueError(f"sample_weight must have shape ({features.shape[0]},), but has {weights.shape}")
    if (weights < 0).any() or not weights.any():
        raise ValueError(f"sample_weight must be >= 0 and not all zero, but the least is {weights.min():g}")
    return given, features, weights

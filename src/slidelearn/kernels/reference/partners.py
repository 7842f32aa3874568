"""The verb over labels that come together."""

from __future__ import annotations

import numpy as np

from slidelearn.kernels.types import Csr, Float, Ids


def partner_support(ids: Ids, probabilities: Float, partners: Csr, *, n_threads: int) -> Float:
    """What the labels on a list say for each other.

    ``support[i, j]`` is the sum over k of ``probabilities[i, k] * partners[ids[i, k], ids[i, j]]``, 0 where
    ``ids[i, j]`` is -1. The ids of a row are distinct but for -1; `partners` has a row and a column for each label.
    """
    n_labels = partners.n_rows
    shares = np.zeros((n_labels + 1, n_labels + 1))  # -1 is the last one
    shares[np.repeat(np.arange(n_labels), np.diff(partners.indptr)), partners.indices] = partners.data
    support = [weights @ shares[np.ix_(row, row)] for row, weights in zip(ids, probabilities, strict=True)]
    return np.array(support, np.float32).reshape(ids.shape)

"""Classifiers: one sparse linear one for each label, which tells its own samples from others that might have had it.

A label's classifier learns from its own samples and those that had it on their shortlist and should not have: the
matcher and ranker of label trees (Prabhu et al., Parabel, WWW 2018; Yu et al., PECOS, JMLR 2022), here with the network
as the matcher.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import to_csr
from slidelearn.config import Config
from slidelearn.kernels import Classifiers, Csr, Float, Ids

TOLERANCE = 0.3
"""On the projected gradient: what a tighter one gains on test samples is within what two seeds differ by."""
MAX_PASSES = 20


def classifiers_bytes(config: Config, X: sparse.csr_array, Y: sparse.csr_array, n_with_list: int) -> int:
    """Memory that training them with so many shortlists takes at its peak, beside the network and the samples.

    16 bytes for each label on a shortlist while these are sorted by label, 12 afterwards, and then 28 for each weight,
    of which there are at most as many as the labels' samples have features. All that time the label rows are there in
    eight bits too, for making the shortlists.
    """
    n_listed = n_with_list * min(config.shortlist_length, Y.shape[1])
    n_weights = Y.nnz * X.nnz // max(X.shape[0], 1)
    return Y.shape[1] * config.hidden_sizes[-1] + max(16 * n_listed, 12 * n_listed + 28 * n_weights)


def train_classifiers(
    X: sparse.csr_array,
    Y: sparse.csr_array,
    shortlists: sparse.csr_array,
    config: Config,
    *,
    c: Float,
    former: Classifiers | None,
    n_threads: int,
) -> Classifiers:
    """Train the classifiers of all labels by dual coordinate descent.

    Parameters
    ----------
    X
        (n_samples, n_features) float32 CSR.
    Y
        (n_samples, n_labels) CSR.
    shortlists
        (n_samples, n_labels) int8 CSR: 1 for the labels on a sample's shortlist.
    c
        (n_labels,): weight of a sample's loss against the regulariser.
    former
        Classifiers to stay close to.
    """
    weights, biases = kernels.train_classifiers(
        to_csr(X),
        X.shape[1],
        _by_label(Y),
        _by_label(_wrong_ones(shortlists, Y)),
        former=former,
        c=c,
        tolerance=TOLERANCE,
        max_passes=MAX_PASSES,
        threshold=config.ranker_threshold,
        seed=config.random_state,
        n_threads=n_threads,
    )
    return Classifiers(Csr(*weights), biases)


def resized_classifiers(classifiers: Classifiers, kept: Ids, n_labels: int, n_features: int) -> Classifiers:
    """Those of the labels `kept`, and for labels after them such as say nothing."""
    indptr, features, weights = classifiers.weights
    rows = to_csr(sparse.csr_array((weights, features, indptr), (len(indptr) - 1, n_features))[kept])
    n_new = n_labels - len(kept)
    weights_of_all = rows._replace(indptr=np.pad(rows.indptr, (0, n_new), mode="edge"))
    return Classifiers(weights_of_all, np.pad(classifiers.biases[kept], (0, n_new)))


def _wrong_ones(shortlists: sparse.csr_array, Y: sparse.csr_array) -> sparse.csr_array:
    """The pairs of a sample and a label on its shortlist that is not its own, (n_samples, n_labels)."""
    own = sparse.csr_array((np.full(len(Y.indices), -1, np.int8), Y.indices, Y.indptr), Y.shape)
    wrong = shortlists + own  # 0 where both have one, -1 for own labels that are not listed
    wrong.data = np.maximum(wrong.data, 0)
    wrong.eliminate_zeros()
    return wrong


def _by_label(pairs: sparse.csr_array) -> Csr:
    """The samples of each label."""
    return to_csr(sparse.csr_array(pairs.T), pattern_only=True)

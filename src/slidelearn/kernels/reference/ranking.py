"""The verbs over lists of labels: what is known of them, and in which order that puts them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from slidelearn.kernels.types import Csr, Float, Ids

_LEAST = 1e-3
"""Added before a logarithm is taken."""


def label_evidence(
    ids: Ids, logits: Float, margins: Float | None, votes: Float, counts: Float, *, n_threads: int
) -> Float:
    """What speaks for each label of a list: (n_samples, m, 4), 0 beside -1.

    The logarithm of the softmax of the logits over the list; its margin, 0 without any; the root of its votes; the
    logarithm of one more than its count.
    """
    there = ids >= 0
    evidence = np.zeros((*ids.shape, 4))
    with np.errstate(divide="ignore", invalid="ignore"):  # lists without any label
        above = np.where(there, logits - np.max(logits, axis=1, keepdims=True, where=there, initial=-np.inf), -np.inf)
        evidence[..., 0] = above - np.log(np.exp(above).sum(axis=1, keepdims=True))
    if margins is not None:
        evidence[..., 1] = margins
    evidence[..., 2] = np.sqrt(votes)
    evidence[..., 3] = np.log1p(counts)[ids] if ids.size else 0
    evidence[~there] = 0
    return evidence.astype(np.float32)


def best_places(ids: Ids, scores: Float, n: int, *, n_threads: int) -> NDArray[np.int64]:
    """Where the n labels with the highest scores are in each list, best first: (n_samples, n).

    Of equal scores the first; then scores that are no numbers, then where the id is -1.
    """
    rank = np.where(ids < 0, 2, np.isnan(scores))
    return np.lexsort((np.where(rank, 0, -scores), rank), axis=1)[:, :n].astype(np.int64)


def refinement_inputs(
    ids: Ids, evidence: Float, log_odds: Float, places: NDArray[np.int64], partners: Csr, *, n_threads: int
) -> Float:
    """What a second look at the labels at some places of each list is given.

    Their evidence; the logarithm of their support; and that of the number of right labels to expect at the places of
    the list, by their log-odds. A label's support is the sum over the labels on its list of their probability times
    their row of `partners`, which has a row and a column for each label. The ids of a list are distinct but for -1.

    Returns
    -------
    array (n_samples, n_places, n_evidence + 2)
    """
    n_labels = partners.n_rows
    shares = np.zeros((n_labels + 1, n_labels + 1))  # -1 is the last one
    shares[np.repeat(np.arange(n_labels), np.diff(partners.indptr)), partners.indices] = partners.data
    probabilities = 1 / (1 + np.exp(-log_odds.astype(np.float64)))
    support = [weights @ shares[np.ix_(row, row)] for row, weights in zip(ids, probabilities, strict=True)]
    expected = np.take_along_axis(np.where(ids < 0, 0, probabilities), places, axis=1).sum(axis=1)
    of_labels = np.log(np.reshape(support, ids.shape) + _LEAST)
    of_lists = np.broadcast_to(np.log(expected + _LEAST)[:, None], ids.shape)
    every = np.concatenate([evidence, of_labels[..., None], of_lists[..., None]], axis=2)
    return np.take_along_axis(every, places[..., None], axis=1).astype(np.float32)


def refine(
    ids: Ids,
    evidence: Float,
    log_odds: Float,
    places: NDArray[np.int64],
    partners: Csr,
    perceptron: tuple[Float, Float, Float, Float],
    *,
    n_threads: int,
) -> Float:
    """Log-odds of the labels of each list, (n_samples, m), after a second look at some places.

    There they are what a perceptron (weights and biases of its hidden units, weights and bias of its output) makes of
    `refinement_inputs`, or of all but the last of them; elsewhere the former ones, lowered by so much, for the whole
    list, that they are not above the least of the refined ones.
    """
    inputs = refinement_inputs(ids, evidence, log_odds, places, partners, n_threads=n_threads)
    hidden, hidden_biases, output, constant = perceptron
    refined = np.maximum(inputs[..., : len(hidden)] @ hidden + hidden_biases, 0) @ output + constant
    others = np.where(ids >= 0, log_odds, -np.inf)
    np.put_along_axis(others, places, -np.inf, axis=1)
    lowered = log_odds.astype(np.float64)
    if places.size:
        lowered -= np.maximum(others.max(axis=1, keepdims=True) - refined.min(axis=1, keepdims=True), 0)
    np.put_along_axis(lowered, places, refined, axis=1)
    return lowered.astype(np.float32)


def perceptron_gradient(
    perceptron: tuple[Float, Float, Float, Float],
    inputs: Float,
    signs: Float,
    samples: NDArray[np.int64],
    *,
    n_threads: int,
) -> Float:
    """The gradient of a perceptron's mean logistic loss on some samples, by number.

    `signs` are 1 for the samples of which it is so, -1 for the others. The gradients of the perceptron's arrays lie
    side by side.
    """
    hidden, hidden_biases, output, constant = (array.astype(np.float64) for array in perceptron)
    x, sign = inputs[samples].astype(np.float64), signs[samples]
    units = np.maximum(x @ hidden + hidden_biases, 0)
    of_log_odds = -sign * expit(-sign * (units @ output + constant)) / max(len(samples), 1)
    of_hidden = of_log_odds[:, None] * output * (units > 0)
    parts = x.T @ of_hidden, of_hidden.sum(axis=0), units.T @ of_log_odds, of_log_odds.sum(keepdims=True)
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)

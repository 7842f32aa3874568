"""Verbs over logits and active sets: losses, the best of many scores, assembling sets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.random import below_for_sample, random_below
from slidelearn.kernels.types import NO_DATA, Csr, Float, Ids, Labels, Offsets

Doubles = NDArray[np.float64]


def softmax_loss(
    logits: Float, indptr: Offsets | None, log_q: Float | None, labels: Labels, weight: float, *, n_threads: int
) -> Float:
    """Softmax cross-entropy over the active set, (n_samples,); the logits become its gradient times `weight`.

    All labels of a sample have the same share; a sample without labels has no loss. `log_q`, one per column of a shared
    active set or one per logit, is subtracted from all logits but the sample's own labels.
    """
    losses = np.zeros(len(labels.indptr) - 1)
    for i, entries, own in _logit_rows(logits, indptr, labels):
        z = _corrected(logits, indptr, log_q, entries, own)
        target = np.zeros(len(z))
        if len(own):
            target[own] = 1.0 / len(own)
            largest = z.max()
            log_probability = z - largest - np.log(np.sum(np.exp(z - largest)))
            losses[i] = -(target @ log_probability)
            target = np.exp(log_probability) - target
        logits[entries] = weight * target
    return losses.astype(np.float32)


def logistic_loss(
    logits: Float, indptr: Offsets | None, log_q: Float | None, labels: Labels, weight: float, *, n_threads: int
) -> Float:
    """One-vs-all logistic loss over the active set, (n_samples,); else as `softmax_loss`."""
    losses = np.zeros(len(labels.indptr) - 1)
    for i, entries, own in _logit_rows(logits, indptr, labels):
        z = _corrected(logits, indptr, log_q, entries, own)
        target = np.zeros(len(z))
        target[own] = 1.0
        losses[i] = np.sum(np.logaddexp(0.0, z) - target * z)
        logits[entries] = weight * (np.exp(-np.logaddexp(0.0, -z)) - target)
    return losses.astype(np.float32)


def top_others(
    logits: Float, indptr: Offsets | None, ids: Ids, labels: Labels, k: int, *, n_threads: int
) -> tuple[Ids, Float]:
    """Ids and logits, (n_samples, k) each, of the k highest logits that are not the sample's own labels.

    Best first, of equal logits the lower id first; -1 and -inf where a sample has fewer. What is not a number is none.
    """
    n_samples = len(labels.indptr) - 1
    best, scores = np.full((n_samples, k), -1, np.int32), np.full((n_samples, k), -np.inf, np.float32)
    for i, entries, own in _logit_rows(logits, indptr, labels):
        others = np.delete(logits[entries], own)
        other_ids = np.delete(ids if indptr is None else ids[entries], own)
        order = np.lexsort((other_ids, -others))[: min(k, np.count_nonzero(~np.isnan(others)))]
        best[i, : len(order)], scores[i, : len(order)] = other_ids[order], others[order]
    return best, scores


def distinct(ids: Ids) -> tuple[Ids, Ids]:
    """The distinct ids, ascending, and where each of the ids given stands among them."""
    found, places = np.unique(ids, return_inverse=True)
    return found, places.astype(np.int32)


def assemble(
    labels: Csr,
    found: Csr,
    drawn: Csr,
    common: Ids,
    min_active: int,
    n_neurons: int,
    seed: int | None,
    *,
    n_threads: int,
) -> tuple[Offsets, Ids, Ids, Ids]:
    """The active set of each sample, each id once, in this order.

    Its labels; ids found and ids drawn for it; the ids common to all samples; random ids up to `min_active`, the same
    for all samples where the seed is None.

    Gives indptr (n_samples + 1,), ids (n_entries,), and how many ids of each sample are labels or found, and how many
    are random, (n_samples,) each.
    """
    indptr, ids, n_found, n_fill = [0], list[int](), list[int](), list[int]()
    for i in range(labels.n_rows):
        members = dict.fromkeys([*_row(labels, i).tolist(), *_row(found, i).tolist()])
        n_found.append(len(members))
        members |= dict.fromkeys([*_row(drawn, i).tolist(), *common.tolist()])
        n_given = len(members)
        draw_number = 0
        while len(members) < min(min_active, n_neurons):
            members.setdefault(int(below_for_sample(seed, i, draw_number, n_neurons)))
            draw_number += 1
        ids.extend(members)
        indptr.append(len(ids))
        n_fill.append(len(members) - n_given)
    return np.array(indptr, np.int64), np.array(ids, np.int32), np.array(n_found, np.int32), np.array(n_fill, np.int32)


def draw(n_rows: int, n_draws: int, population: Ids | None, n: int, seed: int) -> Ids:
    """`n_draws` ids for each row, (n_rows, n_draws): uniform over [0, n), or of the n elements of `population`."""
    places = random_below(seed, np.arange(n_rows)[:, None], np.arange(n_draws)[None, :], n)
    return (places if population is None else population[places]).astype(np.int32)


def join_rows(a: Csr, b: Csr) -> tuple[Offsets, Ids, Float]:
    """Row by row the ids of a, then those of b."""
    rows = [_row(matrix, i) for i in range(a.n_rows) for matrix in (a, b)]
    return a.indptr + b.indptr, np.concatenate([np.empty(0, np.int32), *rows]), NO_DATA


def count_found(labels: Csr, candidates: Csr) -> int:
    """How many labels are among the candidates of their sample."""
    return sum(int(np.isin(_row(labels, i), _row(candidates, i)).sum()) for i in range(labels.n_rows))


def take_rows(matrix: Csr, rows: Offsets) -> tuple[Offsets, Ids, Float]:
    """The matrix made of the given rows, which may repeat."""
    lengths = np.diff(matrix.indptr)[rows]
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    entries = np.repeat(matrix.indptr[rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return indptr, matrix.indices[entries], matrix.data[entries] if len(matrix.data) else NO_DATA


def _row(matrix: Csr, i: int) -> Ids:
    return matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]


def _logit_rows(logits: Float, indptr: Offsets | None, labels: Labels) -> Iterator[tuple[int, slice, Ids]]:
    """Sample by sample: its number, where its logits lie, and which of them are of its own labels."""
    n_samples = len(labels.indptr) - 1
    n_columns = len(logits) // max(n_samples, 1)
    for i in range(n_samples):
        begin, end = (i * n_columns, (i + 1) * n_columns) if indptr is None else (indptr[i], indptr[i + 1])
        yield i, slice(begin, end), labels.columns[labels.indptr[i] : labels.indptr[i + 1]]


def _corrected(logits: Float, indptr: Offsets | None, log_q: Float | None, entries: slice, own: Ids) -> Doubles:
    z = logits[entries].astype(np.float64)
    if log_q is not None:
        correction = (log_q if indptr is None else log_q[entries]).astype(np.float64)
        correction[own] = 0.0
        z -= correction
    return z

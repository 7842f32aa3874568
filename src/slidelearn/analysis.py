"""What a model gets right and wrong on test samples: by how frequent the labels are, and which it takes for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels import Float, Ids
from slidelearn.matrices import FloatCsr, are_entries

GROUPS = ("head", "middle", "tail")


@dataclass(frozen=True)
class GroupAccuracy:
    """How well the labels of one group are found."""

    name: str
    least_count: int
    most_count: int
    """Training samples of its labels."""
    n_labels: int
    n_true: int
    """How often test samples have one of them."""
    recall: float
    """Share of these that are among the sample's k best labels; NaN without any."""
    n_best: int
    """How often one of its labels is a sample's best."""
    precision: float
    """Share of right ones among its labels that are a sample's best; NaN without any."""


def frequency_groups(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The group of each label, 0 for head to 2 for tail; each group makes up a third of all training occurrences.

    Parameters
    ----------
    counts
        (n_labels,) training samples of each label. Labels of equal count are in one group.
    """
    values, inverse, n_labels = np.unique(counts, return_inverse=True, return_counts=True)
    occurrences = values * n_labels
    above = np.cumsum(occurrences[::-1])[::-1] - occurrences / 2  # those of more frequent labels, and half of its own
    group = np.minimum(3 * above // max(occurrences.sum(), 1), 2).astype(np.int64)
    found: NDArray[np.int64] = group[inverse]
    return found


def count_bands(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Groups of labels by doubling counts: the group of each label, and the name of each group: 0, 1, 2-3, 4-7, ..."""
    exponent = np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))), -1).astype(np.int64)
    lowest = int(exponent.min(initial=0))
    ends = [(2**e, 2 ** (e + 1) - 1) for e in range(max(lowest, 0), int(exponent.max(initial=0)) + 1)]
    names = ["0"] * (lowest < 0) + [f"{low:,}" if low == high else f"{low:,}-{high:,}" for low, high in ends]
    return exponent - lowest, names


def recall_by_group(
    ids: Ids, Y: FloatCsr, group_of: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often test samples have labels of each group, and how often one of their best labels is such a one.

    Parameters
    ----------
    ids
        (n_samples, k) the best labels of each sample, -1 for none.
    Y
        (n_samples, n_labels) the true ones.
    group_of
        (n_labels,): the group of each label.
    """
    n_true = np.bincount(group_of[Y.indices], minlength=n_groups)
    row, rank = np.nonzero(are_entries(Y, ids))
    return n_true, np.bincount(group_of[ids[row, rank]], minlength=n_groups)


def accuracy_by_group(ids: Ids, Y: FloatCsr, counts: NDArray[np.int64]) -> list[GroupAccuracy]:
    """Recall of the k best labels, and precision of the best one, for head, middle and tail; see `frequency_groups`.

    Parameters
    ----------
    ids
        (n_samples, k) the best labels of each sample, best first, -1 for none.
    Y
        (n_samples, n_labels) the true ones.
    counts
        (n_labels,) training samples of each label.
    """
    groups = frequency_groups(counts)
    n_true, n_found = recall_by_group(ids, Y, groups, len(GROUPS))
    first = ids[:, 0] >= 0
    best, right = ids[first, 0], are_entries(Y, ids[:, :1])[first, 0]
    n_best, n_right = (np.bincount(groups[part], minlength=len(GROUPS)) for part in (best, best[right]))
    made = []
    for number, name in enumerate(GROUPS):
        of_group = counts[groups == number]
        made.append(
            GroupAccuracy(
                name,
                int(of_group.min(initial=counts.max(initial=0))),
                int(of_group.max(initial=0)),
                len(of_group),
                int(n_true[number]),
                _ratio(n_found[number], n_true[number]),
                int(n_best[number]),
                _ratio(n_right[number], n_best[number]),
            )
        )
    return made


@dataclass(frozen=True)
class Confusion:
    """A label that samples have, and a wrong one that was their best instead."""

    true: int
    taken_for: int
    n: int
    """Of so many samples."""
    n_true: int
    """Samples that have the true one."""


def confusions(ids: Ids, Y: FloatCsr, n: int) -> list[Confusion]:
    """The most frequent confusions: of samples whose best label is wrong, each label they have with that one."""
    wrong = np.flatnonzero((ids[:, 0] >= 0) & ~are_entries(Y, ids[:, :1])[:, 0])
    pairs = Counter(
        (int(true), int(ids[row, 0])) for row in wrong for true in Y.indices[Y.indptr[row] : Y.indptr[row + 1]]
    )
    n_true = np.bincount(Y.indices, minlength=Y.shape[1])
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Confusion(true, taken, times, int(n_true[true])) for (true, taken), times in ordered[:n]]


def surest_mistakes(ids: Ids, scores: Float, Y: FloatCsr, n: int) -> list[int]:
    """The samples whose best label is wrong, those with the highest score first; no two with the same best label."""
    wrong = (ids[:, 0] >= 0) & ~are_entries(Y, ids[:, :1])[:, 0] & (np.diff(Y.indptr) > 0)
    found: list[int] = []
    seen: set[int] = set()
    for row in np.argsort(-scores[:, 0], kind="stable"):
        if wrong[row] and int(ids[row, 0]) not in seen:
            seen.add(int(ids[row, 0]))
            found.append(int(row))
        if len(found) == n:
            break
    return found


def labels_of(Y: FloatCsr, row: int) -> Sequence[int]:
    """The labels of a sample."""
    labels: list[int] = Y.indices[Y.indptr[row] : Y.indptr[row + 1]].tolist()
    return labels


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")

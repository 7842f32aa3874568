"""Judges: samples that a model has answered before it learnt from them, and what was known of each label it listed.

They tell how to blend the evidence. A model keeps the last of them, so that one that learns from a few samples at a
time hears as many as one that learns from many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn.kernels import Float, Ids
from slidelearn.ranking.shortlist import Shortlist

MOST_KEPT = 3000
"""Judges that a model keeps: as many as it hears at once."""
JUDGES = "judges."
"""How the names of their arrays begin."""


@dataclass(frozen=True)
class Judges:
    """Samples that judge a blend, the last ones last."""

    shortlist: Shortlist
    """What the ranker was given for them, with what the neighbours added; logits 0 beside -1."""
    margins: Float
    """(n_samples, m): of the labels' classifiers; 0 where there are none."""
    is_own: NDArray[np.bool_]
    """(n_samples, m): whether the sample has the label."""
    groups: Ids
    """(n_samples,): near-duplicates have the same number."""
    n_of_network: Ids
    """(1,): how many of the labels on a list are the network's; those after them are the neighbours'."""
    n_unheard: Ids
    """(1,): how many of them, the last ones, have come since they were last asked."""

    @classmethod
    def of(cls, shortlist: Shortlist, Y: sparse.csr_array, groups: Ids, n_of_network: int) -> Self:
        """Those of some samples, Y their labels, that nobody has asked yet; nothing is known of classifiers."""
        ids = shortlist.ids
        listed = ids >= 0
        row, column = np.nonzero(listed)
        is_own = np.zeros(ids.shape, np.bool_)
        is_own[listed] = np.asarray(Y[row, ids[row, column]]).reshape(-1) != 0
        none = np.zeros(ids.shape, np.float32)
        known = shortlist._replace(logits=np.where(listed, shortlist.logits, none))
        numbers = (np.array([n], np.int32) for n in (n_of_network, len(ids)))
        return cls(known, none, is_own, groups, *numbers)

    def hearing(self, margins: Float | None) -> Self:
        """The same, now that their labels' margins are known; -inf beside -1."""
        none = np.zeros(self.margins.shape, np.float32)
        return replace(self, margins=none if margins is None else np.where(self.shortlist.ids >= 0, margins, none))

    def __len__(self) -> int:
        """How many samples."""
        return len(self.groups)

    def of_rows(self, rows: NDArray[np.int64]) -> Self:
        """Some of the samples."""
        return replace(
            self,
            shortlist=self.shortlist.of_rows(rows),
            margins=self.margins[rows],
            is_own=self.is_own[rows],
            groups=self.groups[rows],
        )

    def listed(self, n_suggested: int) -> Self:
        """With so many of the labels that the neighbours added."""
        n = int(self.n_of_network[0]) + n_suggested
        return replace(
            self,
            shortlist=self.shortlist.first(n),
            margins=np.ascontiguousarray(self.margins[:, :n]),
            is_own=np.ascontiguousarray(self.is_own[:, :n]),
        )

    def followed_by(self, newer: Judges) -> Judges:
        """The last of these and the newer ones; the newer ones alone where lists have another length by now."""
        if self.margins.shape[1] != newer.margins.shape[1] or self.n_of_network != newer.n_of_network:
            return newer
        groups = np.concatenate([self.groups, newer.groups + (self.groups.max(initial=-1) + 1)]).astype(np.int32)
        both = replace(
            self,
            shortlist=self.shortlist.followed_by(newer.shortlist),
            margins=np.vstack([self.margins, newer.margins]),
            is_own=np.vstack([self.is_own, newer.is_own]),
            groups=groups,
            n_unheard=self.n_unheard + newer.n_unheard,
        )
        return both.last()

    def last(self) -> Self:
        """The last `MOST_KEPT` of them."""
        kept = self.of_rows(np.arange(max(len(self) - MOST_KEPT, 0), len(self)))
        n_unheard = np.minimum(self.n_unheard, np.int32(len(kept)))
        return replace(kept, groups=kept.groups - kept.groups.min(), n_unheard=n_unheard)

    def heard(self) -> Self:
        """The same, now that they have been asked."""
        return replace(self, n_unheard=np.zeros(1, np.int32))

    def precision(self, scores: Float, k: int) -> float:
        """P@k of the labels in the order of their scores, (n_samples, m)."""
        return float(self._in_order(scores)[:, :k].sum() / (k * max(len(self), 1)))

    def hit_rate(self, scores: Float) -> float:
        """The share of samples that have one of the first n labels in this order, where they have n of those listed."""
        in_order = self._in_order(scores)
        first = np.arange(in_order.shape[1]) < self.is_own.sum(axis=1, keepdims=True)
        return float((in_order & first).any(axis=1).sum() / max(len(self), 1))

    def _in_order(self, scores: Float) -> NDArray[np.bool_]:
        """Whether samples have the labels, those with the highest scores first."""
        order = np.argsort(-np.where(self.shortlist.ids >= 0, scores, -np.inf), axis=1, kind="stable")
        return np.take_along_axis(self.is_own, order, axis=1)

    def resized(self, numbers: Ids) -> Self:
        """The same for other labels: label i as ``numbers[i]``, -1: without it."""
        ids, logits, votes = self.shortlist
        ids = np.where(ids >= 0, numbers[ids], np.int32(-1))
        return replace(self, shortlist=Shortlist(ids, logits, votes), is_own=self.is_own & (ids >= 0))

    def is_sound(self, n_labels: int) -> bool:
        """Whether the arrays fit each other, and so many labels."""
        ids, _, votes = self.shortlist
        inside = (
            ((ids >= -1) & (ids < n_labels)).all() and (votes >= 0).all() and (self.is_own.view(np.uint8) < 2).all()
        )
        return bool(inside) and 0 <= self.n_of_network[0] <= ids.shape[1] and 0 <= self.n_unheard[0] <= len(self)

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved: lists one behind the other."""
        lists = {**self.shortlist._asdict(), "margins": self.margins, "is_own": self.is_own.view(np.uint8)}
        yield from ((JUDGES + name, array.reshape(-1)) for name, array in lists.items())
        yield from ((JUDGES + name, getattr(self, name)) for name in ("groups", "n_of_network", "n_unheard"))

    @classmethod
    def empty(cls, lengths: Mapping[str, int]) -> Self:
        """Room for some that are to be read from a file, whose arrays have these lengths, by name."""
        n = lengths.get(JUDGES + "groups", 0)
        shape = (n, lengths.get(JUDGES + "ids", 0) // max(n, 1))
        logits, votes, margins = (np.zeros(shape, np.float32) for _ in range(3))
        numbers = (np.zeros(size, np.int32) for size in (n, 1, 1))
        return cls(Shortlist(np.zeros(shape, np.int32), logits, votes), margins, np.zeros(shape, np.bool_), *numbers)

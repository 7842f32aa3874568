from __future__ import annotations

import numpy as np
from scipy import sparse

from slidelearn.ranking.judges import Judges
from slidelearn.ranking.shortlist import Shortlist
from slidelearn.training.ranker_training import LEAST_C, c_by


def _judges(Y: list[list[int]], logits: list[list[float]]) -> Judges:
    """Samples on whose lists all labels are."""
    n_samples, m = np.shape(Y)
    ids = np.tile(np.arange(m, dtype=np.int32), (n_samples, 1))
    shortlist = Shortlist(ids, np.array(logits, np.float32), np.zeros((n_samples, m), np.float32))
    return Judges.of(shortlist, sparse.csr_array(np.array(Y)), np.arange(n_samples, dtype=np.int32), m)


def test_precision_is_of_the_labels_in_the_order_of_their_scores() -> None:
    judges = _judges([[1, 0, 0], [0, 1, 1]], [[1, 2, 3], [1, 2, 3]])
    logits = judges.shortlist.logits
    assert [judges.precision(logits, k) for k in (1, 2, 3)] == [1 / 2, 2 / 4, 3 / 6]


def test_of_several_labels_one_must_be_among_as_many() -> None:
    first, second, third = [3.0, 2, 1], [2.0, 3, 1], [1.0, 3, 2]
    one = _judges([[1, 0, 0]] * 3, [first, second, third])
    assert one.hit_rate(one.shortlist.logits) == one.precision(one.shortlist.logits, 1) == 1 / 3
    two = _judges([[1, 0, 1]] * 3, [first, second, third])
    assert two.hit_rate(two.shortlist.logits) == 1
    none = _judges([[0, 0, 0]] * 3, [first, second, third])
    assert none.hit_rate(none.shortlist.logits) == 0


def test_c_is_the_smaller_the_harder_it_is_to_tell_what_is_right() -> None:
    logits = [[1.0, 2, 3, 4]] * 4
    assert c_by(_judges([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]], logits)) == 1 / 2
    assert c_by(_judges([[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0]], logits)) == 1 / 2
    assert c_by(_judges([[0, 0, 1, 0]] * 4, logits)) == LEAST_C

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from slidelearn.batches import to_csr
from slidelearn.ranking import neighbours
from slidelearn.ranking.neighbours import Neighbours


@pytest.mark.parametrize(("longest", "heard"), [(8, [5, 9]), (3, [5, 9]), (1, [9])])
def test_a_feature_finds_the_samples_in_which_it_is_strongest(
    longest: int, heard: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten samples, each with a label of its own; all have feature 0, in two of them it is strong."""
    monkeypatch.setattr(neighbours, "LONGEST", longest)
    X = np.eye(10, 11, 1, dtype=np.float32)
    X[:, 0] = 0.1
    X[[5, 9], 0] = -0.7, 0.9
    asked = Neighbours.of(sparse.csr_array(X), sparse.csr_array(np.eye(10, dtype=np.float32)), 2, 1.0)
    query = np.zeros((1, 11), np.float32)
    query[0, 0] = 1
    ids = np.arange(10, dtype=np.int32)[None]
    votes = [asked.votes(to_csr(sparse.csr_array(sign * query)), ids, 0, n_threads=1)[0][0] for sign in (1, -1)]
    assert sorted({int(each.argmax()) for each in votes if each.any()}) == heard

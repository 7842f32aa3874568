"""What a ranker has settled goes through the arrays of a checkpoint unchanged, and damage to it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import Planted

from slidelearn import SlideClassifier
from slidelearn.ranking.perceptron import Perceptron
from slidelearn.ranking.ranker import EVIDENCE
from slidelearn.ranking.refinement import Refinement, partners_of
from slidelearn.ranking.settled import Settled

WIDTH = 6


@pytest.fixture(scope="module")
def clf(planted: Planted) -> SlideClassifier:
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=1, objective="tail", n_jobs=1).fit(planted.X, planted.Y)
    rng = np.random.default_rng(0)
    arrays = [rng.random(shape, np.float32) for shape in ((len(EVIDENCE) + 1, WIDTH), WIDTH, WIDTH, 1)]
    (member,) = clf._model.members
    assert member.ranker
    refinement = Refinement(partners_of(planted.Y), Perceptron(*arrays))
    member.ranker = replace(member.ranker, refinement=refinement)
    return clf


def read(clf: SlideClassifier, arrays: dict[str, NDArray[Any]]) -> Settled:
    return Settled.read(arrays, clf.config_, clf.network_.n_features, clf.n_labels_)


def test_choices_are_read_as_they_were_written(clf: SlideClassifier) -> None:
    assert clf.ranker_
    again = read(clf, dict(Settled.of(clf.ranker_, 0.1).named_arrays()))
    other = replace(clf.ranker_, blend=np.zeros(5, np.float32), gains=None, first_share=None, refinement=None)
    same = again.put_in(other)
    for (name, array), (same_name, read_array) in zip(clf.ranker_.named_arrays(), same.named_arrays(), strict=True):
        assert name == same_name
        np.testing.assert_array_equal(array, read_array, name)
    assert (again.threshold, again.c, again.has_classifiers) == (0.1, float(clf.ranker_.c[0]), True)


def test_choices_that_cannot_be_are_refused(clf: SlideClassifier) -> None:
    assert clf.ranker_
    arrays = dict(Settled.of(clf.ranker_, 0.1).named_arrays())
    for name in ("blend", "gains", "has_classifiers", "refinement.hidden", "n_suggested"):
        with pytest.raises(ValueError, match=r"must be|does not suit"):
            read(clf, {**arrays, name: np.full(3, 200, arrays[name].dtype)})
    for name in ("blend", "gains", "has_classifiers", "refinement.partners.indptr"):
        with pytest.raises(ValueError, match=f"array '{name}' is missing"):
            read(clf, {other: array for other, array in arrays.items() if other != name})
    with pytest.raises(ValueError, match="does not suit 50 labels"):
        read(clf, {**arrays, "refinement.partners.labels": arrays["refinement.partners.labels"] + 50})

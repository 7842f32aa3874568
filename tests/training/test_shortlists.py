from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from slidelearn import SlideClassifier
from slidelearn.config import make_config
from slidelearn.datasets import Dataset
from slidelearn.inference import top_k
from slidelearn.matrices import normalize_rows
from slidelearn.model.model import Member
from slidelearn.training import shortlists
from slidelearn.training.shortlists import listed_share, make_shortlists

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "n_jobs": 1, "shortlist_length": 5}


def test_the_share_falls_with_the_root_of_samples_and_labels() -> None:
    config = make_config(hidden_sizes=(256,))
    assert listed_share(70_000, 20_000, config) == 1
    assert listed_share(0, 20_000, config) == 1
    some, fewer = (listed_share(500_000, n_labels, config) for n_labels in (500_000, 2_000_000))
    assert 0.1 < some < 0.2
    assert fewer == pytest.approx(some / 2)


def test_they_are_the_exact_best_labels_of_some_samples(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    clf = SlideClassifier(**SMALL, ranker=False).fit(tiny.X_train, tiny.Y_train)
    X, told = normalize_rows(tiny.X_test), list[tuple[int, int]]()
    alone = Member([clf.network_])
    exact, _ = top_k([alone], X, 5, n_threads=1)
    everyone = make_shortlists(alone, X, 1)
    np.testing.assert_array_equal(np.sort(everyone.indices.reshape(-1, 5)), np.sort(exact))

    monkeypatch.setattr(shortlists, "ALL_WITHIN", 0.25 * shortlists.scan_seconds(*everyone.shape, clf.config_))
    some = make_shortlists(alone, X, 2, lambda *done: told.append(done))
    lengths = np.diff(some.indptr)
    assert set(lengths) == {0, 5}
    assert np.count_nonzero(lengths) == 304  # half of 608
    assert told[-1] == (304, 304)
    np.testing.assert_array_equal(some[lengths > 0].toarray(), everyone[lengths > 0].toarray())


def test_classifiers_learn_from_some_shortlists(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = SlideClassifier(**SMALL, ranker=False).fit(tiny.X_train, tiny.Y_train)
    monkeypatch.setattr(shortlists, "ALL_WITHIN", 8e-6)
    assert listed_share(*tiny.Y_train.shape, alone.config_) < 0.5
    ranked = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
    assert ranked.score(tiny.X_test, tiny.Y_test) > alone.score(tiny.X_test, tiny.Y_test)


def test_they_come_from_the_index_where_answers_do(tiny: Dataset) -> None:
    clf = SlideClassifier(**SMALL, ranker=False, answers="index").fit(tiny.X_train, tiny.Y_train)
    (member,) = clf._model.members
    assert member.index is not None
    X = normalize_rows(tiny.X_test)
    found = make_shortlists(member, X, 1)
    ids, _ = top_k([member], X, 5, n_threads=1)
    for row in range(X.shape[0]):
        np.testing.assert_array_equal(np.sort(found[row : row + 1].indices), np.sort(ids[row][ids[row] >= 0]))
    SlideClassifier(**SMALL, answers="index").fit(tiny.X_train, tiny.Y_train).partial_fit(tiny.X_test, tiny.Y_test)

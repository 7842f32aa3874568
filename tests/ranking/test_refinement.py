from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.datasets import Dataset
from slidelearn.kernels import Csr, Float
from slidelearn.metrics import precision_at_k, psp_at_k
from slidelearn.ranking import blending
from slidelearn.ranking.blending import blended, with_gains
from slidelearn.ranking.judges import Judges
from slidelearn.ranking.perceptron import Perceptron
from slidelearn.ranking.ranker import EVIDENCE, Ranker
from slidelearn.ranking.refinement import N_PARTNERS, Refinement, partners_of
from slidelearn.ranking.shortlist import Shortlist

N_LABELS = 12


def _dense(partners: Csr) -> Float:
    indptr, indices, data = partners
    return sparse.csr_array((data, indices, indptr), (partners.n_rows, partners.n_rows)).toarray()


def test_partners_are_those_of_most_of_a_labels_samples() -> None:
    Y = sparse.csr_array(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]))
    expected = [[0, 2 / 3, 1 / 3, 0], [1, 0, 1 / 2, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(_dense(partners_of(Y)), expected, rtol=1e-6)


def test_only_the_most_frequent_partners_are_kept(rng: np.random.Generator) -> None:
    counts = rng.permutation(np.arange(1, 41))  # of how many samples label i + 1 is a partner of label 0 in
    rows = [[0, *np.flatnonzero(counts >= n) + 1] for n in range(1, 41)]
    Y = sparse.csr_array(np.array([np.isin(np.arange(41), row) for row in rows], np.float32))
    of_first = _dense(partners_of(Y))[0]
    np.testing.assert_array_equal(np.flatnonzero(of_first), np.sort(np.argsort(-counts)[:N_PARTNERS]) + 1)


def test_of_many_pairs_some_samples_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    Y = sparse.csr_array(np.tile([[1, 1, 0], [0, 1, 1]], (50, 1)))
    monkeypatch.setattr("slidelearn.ranking.refinement.MOST_PAIRS", 200.0)  # every second one, all of the first kind
    np.testing.assert_allclose(_dense(partners_of(Y)), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_new_samples_count_beside_former_ones(rng: np.random.Generator) -> None:
    Y = sparse.csr_array((rng.random((60, 6)) < 0.3).astype(np.float32))
    former, new = Y[:40], Y[40:]
    counts = np.asarray(former.sum(axis=0)).reshape(-1).astype(np.float32)
    together = partners_of(new, partners_of(former), counts)
    np.testing.assert_allclose(_dense(together), _dense(partners_of(Y)), rtol=1e-5)


class _Lists:
    """Samples whose labels are right where exactly one of two signs is there: no linear blend can tell."""

    def __init__(self, rng: np.random.Generator, n: int, *, solvable: bool = True) -> None:
        self.ids = np.array([rng.permutation(N_LABELS) for _ in range(n)], np.int32)
        signs = rng.integers(0, 2, (2, n, N_LABELS))
        noise = 0.1 * rng.standard_normal((n, N_LABELS))
        self.shortlist = Shortlist(self.ids, signs[0].astype(np.float32), noise.astype(np.float32))
        self.margins = signs[1].astype(np.float32)
        right = signs[0] != signs[1] if solvable else rng.random((n, N_LABELS)) < 0.3 + 0.2 * signs[0]
        Y = np.zeros((n, N_LABELS), np.float32)
        np.put_along_axis(Y, self.ids, right.astype(np.float32), axis=1)
        self.labels = sparse.csr_array(Y)

    @property
    def evidence(self) -> Float:
        return _bare_evidence(None, self.shortlist, self.margins)

    def judges(self, groups: Any = None) -> Judges:
        groups = np.arange(len(self.ids), dtype=np.int32) if groups is None else groups
        return Judges.of(self.shortlist, self.labels, groups, N_LABELS).hearing(self.margins)

    def blended(self, monkeypatch: pytest.MonkeyPatch, groups: Any = None, refinement: Any = None) -> Ranker:
        monkeypatch.setattr(Ranker, "evidence", _bare_evidence)
        counts, one = np.ones(N_LABELS, np.float32), np.ones(1, np.float32)
        ranker = Ranker(None, N_LABELS, np.ones(5, np.float32), counts, one, np.zeros(1, np.int32))
        ranker = replace(ranker, refinement=refinement)
        return blended(ranker, self.judges(groups), partial(partners_of, self.labels), n_threads=1)


def _bare_evidence(_: Any, shortlist: Shortlist, margins: Float, **__: Any) -> Float:
    """The numbers themselves, without any logarithm."""
    nothing = np.zeros(margins.shape, np.float32)
    return np.stack([shortlist.logits, margins, shortlist.votes, nothing], axis=2)


def test_it_learns_what_no_linear_blend_can(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    ranker = _Lists(rng, 600).blended(monkeypatch)
    assert ranker.refinement is not None
    new = _Lists(rng, 200)
    first, second = (each.log_odds(new.evidence, new.ids, 1) for each in (replace(ranker, refinement=None), ranker))
    answers = [np.take_along_axis(new.ids, np.argsort(-odds, axis=1), axis=1) for odds in (first, second)]
    plain, refined = (precision_at_k(ids, new.labels, 3) for ids in answers)
    assert refined > 0.95 > 0.7 > plain


@pytest.mark.parametrize(
    ("n", "gain", "is_there"),
    [(600, 0.01, True), (600, -0.01, False), (300, 0.04, True), (300, 0.02, False), (60, 0.04, False)],
)
def test_it_must_serve_others_better_and_clearly_so_where_few_tell(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, n: int, gain: float, is_there: bool
) -> None:
    losses = {True: 1 - gain, False: 1.0}
    monkeypatch.setattr(blending._Known, "loss", lambda _, ranker, __: losses[ranker.refinement is not None])
    assert (_Lists(rng, n).blended(monkeypatch).refinement is not None) == is_there


def test_where_the_first_look_is_never_wrong_there_is_none(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blending._Known, "loss", lambda *_: 0.0)
    assert _Lists(rng, 600).blended(monkeypatch).refinement is None


def test_near_duplicates_do_not_judge_what_they_taught(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves: list[set[int]] = []
    groups = rng.integers(0, 100, 600).astype(np.int32)
    whole = Judges.of_rows

    def recorded(self: Judges, rows: NDArray[np.int64]) -> Judges:
        halves.append(set(groups[rows]))
        return whole(self, rows)

    monkeypatch.setattr(Judges, "of_rows", recorded)
    _Lists(rng, 600).blended(monkeypatch, groups)
    assert len(halves) == 4
    for taught, asked in (halves[:2], halves[2:]):
        assert not taught & asked
        assert taught | asked == set(groups)


def test_where_one_is_proven_the_next_one_is_taught_at_once(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = _Lists(rng, 600, solvable=False)
    first = lists.blended(monkeypatch).refinement
    assert first is None
    known = Refinement(partners_of(lists.labels), Perceptron.empty(len(EVIDENCE) + 2, 3))
    second = lists.blended(monkeypatch, refinement=known).refinement
    assert second is not None
    assert second is not known
    assert _Lists(rng, 100, solvable=False).blended(monkeypatch, refinement=known).refinement is known  # too few


def test_what_speaks_for_a_label_is_in_the_hidden_units(rng: np.random.Generator) -> None:
    """The network by hand: one unit that passes on the first evidence, one that passes on the support."""
    partners = partners_of(sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]])))
    hidden = np.zeros((len(EVIDENCE) + 1, 2), np.float32)
    hidden[0, 0] = hidden[-1, 1] = 1
    biases, output, constant = (np.array(a, np.float32) for a in ([0, 10], [2, 3], [-1]))
    refinement = Refinement(partners, Perceptron(hidden, biases, output, constant))
    evidence = rng.random((1, 4, len(EVIDENCE))).astype(np.float32)
    odds, ids = np.array([[0.0, 1.0, 2.0, 3.0]], np.float32), np.array([[0, 1, 2, -1]], np.int32)
    p = 1 / (1 + np.exp(-odds[0]))
    support = np.log(np.array([p[1], p[0], 0, 0]) + 1e-3)
    expected = 2 * evidence[0, :, 0] + 3 * (support + 10) - 1
    np.testing.assert_allclose(refinement.log_odds(evidence, odds, ids, n_threads=1)[0], expected, rtol=1e-5)


def test_it_looks_at_the_first_labels_and_others_stay_below() -> None:
    nobody = Csr(np.zeros(9, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    hidden = np.zeros((len(EVIDENCE) + 1, 1), np.float32)
    hidden[0, 0] = 1
    numbers = (np.array(a, np.float32) for a in ([0], [1], [-5]))
    refinement = Refinement(nobody, Perceptron(hidden, *numbers), np.array([3], np.int32))  # the first evidence less 5
    odds = np.array([[0, 4, -1, 5, 2, -1, 3], [-20, 4, -30, 5, 9, 9, 3]], np.float32)
    ids = np.array([[6, 5, 4, 3, 2, 1, 0], [6, 5, 4, 3, -1, -1, 0]], np.int32)
    evidence = np.full((2, 7, len(EVIDENCE)), 2, np.float32)
    evidence[:, 3] = 1
    found = refinement.log_odds(evidence, odds, ids, n_threads=1)
    refined = [[1, 3, 6], [1, 3, 6]]
    np.testing.assert_array_equal(np.take_along_axis(found, np.array(refined), axis=1), [[-3, -4, -3]] * 2)
    np.testing.assert_array_equal(found[0, [0, 2, 4, 5]], odds[0, [0, 2, 4, 5]] - 6)  # 2 would be above -4
    np.testing.assert_array_equal(found[1, [0, 2]], odds[1, [0, 2]])  # these are below it by themselves
    of_all = replace(refinement, n_refined=np.zeros(0, np.int32))  # as in models of format version 2
    np.testing.assert_array_equal(of_all.log_odds(evidence, odds, ids, n_threads=1), evidence[..., 0] - 5)


def test_short_lists_are_refined_whole(rng: np.random.Generator) -> None:
    nobody = Csr(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    numbers = (np.array(a, np.float32) for a in ([1], [1], [0]))
    refinement = Refinement(nobody, Perceptron(np.zeros((len(EVIDENCE) + 1, 1), np.float32), *numbers))
    odds, ids = rng.random((2, 3)).astype(np.float32), np.array([[0, 1, 2], [2, -1, -1]], np.int32)
    np.testing.assert_array_equal(refinement.log_odds(np.zeros((2, 3, 4), np.float32), odds, ids, n_threads=1), 1)


def test_labels_come_and_go(rng: np.random.Generator) -> None:
    partners = partners_of(sparse.csr_array(rng.random((50, 5)) < 0.4))
    smaller = Refinement(partners, Perceptron.empty(5, 3)).resized(np.array([0, -1, 1, 2, -1], np.int32), 6)
    expected = np.zeros((6, 6), np.float32)
    expected[:3, :3] = _dense(partners)[np.ix_([0, 2, 3], [0, 2, 3])]
    np.testing.assert_array_equal(_dense(smaller.partners), expected)


def test_a_model_with_one_is_saved_and_goes_on(tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blending, "LEAST_RIGHT", 0)
    monkeypatch.setattr(
        "slidelearn.ranking.blending._Known.loss", lambda _, ranker, __: float(ranker.refinement is None)
    )
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1).fit(tiny.X_train[300:], tiny.Y_train[300:])
    assert clf.ranker_ is not None
    assert clf.ranker_.refinement is not None
    clf.save(tmp_path / "whole")
    clf.save(tmp_path / "small", inference_only=True)
    expected = clf.predict_topk(tiny.X_test)
    ids, scores = SlideClassifier.load(tmp_path / "whole", n_jobs=2).predict_topk(tiny.X_test)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(scores, expected[1])
    ids, _ = SlideClassifier.load(tmp_path / "small", n_jobs=1).predict_topk(tiny.X_test)
    assert (ids == expected[0]).mean() > 0.9
    clf.partial_fit(tiny.X_train[:300], tiny.Y_train[:300])
    assert clf.ranker_.refinement is not None


def test_gains_count_less_for_the_first_answer(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the labels are rare; favouring them fully would cost the first answer dearly."""
    lists = _Lists(rng, 400, solvable=False)
    monkeypatch.setattr(Ranker, "evidence", _bare_evidence)
    counts, one = np.ones(N_LABELS, np.float32), np.ones(1, np.float32)
    blend = np.array([1, 0, 0, 0, -1], np.float32)
    ranker = Ranker(None, N_LABELS, blend, counts, one, np.zeros(1, np.int32))
    gains = np.where(np.arange(N_LABELS) < 6, 0, 3).astype(np.float32)
    judges = lists.judges()
    tail = with_gains(ranker, judges, gains, n_threads=1)
    whole = replace(tail, first_share=None)
    plain, ids, greedy = (each.answers_of(judges, n_threads=1)[0] for each in (ranker, tail, whole))
    first = [precision_at_k(each, lists.labels, 1) for each in (plain, ids, greedy)]
    assert first[1] >= first[0] - 0.005 > first[2]
    inverse = np.exp(gains)
    assert psp_at_k(ids, lists.labels, inverse, 5) > psp_at_k(plain, lists.labels, inverse, 5)
    scores = tail.answers_of(judges, n_threads=1)[1]
    assert (np.diff(scores, axis=1) <= 0).all()
    unknown = with_gains(ranker, None, gains, n_threads=1)
    assert unknown.first_share is not None

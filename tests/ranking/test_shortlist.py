"""Shortlists, and the answers of several models together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from slidelearn.ranking.shortlist import mean_answers

NONE = -np.inf


def test_answers_are_joined_by_the_mean_of_their_probabilities() -> None:
    first = np.array([[3, 1, 7], [2, 4, -1]], np.int32), logit([[0.8, 0.5, 0.2], [0.9, 0.6, 0.0]]).astype(np.float32)
    second = np.array([[1, 5, 3], [-1, -1, -1]], np.int32), logit([[0.7, 0.6, 0.3], [0.0] * 3]).astype(np.float32)
    ids, scores = mean_answers([first, second], n_threads=1)
    np.testing.assert_array_equal(ids, [[1, 3, 5, 7, -1, -1], [2, 4, -1, -1, -1, -1]])
    # 5 is impossible in the first answer, 7 in the second, and there all is
    np.testing.assert_allclose(expit(scores), [[0.6, 0.55, 0.3, 0.1, 0, 0], [0.45, 0.3, 0, 0, 0, 0]], atol=1e-6)
    assert (scores[ids < 0] == NONE).all()


def test_scores_that_no_probability_can_tell_apart_stay_finite() -> None:
    answers = [(np.array([[0, 1, 2]], np.int32), np.array([[99.0, 40.0, -2000.0]], np.float32))] * 2
    ids, scores = mean_answers(answers, n_threads=1)
    np.testing.assert_array_equal(ids, [[0, 1, 2, -1, -1, -1]])
    np.testing.assert_allclose(scores[0, :3], [30.0, 30.0, -700.0], rtol=1e-3)


def test_one_answer_stays_as_it_is() -> None:
    answer = np.array([[4, 2]], np.int32), np.array([[0.5, -2.0]], np.float32)
    assert mean_answers([answer], n_threads=1) is answer


@pytest.mark.parametrize("n_answers", [2, 3])
def test_every_label_counts_once(rng: np.random.Generator, n_answers: int) -> None:
    answers = []
    for _ in range(n_answers):
        ids = np.array([rng.permutation(12)[:5] for _ in range(40)], np.int32)
        answers.append((ids, -np.sort(-rng.standard_normal(ids.shape).astype(np.float32), axis=1)))
    ids, scores = mean_answers(answers, n_threads=2)
    for row, (labels, found) in enumerate(zip(ids, scores, strict=True)):
        of_each = [dict(zip(i[row].tolist(), s[row].tolist(), strict=True)) for i, s in answers]
        means = {
            label: logit(np.mean([expit(of_one.get(label, NONE)) for of_one in of_each]))
            for label in set().union(*of_each)
        }
        there = labels >= 0
        assert set(labels[there].tolist()) == set(means)
        np.testing.assert_allclose(found[there], [means[label] for label in labels[there].tolist()], atol=1e-5)
        assert (np.diff(found[there]) <= 0).all()
        assert (found[~there] == NONE).all()

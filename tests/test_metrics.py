from __future__ import annotations

import math
import re

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from slidelearn.metrics import (
    evaluate,
    ndcg_at_k,
    precision_at_k,
    precision_standard_error,
    propensities,
    psp_at_k,
    recall_at_k,
    without_pairs,
)

# Three samples and five labels; the last sample has no labels, and only two predictions.
Y = sp.csr_array(np.array([[1, 0, 1, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]))
IDS = np.array([[2, 1, 0], [0, 3, 1], [0, 1, -1]])
WEIGHTS = np.array([2.0, 3.0, 1.0, 1.0, 5.0])


def test_precision_by_hand():
    assert precision_at_k(IDS, Y, 1) == pytest.approx((1 + 0 + 0) / 3)
    assert precision_at_k(IDS, Y, 2) == pytest.approx((1 / 2 + 0 + 0) / 3)
    assert precision_at_k(IDS, Y, 3) == pytest.approx((2 / 3 + 1 / 3 + 0) / 3)


def test_recall_by_hand():
    assert recall_at_k(IDS, Y, 1) == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert recall_at_k(IDS, Y, 3) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_ndcg_by_hand():
    first, second, third = 1 / math.log2(2), 1 / math.log2(3), 1 / math.log2(4)
    assert ndcg_at_k(IDS, Y, 1) == pytest.approx(1 / 3)
    expected = ((first + third) / (first + second + third) + third / first) / 3
    assert ndcg_at_k(IDS, Y, 3) == pytest.approx(expected)


def test_psp_by_hand():
    assert psp_at_k(IDS, Y, WEIGHTS, 1) == pytest.approx(1 / (5 + 3))
    assert psp_at_k(IDS, Y, WEIGHTS, 2) == pytest.approx(1 / (5 + 2 + 3))
    assert psp_at_k(IDS, Y, WEIGHTS, 3) == pytest.approx((1 + 2 + 3) / (5 + 2 + 1 + 3))


def test_standard_error_by_hand():
    assert precision_standard_error(IDS, Y) == pytest.approx(math.sqrt((1 / 3) * (2 / 3) / 3))


def test_propensities_by_hand():
    """Jain et al. (2016), equation 3, with N = 4 and the label counts 2, 1, 0."""
    Y_train = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
    c = (math.log(4) - 1) * 2.5**0.55
    expected = [1 / (1 + c * math.exp(-0.55 * math.log(count + 1.5))) for count in (2, 1, 0)]
    np.testing.assert_allclose(propensities(Y_train), expected)
    c = (math.log(4) - 1) * 3.6**0.6
    np.testing.assert_allclose(propensities(Y_train, a=0.6, b=2.6)[2], 1 / (1 + c * 2.6**-0.6))


def test_propensities_of_very_few_samples_are_one():
    np.testing.assert_array_equal(propensities(np.eye(2)), [1, 1])
    np.testing.assert_array_equal(propensities(np.zeros((0, 2))), [1, 1])


def test_the_best_ranking_scores_one():
    Y_full = np.eye(4)[:, ::-1]
    ids = np.arange(4)[::-1, None]
    result = evaluate(ids, Y_full, 1 / propensities(Y_full), ks=(1,))
    assert result == {"p@1": 1, "psp@1": 1, "ndcg@1": 1}


@pytest.mark.parametrize("Y_empty", [np.zeros((3, 5)), np.zeros((0, 5))], ids=["no labels", "no samples"])
def test_nothing_to_find_scores_zero(Y_empty):
    ids = np.tile(np.arange(3), (len(Y_empty), 1))
    assert set(evaluate(ids, Y_empty, np.ones(5), ks=(1, 3)).values()) == {0.0}
    assert precision_standard_error(ids, Y_empty) == 0.0


def oracle(ids, Y_dense, weights, k):
    """The definitions, sample by sample."""
    n = len(ids)
    precision = recall = ndcg = gained = best = 0.0
    for ranking, row in zip(ids, Y_dense, strict=True):
        true = set(np.flatnonzero(row).tolist())
        hits = [label in true for label in ranking[:k].tolist()]
        precision += sum(hits) / k
        gained += sum(weights[label] for label in ranking[:k].tolist() if label in true)
        best += sum(sorted((weights[label] for label in true), reverse=True)[:k])
        if true:
            recall += sum(hits) / len(true)
            gain = sum(hit / math.log2(rank + 2) for rank, hit in enumerate(hits))
            ndcg += gain / sum(1 / math.log2(rank + 2) for rank in range(min(k, len(true))))
    return precision / n, recall / n, ndcg / n, gained / best if best else 0.0


def random_case(seed):
    rng = np.random.default_rng(seed)
    n, n_labels, n_ranks = rng.integers(1, 30), rng.integers(5, 40), 5
    Y_dense = rng.random((n, n_labels)) < rng.random() / 2
    ids = np.argsort(rng.random((n, n_labels)), axis=1)[:, :n_ranks]
    for row, n_predicted in enumerate(rng.integers(0, n_ranks + 1, n)):
        ids[row, n_predicted:] = -1
    return ids, Y_dense, 1 + 9 * rng.random(n_labels)


@given(st.integers(0, 2**32), st.sampled_from([1, 3, 5]))
def test_against_the_definitions(seed, k):
    ids, Y_dense, weights = random_case(seed)
    found = (
        precision_at_k(ids, Y_dense, k),
        recall_at_k(ids, Y_dense, k),
        ndcg_at_k(ids, Y_dense, k),
        psp_at_k(ids, Y_dense, weights, k),
    )
    assert found == pytest.approx(oracle(ids, Y_dense, weights, k))
    result = evaluate(ids, Y_dense, weights)
    assert (result[f"p@{k}"], result[f"ndcg@{k}"], result[f"psp@{k}"]) == (found[0], found[2], found[3])


@pytest.mark.parametrize("seed", range(5))
def test_against_napkinxc(seed):
    napkinxc = pytest.importorskip(
        "napkinxc.metrics", reason="napkinXC, an independent implementation, is not installed"
    )
    ids, Y_dense, weights = random_case(seed)
    true = [np.flatnonzero(row).tolist() for row in Y_dense]
    predicted = [[label for label in row if label >= 0] for row in ids.tolist()]
    for k in (1, 3, 5):
        assert precision_at_k(ids, Y_dense, k) == pytest.approx(napkinxc.precision_at_k(true, predicted, k)[-1])
        assert recall_at_k(ids, Y_dense, k) == pytest.approx(napkinxc.recall_at_k(true, predicted, k)[-1])
        assert ndcg_at_k(ids, Y_dense, k) == pytest.approx(napkinxc.ndcg_at_k(true, predicted, k)[-1])
        psp = napkinxc.psprecision_at_k(true, predicted, weights, k)[-1]
        assert psp_at_k(ids, Y_dense, weights, k) == pytest.approx(psp)
    Y_train = np.random.default_rng(seed).random((20, 6)) < 0.3
    for a, b in ((0.55, 1.5), (0.6, 2.6)):
        expected = napkinxc.Jain_et_al_propensity(sp.csr_matrix(Y_train.astype(float)), A=a, B=b)
        np.testing.assert_allclose(propensities(Y_train, a, b), expected)


def test_evaluate_names_what_it_can_compute():
    ids = np.tile(np.arange(20), (2, 1))
    Y_wide = np.ones((2, 30))
    assert list(evaluate(ids, Y_wide)) == ["p@1", "p@3", "p@5", "ndcg@1", "ndcg@3", "ndcg@5", "recall@20"]
    assert evaluate(ids, Y_wide)["recall@20"] == pytest.approx(2 / 3)
    keys = ["p@1", "p@3", "p@5", "psp@1", "psp@3", "psp@5", "ndcg@1", "ndcg@3", "ndcg@5"]
    assert list(evaluate(ids[:, :5], Y_wide, np.ones(30))) == keys


def test_what_is_given_is_not_changed():
    ids, Y_given = IDS.astype(np.int32), Y.copy()
    evaluate(ids, Y_given, WEIGHTS, ks=(1,))
    np.testing.assert_array_equal(ids, IDS)
    assert (Y_given != Y).nnz == 0


@pytest.mark.parametrize(
    ("ids", "k", "message"),
    [
        (IDS, 4, "k must lie in 1..3 (as many labels as ids has per sample), but is 4"),
        (IDS, 0, "k must lie in 1..3 (as many labels as ids has per sample), but is 0"),
        (IDS[:2], 1, "ids and Y must have one row per sample, but ids has 2 and Y has 3"),
        (IDS[0], 1, "ids must be integers (n_samples, n_ranks), but is int64 of shape (3,)"),
        (IDS * 1.0, 1, "ids must be integers (n_samples, n_ranks), but is float64 of shape (3, 3)"),
        (IDS + 2, 1, "ids must lie in [0, 5), or be -1 where there is none, but one is 5"),
        (IDS - 1, 1, "ids must lie in [0, 5), or be -1 where there is none, but one is -2"),
        (np.array([[0, 1], [3, 3], [-1, -1]]), 1, "ids must not name a label twice in a row, but row 1 names 3 twice"),
    ],
)
def test_refuses(ids, k, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        precision_at_k(ids, Y, k)


def test_labels_by_name_are_sent_to_the_model():
    for named in ([["a"], ["b"], ["c"]], [["a"], ["b", "c"], []]):
        with pytest.raises(ValueError, match=r"the model's as_indicator makes one of classes and label names$"):
            precision_at_k(IDS, named, 1)


def test_every_k_of_evaluate_is_checked():
    with pytest.raises(ValueError, match=r"^k must lie in 1..3 .*, but is 0$"):
        evaluate(IDS, Y, ks=(0, 3))


def test_refuses_weights_that_do_not_fit():
    with pytest.raises(
        ValueError, match=r"^inverse_propensities must have shape \(5,\), one per label, but has \(4,\)$"
    ):
        psp_at_k(IDS, Y, WEIGHTS[:4], 1)
    with pytest.raises(ValueError, match=r"^inverse_propensities must be positive and finite"):
        psp_at_k(IDS, Y, WEIGHTS * 0, 1)


def test_pairs_that_say_nothing_are_left_out() -> None:
    ids = np.array([[3, 0, 1], [2, 1, -1], [0, 1, 2]])
    pairs = np.zeros((3, 4))
    pairs[0, 0] = pairs[1, 2] = pairs[1, 1] = pairs[2, 3] = 1
    assert without_pairs(ids, pairs, 2).tolist() == [[3, 1], [-1, -1], [0, 1]]
    assert without_pairs(ids, pairs, 3).tolist() == [[3, 1, -1], [-1, -1, -1], [0, 1, 2]]
    with pytest.raises(ValueError, match=r"^k must lie in 1\.\.3"):
        without_pairs(ids, pairs, 4)

"""The ranker's verbs against their twins, and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.svm import LinearSVC
from support import assert_twins_agree, random_csr, random_floats

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, ClassifierRows, Csr, LearntClassifiers

N_FEATURES, N_SAMPLES, N_LABELS = 40, 60, 12
RULE: dict[str, Any] = {"tolerance": 0.1, "max_passes": 20, "threshold": 0.05, "seed": 2**63 + 1}
ONES = np.ones(N_LABELS, np.float32)


@pytest.fixture
def x(rng: np.random.Generator) -> Csr:
    return random_csr(rng, N_SAMPLES, N_FEATURES, 9)


def _first_rows(rows: Csr, n: int) -> Csr:
    end = rows.indptr[n]
    return Csr(rows.indptr[: n + 1], rows.indices[:end], rows.data[:end])


def _sides(rng: np.random.Generator) -> tuple[Csr, Csr]:
    """Samples of each label and others; label 0 has neither, some have one side only."""
    positives, negatives = (random_csr(rng, N_LABELS, N_SAMPLES, n, data=False) for n in (9, 25))
    return positives, negatives


def _some_classifiers(rng: np.random.Generator) -> ClassifierRows:
    rows = random_csr(rng, N_LABELS, N_FEATURES, 30)
    for i in range(N_LABELS):
        rows.indices[rows.indptr[i] : rows.indptr[i + 1]].sort()
    return ClassifierRows(rows, random_floats(rng, N_LABELS))


def _learnt(rng: np.random.Generator, rows: ClassifierRows) -> LearntClassifiers:
    """Some weights are free, others hardly move."""
    firmness = (np.exp(3 * rng.random(n)).astype(np.float32) for n in (len(rows.weights.data), len(rows.biases)))
    return LearntClassifiers(rows, *firmness)


@pytest.mark.parametrize("rule", [{}, {"c": 0.1}, {"c": 10.0, "max_passes": 200}, {"threshold": 0.0, "max_passes": 1}])
@pytest.mark.parametrize("with_former", [False, True])
def test_train_classifiers(rng: np.random.Generator, x: Csr, with_former: bool, rule: dict[str, Any]) -> None:
    former = _learnt(rng, _some_classifiers(rng)) if with_former else None
    c = np.geomspace(0.5, 2, N_LABELS).astype(np.float32) * np.float32(rule.get("c", 1))
    rule = {**RULE, **rule, "c": c}
    assert_twins_agree("train_classifiers", x, N_FEATURES, *_sides(rng), former=former, **rule, n_terms=1000)


@pytest.mark.parametrize("n_labels", [0, 1])
def test_few_labels(rng: np.random.Generator, x: Csr, n_labels: int) -> None:
    sides = [random_csr(rng, n_labels, N_SAMPLES, 20, data=False) for _ in range(2)]
    assert_twins_agree("train_classifiers", x, N_FEATURES, *sides, former=None, c=ONES[:n_labels], **RULE, n_terms=1000)


def test_a_converged_classifier_is_scikit_learns(rng: np.random.Generator) -> None:
    x = random_floats(rng, 80, 10)
    everything = Csr(np.arange(81, dtype=np.int64) * 10, np.tile(np.arange(10, dtype=np.int32), 80), x.reshape(-1))
    positive = np.arange(30, dtype=np.int32)
    sides = [Csr(np.array([0, len(s)]), s, NO_DATA) for s in (positive, np.arange(30, 80, dtype=np.int32))]
    rule = {**RULE, "tolerance": 1e-9, "max_passes": 100_000, "threshold": 0.0, "c": 0.7 * ONES[:1]}
    (weights, biases), *_ = kernels.train_classifiers(everything, 10, *sides, former=None, **rule, n_threads=1)
    svm = LinearSVC(C=0.7, tol=1e-10, max_iter=1_000_000).fit(x, np.arange(80) < 30)
    np.testing.assert_allclose(weights[2], svm.coef_[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(biases, svm.intercept_, rtol=1e-4, atol=1e-6)


def test_former_classifiers_without_samples_stay(rng: np.random.Generator, x: Csr) -> None:
    former = _learnt(rng, _some_classifiers(rng))
    nobody = Csr(np.zeros(N_LABELS + 1, np.int64), np.empty(0, np.int32), NO_DATA)
    rule = {**RULE, "threshold": 9.0, "c": ONES}
    (weights, biases), *firmness = kernels.train_classifiers(
        x, N_FEATURES, nobody, nobody, former=former, **rule, n_threads=2
    )
    expected = *former.rows.weights, former.rows.biases, former.curvatures, former.bias_curvatures
    for now, before in zip((*weights, biases, *firmness), expected, strict=True):
        np.testing.assert_array_equal(now, before)


def test_what_many_samples_told_is_as_good_as_having_them_again(rng: np.random.Generator) -> None:
    """One feature, all samples on the wrong side: the losses are squares, and two parts tell what the whole does."""
    x = Csr(np.arange(9, dtype=np.int64), np.zeros(8, np.int32), random_floats(rng, 8) * np.float32(0.1))
    rule = {**RULE, "tolerance": 1e-9, "max_passes": 100_000, "threshold": 0.0, "c": 0.2 * ONES[:1]}

    def trained(own: list[int], others: list[int], former: Any) -> LearntClassifiers:
        sides = (Csr(np.array([0, len(s)]), np.array(s, np.int32), NO_DATA) for s in (own, others))
        (weights, biases), *firmness = kernels.train_classifiers(x, 1, *sides, former=former, **rule, n_threads=1)
        return LearntClassifiers(ClassifierRows(Csr(*weights), biases), *firmness)

    whole = trained([0, 1, 2, 3], [4, 5, 6, 7], None)
    parts = trained([2, 3], [6, 7], trained([0, 1], [4, 5], None))
    np.testing.assert_allclose(parts.curvatures, whole.curvatures, rtol=1e-5)
    np.testing.assert_allclose(parts.bias_curvatures, whole.bias_curvatures, rtol=1e-5)
    np.testing.assert_allclose(parts.rows.weights.data, whole.rows.weights.data, rtol=0.1)
    again = trained([2, 3], [6, 7], None)
    assert abs(again.rows.weights.data - whole.rows.weights.data) > abs(
        parts.rows.weights.data - whole.rows.weights.data
    )


def test_numbers_of_features_and_labels_that_no_ids_have_are_refused(x: Csr) -> None:
    nobody = Csr(np.zeros(2, np.int64), np.empty(0, np.int32), NO_DATA)
    for n_features in (-1, 2**31):
        with pytest.raises(ValueError, match=rf"n_features must lie in \[0, 2\^31\), but is {n_features}"):
            kernels.train_classifiers(nobody, n_features, nobody, nobody, former=None, c=ONES[:1], **RULE, n_threads=1)


@pytest.mark.parametrize("m", [0, 1, 7])
@pytest.mark.parametrize(("n_samples", "most_features"), [(1, 1), (N_SAMPLES, 1), (N_SAMPLES, 20)])
def test_classifier_margins(rng: np.random.Generator, n_samples: int, most_features: int, m: int) -> None:
    """One feature is looked up among many weights, many in all of them, written out."""
    x = random_csr(rng, n_samples, N_FEATURES, most_features)
    ids = rng.integers(-1, N_LABELS, (n_samples, m), np.int32)
    assert_twins_agree(
        "classifier_margins", x, N_FEATURES, ids, _some_classifiers(rng), n_terms=N_FEATURES, magnitude=4.0
    )


def test_margins_are_the_same_bits_alone_and_together(rng: np.random.Generator) -> None:
    x, classifiers = random_csr(rng, N_SAMPLES, N_FEATURES, 2), _some_classifiers(rng)
    ids = rng.integers(0, N_LABELS, (N_SAMPLES, 5), np.int32)
    together = kernels.classifier_margins(x, N_FEATURES, ids, classifiers, n_threads=1)
    for i in range(N_SAMPLES):
        one = Csr(*kernels.take_rows(x, np.array([i])))
        alone = kernels.classifier_margins(one, N_FEATURES, ids[i : i + 1], classifiers, n_threads=1)
        np.testing.assert_array_equal(alone[0], together[i])


@pytest.mark.parametrize("n_samples", [1, N_SAMPLES])
@pytest.mark.parametrize("feature", [-1, N_FEATURES, 2**31 - 1])
def test_weights_of_features_that_are_none_do_no_harm(rng: np.random.Generator, n_samples: int, feature: int) -> None:
    """Classifiers are too many to be checked at each call: such weights are refused where they would be written out."""
    x = random_csr(rng, n_samples, N_FEATURES, 1)
    ids = rng.integers(0, N_LABELS, (n_samples, 5), np.int32)
    classifiers = _some_classifiers(rng)
    classifiers.weights.indices[:] = feature
    if n_samples == 1:
        margins = kernels.classifier_margins(x, N_FEATURES, ids, classifiers, n_threads=1)
        np.testing.assert_array_equal(margins, classifiers.biases[ids])
    else:
        with pytest.raises(ValueError, match="indices that lie within the features"):
            kernels.classifier_margins(x, N_FEATURES, ids, classifiers, n_threads=1)


def test_damaged_arguments_are_refused(rng: np.random.Generator, x: Csr) -> None:
    classifiers, ids = _some_classifiers(rng), np.full((N_SAMPLES, 2), N_LABELS, np.int32)
    with pytest.raises(ValueError, match=r"ids must lie in \[-1, 12\)"):
        kernels.classifier_margins(x, N_FEATURES, ids, classifiers, n_threads=1)
    with pytest.raises(ValueError, match=r"csr.indices must lie in \[0, 39\)"):
        kernels.classifier_margins(x, N_FEATURES - 1, ids, classifiers, n_threads=1)
    few = random_csr(rng, 3, N_SAMPLES, 5, data=False)
    learnt, fewer = _learnt(rng, classifiers), np.ones(3, np.float32)
    weights, indices = classifiers.weights, classifiers.weights.indices
    for former, complaint in (
        (learnt, "former must have as many rows as positives"),
        (learnt._replace(rows=ClassifierRows(_first_rows(weights, 3), fewer)), "one element per weight"),
    ):
        with pytest.raises(ValueError, match=complaint):
            kernels.train_classifiers(x, N_FEATURES, few, few, former=former, c=fewer, **RULE, n_threads=1)
    some = random_csr(rng, N_LABELS, N_SAMPLES, 5, data=False)
    unsorted = classifiers._replace(weights=weights._replace(indices=indices[::-1].copy()))
    for former, complaint in (
        (learnt._replace(curvatures=-learnt.curvatures), "curvatures must be > 0"),
        (learnt._replace(bias_curvatures=fewer), "one element per row of the weights"),
        (learnt._replace(rows=unsorted), "ascending features in each row"),
    ):
        with pytest.raises(ValueError, match=complaint):
            kernels.train_classifiers(x, N_FEATURES, some, some, former=former, c=ONES, **RULE, n_threads=1)
    for c, complaint in ((ONES[:2], "c must have one element per row"), (0 * ONES[:3], "c must be > 0, but is 0")):
        with pytest.raises(ValueError, match=complaint):
            kernels.train_classifiers(x, N_FEATURES, few, few, former=None, c=c, **RULE, n_threads=1)

"""The verbs over lists of labels against their twins."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from support import assert_twins_agree, random_csr, random_floats

from slidelearn import kernels
from slidelearn.kernels import Csr, Float, Ids

N_LABELS, N_LISTS, N_EVIDENCE = 30, 50, 4


def _lists(rng: np.random.Generator, m: int) -> Ids:
    lists = [rng.permutation(np.arange(-3, N_LABELS))[:m] for _ in range(N_LISTS)]
    ids: Ids = np.array(lists, np.int32).clip(-1).reshape(N_LISTS, m)
    ids[:1] = -1
    return ids


class _Looked(NamedTuple):
    """Arguments of the refinement's verbs."""

    ids: Ids
    evidence: Float
    log_odds: Float
    places: NDArray[np.int64]
    partners: Csr
    perceptron: tuple[Float, Float, Float, Float]

    @classmethod
    def random(cls, rng: np.random.Generator, m: int, n_places: int, n_inputs: int = N_EVIDENCE + 2) -> _Looked:
        partners = random_csr(rng, N_LABELS, N_LABELS, 6)
        partners.data[:] = np.abs(partners.data)
        places = np.array([rng.permutation(m)[:n_places] for _ in range(N_LISTS)], np.int64).reshape(N_LISTS, n_places)
        shapes = ((n_inputs, 7), (7,), (7,), (1,))
        perceptron = tuple(random_floats(rng, *shape) for shape in shapes)
        evidence = random_floats(rng, N_LISTS, m, N_EVIDENCE)
        return cls(_lists(rng, m), evidence, random_floats(rng, N_LISTS, m), places, partners, perceptron)


@pytest.mark.parametrize("with_margins", [False, True])
@pytest.mark.parametrize("m", [0, 1, 9, 33])
def test_label_evidence(rng: np.random.Generator, m: int, with_margins: bool) -> None:
    logits, votes = random_floats(rng, N_LISTS, m), np.abs(random_floats(rng, N_LISTS, m))
    margins = random_floats(rng, N_LISTS, m) if with_margins else None
    counts = rng.integers(0, 99, N_LABELS).astype(np.float32)
    assert_twins_agree("label_evidence", _lists(rng, m), logits, margins, votes, counts, n_terms=m, magnitude=4)


@pytest.mark.parametrize(("m", "n"), [(0, 0), (1, 1), (9, 3), (33, 33)])
def test_best_places(rng: np.random.Generator, m: int, n: int) -> None:
    scores = rng.integers(0, 9, (N_LISTS, m)).astype(np.float32)  # many are equal
    scores[rng.random(scores.shape) < 0.1] = np.nan
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    assert_twins_agree("best_places", _lists(rng, m), scores, n, n_terms=1)


@pytest.mark.parametrize("n_inputs", [N_EVIDENCE + 1, N_EVIDENCE + 2])
@pytest.mark.parametrize(("m", "n_places"), [(0, 0), (1, 1), (9, 0), (9, 4), (33, 33)])
@pytest.mark.usefixtures("isa")
def test_refinement(rng: np.random.Generator, m: int, n_places: int, n_inputs: int) -> None:
    looked = _Looked.random(rng, m, n_places, n_inputs)
    assert_twins_agree("refinement_inputs", *looked[:5], n_terms=m, magnitude=8)
    assert_twins_agree("refine", *looked, n_terms=m + 40, magnitude=8)


@pytest.mark.parametrize("width", [1, 7, 32, 130])
@pytest.mark.parametrize("n", [0, 1, 64, 200])
@pytest.mark.usefixtures("isa")
def test_perceptron_gradient(rng: np.random.Generator, n: int, width: int) -> None:
    perceptron = tuple(random_floats(rng, *shape) for shape in ((5, width), (width,), (width,), (1,)))
    signs = np.where(rng.random(90) < 0.5, np.float32(1), np.float32(-1))
    samples = rng.integers(0, 90, n)
    arguments = perceptron, random_floats(rng, 90, 5), signs, samples
    assert_twins_agree("perceptron_gradient", *arguments, n_terms=width + 5, magnitude=8)


def test_damaged_arguments_of_the_gradient(rng: np.random.Generator) -> None:
    perceptron = tuple(random_floats(rng, *shape) for shape in ((2, 3), (3,), (3,), (1,)))
    inputs, signs, samples = random_floats(rng, 4, 2), np.ones(4, np.float32), np.arange(4)
    for wrong, complaint in (
        ((perceptron, inputs[:, :1].copy(), signs, samples), "a row for each column of inputs"),
        ((perceptron, inputs, signs[:3], samples), "signs must have one element per row"),
        ((perceptron, inputs, signs, samples + 1), r"samples must lie in \[0, 4\)"),
    ):
        with pytest.raises(ValueError, match=complaint):
            kernels.perceptron_gradient(*wrong, n_threads=1)


def test_who_is_certain_speaks_for_its_partners() -> None:
    partners = Csr(np.array([0, 2, 2, 3]), np.array([1, 2, 0], np.int32), np.array([0.5, 0.25, 1.0], np.float32))
    ids, places = np.array([[2, 0, -1, 1]], np.int32), np.array([[3, 0, 1]])
    log_odds = np.log(np.array([[0.1, 0.8, 0.9, 0.4]], np.float32) / np.array([[0.9, 0.2, 0.1, 0.6]], np.float32))
    evidence = np.arange(4, dtype=np.float32).reshape(1, 4, 1)
    inputs = kernels.refinement_inputs(ids, evidence, log_odds, places, partners, n_threads=1)
    support = np.log(np.array([0.8 * 0.5, 0.8 * 0.25, 0.1 * 1.0]) + 1e-3)
    expected = np.full(3, np.log(0.1 + 0.8 + 0.4 + 1e-3))
    np.testing.assert_allclose(inputs[0], np.stack([[3, 0, 1], support, expected], axis=1), rtol=1e-5)


def test_damage_is_refused(rng: np.random.Generator) -> None:
    looked = _Looked.random(rng, 9, 4)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"ids": looked.ids + 30}, r"ids must lie in \[-1, 30\)"),
        ({"places": looked.places + 9}, r"places must lie in \[0, 9\)"),
        ({"places": looked.places[:-1].copy()}, "places must have a row for each row of ids"),
        ({"log_odds": looked.log_odds[:, :-1].copy()}, "log_odds must have the shape of ids"),
        ({"evidence": looked.evidence[:, :-1].copy()}, "evidence must begin with the shape of ids"),
        ({"perceptron": (looked.perceptron[0][:-2].copy(), *looked.perceptron[1:])}, "hidden must have a row for each"),
        ({"perceptron": (looked.perceptron[0], *looked.perceptron[3:] * 3)}, "must have one element per column"),
    ]
    for array in ("indptr", "indices"):
        arrays = looked.partners._asdict() | {array: getattr(looked.partners, array).copy()}
        arrays[array][1:-1] = 2**30
        wrong.append(({"partners": Csr(**arrays)}, "partners must have ascending indptr, and indices that lie within"))
    for change, complaint in wrong:
        with pytest.raises(ValueError, match=complaint):
            kernels.refine(*looked._replace(**change), n_threads=2)
    with pytest.raises(ValueError, match="n must lie in"):
        kernels.best_places(looked.ids, looked.log_odds, 10, n_threads=1)

"""Rows and codewords are small whole numbers where codes must be the same to the last."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import assert_twins_agree, random_floats

from slidelearn import kernels
from slidelearn.kernels import Float, Ids, PqRows, Rows
from slidelearn.network.optim import ParameterRows

pytestmark = pytest.mark.usefixtures("isa")


def _whole(rng: np.random.Generator, *shape: int) -> Float:
    return rng.integers(-4, 5, shape).astype(np.float32)


def _codewords(rng: np.random.Generator, width: int) -> Float:
    words = _whole(rng, -(-width // 8) * 2, 4, 16)
    words.reshape(-1, 16)[width:] = 0
    return words.reshape(-1)


def _slots(rng: np.random.Generator, n_rows: int, n_clusters: int) -> tuple[np.ndarray, Ids]:
    """Clusters of different sizes, one of them empty; slots that are not needed are -1."""
    cluster = rng.integers(0, max(n_clusters - 1, 1), n_rows)
    members = [np.flatnonzero(cluster == c) for c in range(n_clusters)]
    n_blocks = [-(-len(m) // 64) for m in members]
    ids = np.full(64 * sum(n_blocks), -1, np.int32)
    starts = np.cumsum([0, *n_blocks], dtype=np.int64)
    for start, m in zip(starts, members, strict=False):
        ids[64 * start : 64 * start + len(m)] = m
    return starts, ids


def _index(rng: np.random.Generator, rows: Rows, scales: Float | None, n_clusters: int) -> PqRows:
    starts, ids = _slots(rng, len(rows.memory), n_clusters)
    codewords = _codewords(rng, rows.width)
    codes, biases = kernels.pq_encode(rows, scales, ids, codewords, n_threads=1)
    return PqRows(starts, ids, biases, codes, codewords)


def _whole_rows(rng: np.random.Generator, n_rows: int, width: int) -> Rows:
    rows = ParameterRows(n_rows, width, "sgd")
    rows.weights[...], rows.bias[...] = _whole(rng, n_rows, width), _whole(rng, n_rows)
    return rows.rows


@pytest.mark.parametrize("with_scales", [False, True])
@pytest.mark.parametrize("n_rows", [1, 64, 500])
@pytest.mark.parametrize("width", [1, 9, 64, 130])
def test_pq_encode(rng: np.random.Generator, width: int, n_rows: int, with_scales: bool) -> None:
    rows = _whole_rows(rng, n_rows, width)
    scales = 2.0 ** rng.integers(-1, 2, n_rows).astype(np.float32) if with_scales else None
    _, ids = _slots(rng, n_rows, 3)
    assert_twins_agree("pq_encode", rows, scales, ids, _codewords(rng, width), n_terms=0)


@pytest.mark.parametrize("with_scales", [False, True])
@pytest.mark.parametrize("n_samples", [0, 1, 30])
@pytest.mark.parametrize(
    ("n_rows", "width", "n_clusters", "n_opened"), [(7, 1, 1, 1), (900, 64, 6, 3), (700, 130, 9, 9)]
)
def test_pq_top_k(
    rng: np.random.Generator,
    n_rows: int,
    width: int,
    n_clusters: int,
    n_opened: int,
    n_samples: int,
    with_scales: bool,
) -> None:
    rows = _whole_rows(rng, n_rows, width)
    scales = 2.0 ** rng.integers(-1, 2, n_rows).astype(np.float32) if with_scales else None
    index = _index(rng, rows, scales, n_clusters)
    opened = rng.integers(0, n_clusters, (n_samples, n_opened)).astype(np.int32)  # some twice
    hidden = _whole(rng, n_samples, width)
    assert_twins_agree("pq_top_k", rows, scales, index, opened, hidden, 5, n_rows, n_terms=0)


@pytest.mark.parametrize("n_kept", [20, 100])
def test_those_kept_by_codes(rng: np.random.Generator, n_kept: int) -> None:
    """With values as they are in a model; which row is the last one kept may hang on the last bit of a float."""
    rows = ParameterRows(2000, 64, "sgd")
    rows.weights[...], rows.bias[...] = random_floats(rng, 2000, 64), random_floats(rng, 2000)
    starts, ids = _slots(rng, 2000, 10)
    sample = rows.weights[:16].reshape(16, 16, 4).transpose(1, 2, 0)
    codewords = np.ascontiguousarray(sample).reshape(-1)
    codes, biases = kernels.pq_encode(rows.rows, None, ids, codewords, n_threads=1)
    index = PqRows(starts, ids, biases, codes, codewords)
    opened = np.tile(np.arange(10, dtype=np.int32), (40, 1))
    hidden = random_floats(rng, 40, 64)
    args = (rows.rows, None, index, opened, hidden, 10, n_kept)
    found, scores = kernels.pq_top_k(*args, n_threads=1)
    expected, _ = kernels.reference.pq_top_k(*args, n_threads=1)
    assert np.mean(found == expected) > 0.98
    exact, _ = kernels.exact_top_k(rows.rows, None, hidden, 10, n_threads=1)
    recall = np.mean([np.isin(e, f).mean() for e, f in zip(exact, found, strict=True)])
    assert recall > {20: 0.3, 100: 0.7}[n_kept]
    assert (np.diff(scores, axis=1) <= 0).all()


def test_sums_over_very_wide_rows(rng: np.random.Generator) -> None:
    """Codes of 550 parts, whose bytes would add up to more than 16 bits hold."""
    n_rows, width = 100, 2200
    rows = ParameterRows(n_rows, width, "sgd")
    for row in range(n_rows):
        rows.weights[row, : 4 * (row * 550 // (n_rows - 1))] = 1
    words = np.zeros((550, 4, 16), np.float32)
    words[..., 1] = 1
    starts, ids = _slots(rng, n_rows, 1)
    codes, biases = kernels.pq_encode(rows.rows, None, ids, words.reshape(-1), n_threads=1)
    index = PqRows(starts, ids, biases, codes, words.reshape(-1))
    hidden, opened = np.ones((1, width), np.float32), np.zeros((1, 1), np.int32)
    assert_twins_agree("pq_top_k", rows.rows, None, index, opened, hidden, 5, 5, n_terms=0)
    found, _ = kernels.pq_top_k(rows.rows, None, index, opened, hidden, 5, 5, n_threads=1)
    assert found[0].tolist() == [99, 98, 97, 96, 95]


def test_what_does_not_fit_is_refused(rng: np.random.Generator) -> None:
    rows = _whole_rows(rng, 100, 16)
    index = _index(rng, rows, None, 3)
    opened, hidden = np.zeros((1, 1), np.int32), _whole(rng, 1, 16)
    nothing = np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.uint8)

    def ask(index: PqRows = index, opened: Ids = opened, k: int = 3, n_kept: int = 9) -> tuple[Any, Any]:
        return kernels.pq_top_k(rows, None, index, opened, hidden, k, n_kept, n_threads=1)

    for message, wrong in {
        r"opened must lie in \[0, 3\)": lambda: ask(opened=np.full((1, 1), 3, np.int32)),
        "opened must have a row for each row of hidden": lambda: ask(opened=np.zeros((2, 1), np.int32)),
        r"n_kept must lie in \[k, 2\^31\), but is 2": lambda: ask(n_kept=2),
        "k must be >= 1, but is 0": lambda: ask(k=0),
        "index.starts must begin with 0": lambda: ask(index._replace(starts=index.starts + 1)),
        "index.starts must not decrease": lambda: ask(index._replace(starts=index.starts[::-1] * [0, 1, 1, 1] - 0)),
        "must have as many blocks as index.starts says": lambda: ask(index._replace(codes=index.codes[:-1])),
        "must have as many blocks as": lambda: ask(PqRows(np.array([0, 2**58]), *nothing, index.codewords)),
        "codewords must have 256 elements for rows of width 16": lambda: ask(index._replace(codewords=hidden[0])),
        r"ids must lie in \[-1, 100\)": lambda: kernels.pq_encode(
            rows, None, np.full(64, 100, np.int32), index.codewords, n_threads=1
        ),
        "ids must be a multiple of 64": lambda: kernels.pq_encode(
            rows, None, np.zeros(3, np.int32), index.codewords, n_threads=1
        ),
    }.items():
        with pytest.raises(ValueError, match=message):
            wrong()


def test_ids_of_no_rows_are_passed_over(rng: np.random.Generator) -> None:
    rows = _whole_rows(rng, 100, 16)
    index = _index(rng, rows, None, 1)
    ids = index.ids.copy()
    ids[:50] = np.int32(2**31 - 1)
    found, _ = kernels.pq_top_k(
        rows, None, index._replace(ids=ids), np.zeros((1, 1), np.int32), _whole(rng, 1, 16), 100, 100, n_threads=1
    )
    assert set(found[0]) - {-1} == set(ids[ids >= 0]) - {2**31 - 1}

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from support import random_floats

from slidelearn.batches import Batch, Samples
from slidelearn.config import make_config
from slidelearn.kernels import Float
from slidelearn.lsh import LshIndex
from slidelearn.network.active import ActiveSet
from slidelearn.network.layers import Execution
from slidelearn.network.sampling import ActiveSetSampler

RUN = Execution(n_threads=2)
N_LABELS = 40
N_SAMPLES = 4000
WIDTH = 4


@pytest.fixture(scope="module")
def samples() -> Samples:
    """One or two labels each, the first ones often and the last ones rarely."""
    rng = np.random.default_rng(3)
    chances = 1.0 / np.arange(1, N_LABELS + 1)
    chosen = np.stack([rng.choice(N_LABELS, 2, p=chances / chances.sum()) for _ in range(N_SAMPLES)])
    Y = sparse.csr_array((np.ones(2 * N_SAMPLES), (np.repeat(np.arange(N_SAMPLES), 2), chosen.reshape(-1))))
    Y.data[:] = 1.0
    return Samples(sparse.csr_array((N_SAMPLES, 3), dtype=np.float32), Y)


def _sampler(samples: Samples, **options: Any) -> ActiveSetSampler:
    return ActiveSetSampler(make_config(**options), samples, None, WIDTH)


def _rows(active: ActiveSet) -> list[list[int]]:
    csr = active.csr
    return [csr.indices[csr.indptr[i] : csr.indptr[i + 1]].tolist() for i in range(csr.n_rows)]


def _own(batch: Batch) -> list[list[int]]:
    indptr = batch.labels.indptr
    return [batch.labels.indices[indptr[i] : indptr[i + 1]].tolist() for i in range(batch.labels.n_rows)]


def _hidden(batch: Batch) -> Float:
    return np.zeros((batch.labels.n_rows, WIDTH), np.float32)


def _marked(active: ActiveSet, batch: Batch) -> None:
    """The label columns of an active set must point at the samples' own labels."""
    rows = _rows(active)
    for i, own in enumerate(_own(batch)):
        columns = active.labels.columns[active.labels.indptr[i] : active.labels.indptr[i + 1]]
        assert [rows[i][column] for column in columns] == own


@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
@pytest.mark.parametrize("sampler", ["batch", "memory", "uniform", "frequency", "batch+memory", "uniform+frequency"])
def test_own_labels_are_active_and_marked(samples: Samples, sampler: str, active_set: str) -> None:
    chooser = _sampler(samples, sampler=sampler, active_set=active_set, n_negatives=7)
    batch = samples.take(np.arange(20, 50))
    active = chooser.sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
    assert active.shared == (active_set == "shared")
    _marked(active, batch)
    assert all(len(row) == len(set(row)) for row in _rows(active))


def test_full_is_every_label(samples: Samples) -> None:
    batch = samples.take(np.arange(5))
    active = _sampler(samples, sampler="full").sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
    np.testing.assert_array_equal(active.ids, np.arange(N_LABELS))
    assert active.log_q is None
    _marked(active, batch)


def test_batch_is_the_labels_of_the_batch(samples: Samples) -> None:
    batch = samples.take(np.arange(7))
    active = _sampler(samples, sampler="batch").sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
    np.testing.assert_array_equal(active.ids, np.unique(batch.labels.indices))


@pytest.mark.parametrize("sampler", ["batch", "uniform", "frequency", "batch+uniform"])
def test_inclusion_probabilities_are_those_of_a_simulation(samples: Samples, sampler: str) -> None:
    """The true chance that a label is in the set because of *others*: what log q is to correct."""
    batch_size, n_rounds = 32, 3000
    chooser = _sampler(samples, sampler=sampler, batch_size=batch_size, n_negatives=15, log_q_strength=1.0)
    log_q = np.full(N_LABELS, np.nan)
    rng = np.random.default_rng(5)
    counts = np.zeros(N_LABELS)
    nobody = samples.take(np.empty(0, np.int64)) if sampler in ("uniform", "frequency") else None
    for _ in range(n_rounds):
        batch = nobody or samples.take(rng.choice(N_SAMPLES, batch_size, replace=False))
        active = chooser.sample(_hidden(batch), batch, rng, RUN)
        counts[active.ids] += 1
        assert active.log_q is not None
        log_q[active.ids] = active.log_q
    seen = counts > 0
    q = np.exp(log_q[seen])
    deviation = np.sqrt(q * (1 - q) / n_rounds)
    assert seen.sum() > N_LABELS / 2
    assert (np.abs(counts[seen] / n_rounds - q) < 5 * deviation + 0.002).all()


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_log_q_strength_scales_the_correction(samples: Samples, strength: float) -> None:
    batch = samples.take(np.arange(30))
    whole, part = (
        _sampler(samples, sampler="batch", batch_size=4, log_q_strength=s).sample(
            _hidden(batch), batch, np.random.default_rng(0), RUN
        )
        for s in (1.0, strength)
    )
    assert whole.log_q is not None
    assert (whole.log_q < 0).all()
    if strength:
        assert part.log_q is not None
        np.testing.assert_allclose(part.log_q, strength * whole.log_q, rtol=1e-6)
    else:
        assert part.log_q is None


@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
def test_memory_keeps_the_highest_wrong_labels(samples: Samples, active_set: str) -> None:
    """Seen once among all labels, each sample brings its own highest wrong ones at the next time."""
    options = {"active_set": active_set, "n_hard_negatives": 3}
    chooser = _sampler(samples, sampler="memory", min_active=N_LABELS, **options)
    batch = samples.take(np.arange(100, 130))
    rng = np.random.default_rng(0)
    active = chooser.sample(_hidden(batch), batch, rng, RUN)
    assert active.mean_size == N_LABELS
    scores = random_floats(rng, batch.labels.n_rows, N_LABELS)
    rows = np.array(_rows(active))
    logits = np.take_along_axis(scores, rows, axis=1)
    chooser.observe(batch, active, logits if active.shared else logits.reshape(-1), RUN)

    expected = []
    for score, own in zip(scores, _own(batch), strict=True):
        order = [label for label in np.argsort(-score).tolist() if label not in own]
        expected.append(order[:3])
    chooser._config = make_config(sampler="memory", **options)  # without the fill
    again = chooser.sample(_hidden(batch), batch, rng, RUN)
    if again.shared:
        np.testing.assert_array_equal(again.ids, np.unique([*batch.labels.indices, *np.ravel(expected)]))
    else:
        assert [set(row) for row in _rows(again)] == [
            {*own, *hard} for own, hard in zip(_own(batch), expected, strict=True)
        ]
    others = samples.take(np.arange(3))
    fresh = chooser.sample(_hidden(others), others, rng, RUN)
    assert set(fresh.ids.tolist()) == set(others.labels.indices.tolist())


@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
def test_random_fill_reaches_min_active(samples: Samples, active_set: str) -> None:
    chooser = _sampler(samples, sampler="memory", min_active=12, active_set=active_set)
    batch = samples.take(np.arange(4))
    rng = np.random.default_rng(0)
    counts = np.zeros(N_LABELS)
    for _ in range(2000):
        active = chooser.sample(_hidden(batch), batch, rng, RUN)
        rows = _rows(active)
        assert [len(set(row)) for row in rows] == [12] * 4
        counts[list(set(rows[0]) - set(batch.labels.indices.tolist()))] += 1
    strangers = counts[counts > 0]
    assert strangers.min() > 0.85 * strangers.mean()
    assert strangers.max() < 1.15 * strangers.mean()


def test_random_fill_is_corrected_where_the_rest_is_certain(samples: Samples) -> None:
    chooser = _sampler(samples, sampler="memory", min_active=12, active_set="per_sample", log_q_strength=1.0)
    batch = samples.take(np.arange(4))
    active = chooser.sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
    assert active.log_q is not None
    log_q = active.log_q.reshape(4, 12)
    for row, own in zip(log_q, _own(batch), strict=True):
        np.testing.assert_array_equal(row[: len(own)], 0.0)
        np.testing.assert_allclose(row[len(own) :], np.log((12 - len(own)) / N_LABELS), rtol=1e-6)


def test_candidate_recall_counts_samplers_that_do_not_look(samples: Samples) -> None:
    batch = samples.take(np.arange(50))
    looking = _sampler(samples, sampler="batch+memory")
    looking.sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
    assert looking.n_sought == 0
    for active_set in ("shared", "per_sample"):
        blind = _sampler(samples, sampler="uniform", n_negatives=20, active_set=active_set)
        blind.sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
        assert blind.n_sought == len(batch.labels.indices)
        assert 0.15 < blind.n_found / blind.n_sought < 0.65  # 1 - (1 - 1 / 40)^20 = 0.40


@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
def test_the_same_generator_gives_the_same_set(samples: Samples, active_set: str) -> None:
    batch = samples.take(np.arange(10))
    sets = [
        _sampler(samples, sampler="uniform+batch", n_negatives=9, min_active=15, active_set=active_set).sample(
            _hidden(batch), batch, np.random.default_rng(seed), Execution(n_threads)
        )
        for seed, n_threads in ((0, 1), (0, 4), (1, 1))
    ]
    np.testing.assert_array_equal(sets[0].ids, sets[1].ids)
    assert sets[0].ids.tolist() != sets[2].ids.tolist()


def test_a_power_of_zero_draws_the_labels_that_occur_alike(samples: Samples) -> None:
    chooser = _sampler(samples, sampler="frequency", frequency_power=0.0, n_negatives=40, log_q_strength=1.0)
    nobody = samples.take(np.empty(0, np.int64))
    active = chooser.sample(_hidden(nobody), nobody, np.random.default_rng(0), RUN)
    assert active.log_q is not None
    n_seen = np.count_nonzero(samples.label_counts())
    np.testing.assert_allclose(np.exp(active.log_q), 1 - (1 - 1 / n_seen) ** 40, rtol=1e-5)


def test_what_the_tables_find_is_certain_and_what_is_drawn_is_corrected(samples: Samples) -> None:
    batch = samples.take(np.arange(20))
    options: dict[str, Any] = {"active_set": "per_sample", "n_negatives": 8, "log_q_strength": 1.0, "lsh_candidates": 5}
    config = make_config(sampler="lsh+uniform", **options)
    index = LshIndex(config, WIDTH, N_LABELS, np.random.default_rng(1))
    index.rebuild(random_floats(np.random.default_rng(2), N_LABELS, WIDTH), n_threads=1)
    chooser = ActiveSetSampler(config, samples, index, WIDTH)
    active = chooser.sample(_hidden(batch), batch, np.random.default_rng(0), RUN)
    assert active.log_q is not None
    assert active.indptr is not None
    drawn = np.log(1 - (1 - 1 / N_LABELS) ** 8)
    for i, own in enumerate(_own(batch)):
        log_q = active.log_q[active.indptr[i] : active.indptr[i + 1]]
        n_certain = np.count_nonzero(log_q == 0)
        assert len(own) <= n_certain <= len(own) + 5
        np.testing.assert_array_equal(log_q[:n_certain], 0.0)
        np.testing.assert_allclose(log_q[n_certain:], drawn, rtol=1e-5)
        assert len(log_q) > n_certain

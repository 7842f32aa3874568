from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from slidelearn.batches import Samples

X = sparse.csr_array(np.array([[1, 0, 2], [0, 0, 0], [0, 3, 0], [4, 5, 6], [0, 0, 7]], np.float32))
Y = sparse.csr_array(np.array([[1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0]], np.float32))


def test_a_batch_holds_the_rows_of_its_samples() -> None:
    batch = Samples(X, Y).take(np.array([3, 1, 0]))
    assert batch.features.indptr.tolist() == [0, 3, 3, 5]
    assert batch.features.indices.tolist() == [0, 1, 2, 0, 2]
    assert batch.features.data.tolist() == [4, 5, 6, 1, 2]
    assert batch.labels.indptr.tolist() == [0, 3, 4, 6]
    assert batch.labels.indices.tolist() == [0, 1, 2, 2, 0, 2]
    assert len(batch.labels.data) == 0
    assert batch.sample_ids.tolist() == [3, 1, 0]


def test_counts() -> None:
    samples = Samples(X, Y)
    assert samples.n_samples == 5
    assert samples.n_without_labels == 1
    assert samples.label_counts().tolist() == [2, 1, 4, 0]
    assert [samples.n_batches(size) for size in (1, 2, 3, 4, 5)] == [4, 2, 2, 1, 1]


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10])
def test_an_epoch_shows_every_labelled_sample_once(batch_size: int) -> None:
    samples = Samples(X, Y)
    batches = list(samples.shuffled(batch_size, np.random.default_rng(0)))
    assert len(batches) == samples.n_batches(batch_size)
    assert sorted(np.concatenate([batch.sample_ids for batch in batches]).tolist()) == [0, 1, 3, 4]


def test_epochs_are_shuffled_by_the_generator() -> None:
    n = 50
    samples = Samples(sparse.csr_array((n, 3), dtype=np.float32), sparse.csr_array(np.ones((n, 1), np.float32)))
    rng = np.random.default_rng(0)
    first, second = (next(samples.shuffled(n, rng)).sample_ids.tolist() for _ in range(2))
    assert first != second
    assert first == next(samples.shuffled(n, np.random.default_rng(0))).sample_ids.tolist()


def test_arrays_of_the_right_type_are_not_copied() -> None:
    assert np.shares_memory(Samples(X, Y).features.data, X.data)


def test_samples_left_out_are_not_trained_on() -> None:
    samples, held_out = Samples(X, Y), np.array([1, 4])
    samples.leave_out(held_out)
    shown = np.concatenate([batch.sample_ids for batch in samples.shuffled(1, np.random.default_rng(0))])
    assert sorted([*shown, *held_out]) == [0, 1, 3, 4]
    assert samples.n_without_labels == 1


@pytest.mark.parametrize("block_size", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("batch_size", [1, 2, 10])
def test_samples_stay_in_their_blocks(block_size: int, batch_size: int) -> None:
    samples = Samples(X, Y, block_size=block_size)
    for batches in (list(samples.in_order(batch_size)), list(samples.shuffled(batch_size, np.random.default_rng(0)))):
        assert len(batches) == samples.n_batches(batch_size)
        ids = [batch.sample_ids for batch in batches]
        assert sorted(np.concatenate(ids).tolist()) == [0, 1, 3, 4]
        assert all(len(set(each // block_size)) == 1 for each in ids)
        for batch in batches:
            expected = samples.take(batch.sample_ids)
            assert all(np.array_equal(a, b) for a, b in zip(batch.features, expected.features, strict=True))
            assert all(np.array_equal(a, b) for a, b in zip(batch.labels, expected.labels, strict=True))


def test_an_order_can_be_repeated_whatever_else_is_drawn_meanwhile() -> None:
    n = 50
    X, Y = sparse.csr_array((n, 3), dtype=np.float32), sparse.csr_array(np.ones((n, 1), np.float32))
    samples = Samples(X, Y, block_size=20)
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    first = [batch.sample_ids.tolist() for batch in samples.shuffled(5, rng)]
    assert [len(ids) for ids in first] == [5] * 10
    rng.bit_generator.state = state
    second = [(batch.sample_ids.tolist(), rng.random())[0] for batch in samples.shuffled(5, rng)]
    assert first == second

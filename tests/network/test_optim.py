from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import RULES, random_floats

from slidelearn.config import make_config
from slidelearn.kernels import UpdateRule
from slidelearn.network.optim import ParameterRows, Schedule, random_weights

Doubles = NDArray[np.float64]
ADAM = RULES["adam"]
RULE_OF = RULES | {"adam_bf16": ADAM}


class DenseAdam:
    """Kingma and Ba (2015), algorithm 1, over one array."""

    def __init__(self, w: NDArray[Any], rule: UpdateRule) -> None:
        self.w, self.rule = w.astype(np.float64), rule
        self.m, self.v, self.t = np.zeros(w.shape), np.zeros(w.shape), 0

    def step(self, g: NDArray[Any]) -> None:
        rule, self.t = self.rule, self.t + 1
        self.m = rule.beta_1 * self.m + (1 - rule.beta_1) * g
        self.v = rule.beta_2 * self.v + (1 - rule.beta_2) * np.square(g, dtype=np.float64)
        m_hat, v_hat = self.m / (1 - rule.beta_1**self.t), self.v / (1 - rule.beta_2**self.t)
        self.w = self.w - rule.learning_rate * m_hat / (np.sqrt(v_hat) + rule.epsilon)


def _random_rows(rng: np.random.Generator, optimizer: str, n_rows: int = 6, width: int = 5) -> ParameterRows:
    rows = ParameterRows(n_rows, width, optimizer)
    rows.weights[...], rows.bias[...] = random_floats(rng, n_rows, width), random_floats(rng, n_rows)
    return rows


def test_lazy_adam_is_dense_adam_on_the_steps_that_touch_a_row(rng: np.random.Generator) -> None:
    """Row i takes part in every (i + 1)-th step: row 0 in all of them."""
    rows = _random_rows(rng, "adam")
    weights, biases = ([DenseAdam(w, ADAM) for w in a] for a in (rows.weights, rows.bias))
    for step in range(60):
        ids = np.array([i for i in range(6) if step % (i + 1) == 0], np.int32)
        gradient, d_bias = random_floats(rng, len(ids), 5), random_floats(rng, len(ids))
        rows.update(ids, gradient, d_bias, ADAM, n_threads=2)
        for i, g, d in zip(ids, gradient, d_bias, strict=True):
            weights[i].step(g)
            biases[i].step(d)
    np.testing.assert_allclose(rows.weights, [adam.w for adam in weights], atol=1e-4)
    np.testing.assert_allclose(rows.bias, [adam.w for adam in biases], atol=1e-4)
    np.testing.assert_array_equal(dict(rows.named_arrays())["n_updates"], [60, 30, 20, 15, 12, 10])


def test_row_adagrad_by_hand() -> None:
    rows = ParameterRows(2, 2, "adagrad")
    rule = UpdateRule(1, 0.5, 0.0, 0.0, 1e-6)
    one = np.array([1], np.int32)
    rows.update(one, np.array([[3.0, 1.0]], np.float32), np.array([2.0], np.float32), rule, n_threads=1)
    # mean square (9 + 1) / 2 = 5
    expected = -0.5 * np.array([3.0, 1.0]) / math.sqrt(5.0)
    np.testing.assert_allclose(rows.weights[1], expected, rtol=1e-5)
    assert rows.bias[1] == pytest.approx(-0.5, rel=1e-5)
    rows.update(one, np.array([[2.0, 0.0]], np.float32), np.array([0.0], np.float32), rule, n_threads=1)
    expected -= 0.5 * np.array([2.0, 0.0]) / math.sqrt(5.0 + 2.0)
    np.testing.assert_allclose(rows.weights[1], expected, rtol=1e-5)
    np.testing.assert_array_equal(rows.rows.memory[0], 0.0)


@pytest.mark.parametrize("optimizer", RULE_OF)
def test_rows_that_are_not_updated_do_not_change_by_a_bit(rng: np.random.Generator, optimizer: str) -> None:
    rows = _random_rows(rng, optimizer)
    before = rows.rows.memory.copy()
    ids = np.array([4, 1], np.int32)
    rows.update(ids, random_floats(rng, 2, 5), random_floats(rng, 2), RULE_OF[optimizer], n_threads=2)
    others = [0, 2, 3, 5]
    np.testing.assert_array_equal(rows.rows.memory[others], before[others])
    assert (rows.weights[ids] != before[ids, :5]).all()


@pytest.mark.parametrize("optimizer", RULE_OF)
def test_named_arrays_hold_all_that_an_update_depends_on(rng: np.random.Generator, optimizer: str) -> None:
    rows, ids = _random_rows(rng, optimizer), np.arange(6, dtype=np.int32)
    rows.update(ids, random_floats(rng, 6, 5), random_floats(rng, 6), RULE_OF[optimizer], n_threads=1)
    copied = ParameterRows(6, 5, optimizer)
    for (name, to), (same_name, array) in zip(copied.named_arrays(), rows.named_arrays(), strict=True):
        assert name == same_name
        to[...] = array
    gradient, d_bias = random_floats(rng, 6, 5), random_floats(rng, 6)
    for r in (rows, copied):
        r.update(ids, gradient, d_bias, RULE_OF[optimizer], n_threads=1)
    np.testing.assert_array_equal(copied.weights, rows.weights)
    np.testing.assert_array_equal(copied.bias, rows.bias)


@pytest.mark.parametrize("optimizer", RULE_OF)
@pytest.mark.parametrize("width", [1, 16, 17])
def test_memory_is_what_was_foretold(optimizer: str, width: int) -> None:
    assert ParameterRows(7, width, optimizer).rows.memory.nbytes == ParameterRows.n_bytes_of(7, width, optimizer)


def test_moments_as_bfloat16_make_rows_two_thirds_as_large() -> None:
    fp32, bf16 = (ParameterRows.n_bytes_of(1000, 256, optimizer) for optimizer in ("adam", "adam_bf16"))
    assert bf16 / fp32 == pytest.approx(2 / 3, abs=0.01)


def test_adam_with_moments_as_bfloat16_stays_close_to_adam(rng: np.random.Generator) -> None:
    """After a step the two are equal, as moments are rounded behind it; after 100, as close as 8 bits let them be."""
    start = random_floats(rng, 30, 40)
    rows, ids = {name: ParameterRows(30, 40, name) for name in ("adam", "adam_bf16")}, np.arange(30, dtype=np.int32)
    target, rule = random_floats(rng, 30, 40), UpdateRule(2, 0.01, 0.9, 0.999, 1e-6)
    for each in rows.values():
        each.weights[...] = start
    for step in range(100):
        noise = random_floats(rng, 30, 40)
        for each in rows.values():
            each.update(ids, each.weights - target + noise, np.zeros(30, np.float32), rule, n_threads=1)
        if not step:
            np.testing.assert_array_equal(rows["adam_bf16"].weights, rows["adam"].weights)
    moved = np.abs(rows["adam"].weights - start).mean()
    assert 0 < np.abs(rows["adam_bf16"].weights - rows["adam"].weights).mean() < 0.02 * moved


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("linear", [1.0, 0.75, 0.5, 0.25]),
        ("cosine", [1.0, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)]),
    ],
)
def test_schedules(name: str, expected: list[float]) -> None:
    schedule = Schedule(make_config(learning_rate=1.0, learning_rate_schedule=name), n_steps=4)
    assert [schedule.learning_rate(step) for step in range(4)] == pytest.approx(expected)


def test_warm_up_rises_to_the_full_rate() -> None:
    config = make_config(learning_rate=1.0, learning_rate_schedule="linear", warmup_fraction=0.3)
    rates = [Schedule(config, n_steps=10).learning_rate(step) for step in range(10)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == pytest.approx([1 - n / 7 for n in range(1, 7)])


def test_rules_carry_the_options() -> None:
    config = make_config(optimizer="adam", learning_rate=0.5, beta_1=0.8, beta_2=0.99, epsilon=1e-3)
    assert Schedule(config, 10).rule(0) == UpdateRule(2, 0.5, 0.8, 0.99, 1e-3)


def test_random_weights_have_the_deviation_asked_for(rng: np.random.Generator) -> None:
    rows = ParameterRows(3000, 700, "sgd")  # more than one block
    random_weights(rows, 0.1, rng)
    for part in (rows.weights[:1000], rows.weights[2000:]):
        assert abs(part.mean()) < 1e-3
        assert part.std() == pytest.approx(0.1, rel=0.01)
    np.testing.assert_array_equal(rows.bias, 0.0)

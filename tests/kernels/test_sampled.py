from __future__ import annotations

import numpy as np
import pytest
from support import RULES, WIDTHS, assert_twins_agree, random_csr, random_floats, random_rows

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Columns, Csr, Float

pytestmark = pytest.mark.usefixtures("isa")

N_NEURONS = 80
SCALE = 12.0
MOST_ACTIVE = 30


def _columns(active: Csr) -> Columns:
    return Columns(*kernels.transpose(active))


def _unit(rng: np.random.Generator, n: int, width: int) -> Float:
    return kernels.unit_rows(random_floats(rng, n, width), n_threads=1)[0]


@pytest.mark.parametrize("by_neuron", [False, True])
@pytest.mark.parametrize("scale", [0.0, SCALE])
@pytest.mark.parametrize("n_samples", [0, 1, 40])
@pytest.mark.parametrize("width", WIDTHS)
def test_sampled_forward(rng: np.random.Generator, width: int, n_samples: int, scale: float, by_neuron: bool) -> None:
    rows, active = random_rows(rng, N_NEURONS, width), random_csr(rng, n_samples, N_NEURONS, MOST_ACTIVE, data=False)
    hidden, columns = _unit(rng, n_samples, width), _columns(active) if by_neuron else None
    assert_twins_agree("sampled_forward", rows, active, hidden, scale, columns, n_terms=width, magnitude=SCALE)


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("hogwild", [False, True])
@pytest.mark.parametrize("scale", [0.0, SCALE])
@pytest.mark.parametrize("n_samples", [0, 1, 40])
@pytest.mark.parametrize("width", WIDTHS)
def test_sampled_backward(
    rng: np.random.Generator, width: int, n_samples: int, scale: float, hogwild: bool, optimizer: str
) -> None:
    rows = random_rows(rng, N_NEURONS, width, optimizer)
    rows.memory[:, :width] += 4.0  # far from zero, where the gradient of a cosine has no bound
    active = random_csr(rng, n_samples, N_NEURONS, MOST_ACTIVE, data=False)
    assert_twins_agree(
        "sampled_backward",
        rows,
        active,
        0.1 * random_floats(rng, len(active.indices)),
        _unit(rng, n_samples, width),
        scale,
        RULES[optimizer],
        None if hogwild else _columns(active),
        n_terms=MOST_ACTIVE + n_samples + width,
        magnitude=SCALE,
        one_writer=not hogwild,
    )


@pytest.mark.parametrize("n_samples", [0, 1, 40])
@pytest.mark.parametrize("width", WIDTHS)
def test_sampled_forward_sparse(rng: np.random.Generator, width: int, n_samples: int) -> None:
    rows, active = random_rows(rng, N_NEURONS, width), random_csr(rng, n_samples, N_NEURONS, MOST_ACTIVE, data=False)
    hidden = random_csr(rng, n_samples, width, 20)
    assert_twins_agree("sampled_forward_sparse", rows, active, hidden, n_terms=20, magnitude=4.0)


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("hogwild", [False, True])
@pytest.mark.parametrize("n_samples", [0, 1, 40])
@pytest.mark.parametrize("width", WIDTHS)
def test_sampled_backward_sparse(
    rng: np.random.Generator, width: int, n_samples: int, hogwild: bool, optimizer: str
) -> None:
    active = random_csr(rng, n_samples, N_NEURONS, MOST_ACTIVE, data=False)
    assert_twins_agree(
        "sampled_backward_sparse",
        random_rows(rng, N_NEURONS, width, optimizer),
        active,
        random_floats(rng, len(active.indices)),
        random_csr(rng, n_samples, width, 20),
        RULES[optimizer],
        None if hogwild else _columns(active),
        n_terms=MOST_ACTIVE + n_samples + width,
        magnitude=4.0,
        one_writer=not hogwild,
    )


@pytest.mark.parametrize("scale", [0.0, SCALE])
def test_hogwild_on_neurons_of_their_own_equals_one_thread(
    rng: np.random.Generator, scale: float, n_threads: int
) -> None:
    active = Csr(np.arange(0, 201, 4), rng.permutation(200).astype(np.int32), NO_DATA)
    d_logits, hidden = random_floats(rng, 200), _unit(rng, 50, 17)
    outcomes = []
    for threads in (1, n_threads):
        rows = random_rows(np.random.default_rng(0), 200, 17, "adam")
        d_hidden = kernels.sampled_backward(rows, active, d_logits, hidden, scale, RULES["adam"], n_threads=threads)
        outcomes.append((rows.memory, d_hidden))
    np.testing.assert_array_equal(outcomes[0][0], outcomes[1][0])
    np.testing.assert_array_equal(outcomes[0][1], outcomes[1][1])


@pytest.mark.parametrize("hogwild", [False, True])
def test_a_row_of_zeros_has_no_gradient_under_cosine(rng: np.random.Generator, hogwild: bool) -> None:
    rows = random_rows(rng, 3, 8)
    rows.memory[...] = 0.0
    active = Csr(np.array([0, 1]), np.array([1], np.int32), NO_DATA)
    hidden = _unit(rng, 1, 8)
    columns = None if hogwild else _columns(active)
    kernels.sampled_backward(rows, active, np.ones(1, np.float32), hidden, SCALE, RULES["sgd"], columns, n_threads=1)
    np.testing.assert_array_equal(rows.memory[:, :8], 0.0)


def test_columns_must_be_those_of_the_active_set(rng: np.random.Generator) -> None:
    active = random_csr(rng, 5, N_NEURONS, MOST_ACTIVE, data=False)
    columns = _columns(active)
    short = columns._replace(rows=columns.rows[1:], entries=columns.entries[1:])
    with pytest.raises(ValueError, match="columns must be those of active"):
        kernels.sampled_forward(random_rows(rng, N_NEURONS, 8), active, _unit(rng, 5, 8), 0.0, short, n_threads=1)


def test_active_inputs_without_values_are_refused(rng: np.random.Generator) -> None:
    rows, active = random_rows(rng, N_NEURONS, 17), random_csr(rng, 3, N_NEURONS, 5, data=False)
    inputs = random_csr(rng, 3, 17, 5, data=False)
    with pytest.raises(ValueError, match="hidden must have data"):
        kernels.sampled_forward_sparse(rows, active, inputs, n_threads=1)
    d_logits = random_floats(rng, len(active.indices))
    for columns in (None, _columns(active)):
        with pytest.raises(ValueError, match="hidden must have data"):
            kernels.sampled_backward_sparse(rows, active, d_logits, inputs, RULES["sgd"], columns, n_threads=1)

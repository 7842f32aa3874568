"""A time budget: the best plan that a few timed steps say will fit into the seconds given."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from slidelearn.config import Config
from slidelearn.fitting.pilot import samples_of_trials, trial_trainer
from slidelearn.fitting.suiting import suit
from slidelearn.inference import top_k
from slidelearn.model.model import Member
from slidelearn.presets import RAISED_BY_DATA
from slidelearn.training.ranker_training import wants_classifiers
from slidelearn.training.shortlists import listed_share

PLANS: tuple[Mapping[str, Any], ...] = (
    {},
    {"pilot": False},
    {"pilot": False, "hidden_sizes": (128,), "shortlist_length": 20},
    {"pilot": False, "hidden_sizes": (128,), "shortlist_length": 20, "n_epochs": 3},
    {"pilot": False, "classifiers": "never"},
    {"pilot": False, "classifiers": "never", "hidden_sizes": (128,)},
    {"pilot": False, "classifiers": "never", "hidden_sizes": (128,), "n_epochs": 2},
    {"pilot": False, "classifiers": "never", "hidden_sizes": (64,), "n_epochs": 1},
)
"""Options to replace, the most accurate first; of the recipe, a pilot costs little and classifiers most."""
MARGIN = 0.8
"""Share of the seconds that a plan may be expected to take: timings err."""
N_TIMED, N_ASKED = 2048, 512
"""Samples that the steps are timed on, and those of them that shortlists are timed on."""
_SECONDS_PER_PAIR = 2e-6
"""Of a core, to train classifiers: for each label on each shortlist."""


@dataclass(frozen=True)
class Speed:
    """Seconds that parts of training take for one sample."""

    of_a_step: float
    of_a_shortlist: float


def fit_into(
    config: Config, left_open: set[str], X: sparse.csr_array, Y: sparse.csr_array, n_threads: int, seconds: float
) -> tuple[Config, dict[str, float]]:
    """The configuration, with the options of the first plan that fits, as far as they are in `left_open`.

    Parameters
    ----------
    config
        The options in force otherwise.
    left_open
        Names of the options that may be chosen.
    X, Y
        The training samples, features as the network is to see them.
    seconds
        Wall seconds that are left.

    Returns
    -------
    config
    expected
        Wall seconds that each plan was expected to take, by the options it replaces; those after the plan taken are
        left out.
    """
    began = time.perf_counter()
    speeds: dict[tuple[int, ...], Speed] = {}
    expected: dict[str, float] = {}
    for plan in PLANS:
        chosen = {name: value for name, value in plan.items() if name in left_open and value != getattr(config, name)}
        planned = suit(config.model_copy(update=chosen), RAISED_BY_DATA & chosen.keys(), X, Y)
        width = planned.hidden_sizes
        if width not in speeds:
            speeds[width] = _measure(planned, X, Y, n_threads)
        name = ", ".join(f"{option}={getattr(planned, option)}" for option in chosen) or "as it is"
        expected[name] = _expected_seconds(planned, left_open, speeds[width], Y, n_threads)
        if expected[name] <= MARGIN * (seconds - (time.perf_counter() - began)):
            break
    return planned, expected


def _expected_seconds(config: Config, left_open: set[str], speed: Speed, Y: sparse.csr_array, n_threads: int) -> float:
    n = int(np.count_nonzero(np.diff(Y.indptr)))
    of_networks = n * config.n_epochs * config.n_networks * speed.of_a_step
    of_pilot = samples_of_trials(config, left_open, Y) * speed.of_a_step
    of_ranker = 0.0
    if config.ranker and wants_classifiers(config, n, Y.shape[1]):
        of_pairs = min(config.shortlist_length, Y.shape[1]) * _SECONDS_PER_PAIR / n_threads
        of_ranker = n * listed_share(n, Y.shape[1], config) * (speed.of_a_shortlist + of_pairs)
    return config.n_models * (of_networks + of_ranker) + of_pilot


def _measure(config: Config, X: sparse.csr_array, Y: sparse.csr_array, n_threads: int) -> Speed:
    """Time some steps of a network like the one to be trained, and shortlists that it makes."""
    rng = np.random.default_rng(config.random_state)
    labelled = np.flatnonzero(np.diff(Y.indptr))
    rows = np.sort(rng.choice(labelled, min(N_TIMED, len(labelled)), replace=False))
    trainer = trial_trainer(config, X[rows], Y[rows], n_threads, rng)
    trainer.fit(1)  # not timed: it touches memory for the first time
    began = time.perf_counter()
    trainer.fit(1)
    of_a_step = (time.perf_counter() - began) / len(rows)
    asked = X[rows[:N_ASKED]]
    member, m = Member([trainer.network]), min(config.shortlist_length, Y.shape[1])
    top_k([member], asked[:1], m, n_threads=n_threads)  # not timed: it prepares what is prepared once
    began = time.perf_counter()
    top_k([member], asked, m, n_threads=n_threads)
    return Speed(of_a_step, (time.perf_counter() - began) / asked.shape[0])

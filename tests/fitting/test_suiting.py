from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.config import make_config
from slidelearn.fitting.suiting import MOST_SPREAD, spread_within, suit


def _features(n_samples: int, density: float = 0.1) -> sparse.csr_array:
    return sparse.csr_array(np.tile(np.arange(10) < 10 * density, (n_samples, 1)).astype(np.float32))


def _labels(n_samples: int, each: int) -> sparse.csr_array:
    return sparse.csr_array(np.tile(np.arange(50) < each, (n_samples, 1)).astype(np.float32))


@pytest.mark.parametrize(
    ("n_samples", "n_epochs"), [(1, 20), (256, 20), (257, 20), (256 * 25, 8), (256 * 50, 4), (256 * 51, 4)]
)
def test_few_samples_are_passed_over_more_often(n_samples: int, n_epochs: int) -> None:
    assert suit(make_config(), {"n_epochs"}, _features(n_samples), _labels(n_samples, 1)).n_epochs == n_epochs


@pytest.mark.parametrize(
    ("preset", "each", "length"),
    [
        ("recipe", 0, 40),
        ("recipe", 8, 40),
        ("recipe", 9, 45),
        ("recipe", 30, 150),
        ("quick", 8, 20),
        ("quick", 30, 150),
    ],
)
def test_shortlists_are_longer_where_samples_have_many_labels(preset: str, each: int, length: int) -> None:
    suited = suit(make_config(preset), {"shortlist_length"}, _features(10), _labels(10, each))
    assert suited.shortlist_length == length


@pytest.mark.parametrize(("given", "length"), [({}, 150), ({"shortlist_length": 20}, 20)])
def test_a_preset_leaves_open_how_long_shortlists_are(given: dict[str, int], length: int) -> None:
    clf = SlideClassifier(preset="quick", n_epochs=1, hidden_sizes=(4,), **given)
    assert clf.fit(_features(40), _labels(40, 30)).config_.shortlist_length == length


@pytest.mark.parametrize(("n_samples", "n_networks"), [(59, 3), (60, 2), (119, 2), (120, 1)])
def test_more_networks_where_labels_have_few_samples(n_samples: int, n_networks: int) -> None:
    assert suit(make_config(), {"n_networks"}, _features(n_samples), _labels(n_samples, 5)).n_networks == n_networks


@pytest.mark.parametrize(("each", "strength"), [(1, 1.0), (2, 0.7)])
def test_the_correction_is_whole_where_samples_have_one_label(each: int, strength: float) -> None:
    config = suit(make_config(), {"log_q_strength"}, _features(10), _labels(10, each))
    assert config.log_q_strength == strength
    logistic = make_config(loss="logistic")
    assert suit(logistic, {"log_q_strength"}, _features(10), _labels(10, each)) == logistic


@pytest.mark.parametrize(("each", "n_neighbours", "power"), [(1, 300, 1.0), (2, 30, 2.0)])
def test_more_neighbours_vote_where_each_has_one_label(each: int, n_neighbours: int, power: float) -> None:
    config = suit(make_config(), {"n_neighbours", "vote_power"}, _features(10), _labels(10, each))
    assert (config.n_neighbours, config.vote_power) == (n_neighbours, power)
    assert suit(make_config(), {"vote_power"}, _features(10), _labels(10, 1)).n_neighbours == 30


def test_many_dense_samples_do_not_vote() -> None:
    dense, sparse_ones = _features(10, 1.0), _features(10)
    left_open, labels = {"n_neighbours"}, _labels(10, 2)
    assert suit(make_config(), left_open, dense, labels, n_times=100_000).n_neighbours == 30
    assert suit(make_config(), left_open, dense, labels, n_times=100_001).n_neighbours == 0
    assert suit(make_config(), set(), dense, labels, n_times=100_001).n_neighbours == 30
    assert suit(make_config(), left_open, sparse_ones, labels, n_times=1_000_001).n_neighbours == 30


def test_what_is_given_stays() -> None:
    config = make_config(n_epochs=1, shortlist_length=7)
    assert suit(config, set(), _features(10, 1), _labels(10, 30)) == config


@pytest.mark.parametrize(("density", "standardize"), [(0.0, False), (0.4, False), (0.5, True), (1.0, True)])
def test_dense_features_are_standardised(density: float, standardize: bool) -> None:
    config = suit(make_config(), {"standardize_features"}, _features(10, density), _labels(10, 1))
    assert config.standardize_features == standardize


@pytest.mark.parametrize(("tails", "power"), [("normal", 1.0), ("laplace", 0.7)])
def test_dense_features_stay_as_measured_unless_their_tails_are_heavy(
    rng: np.random.Generator, tails: str, power: float
) -> None:
    X = getattr(rng, tails)(size=(12_000, 3)).astype(np.float32)
    X = np.hstack([X, np.full((len(X), 5), 7, np.float32)])  # which tell nothing
    config = suit(make_config(), {"feature_power"}, sparse.csr_array(X), _labels(len(X), 1))
    assert config.feature_power == power
    assert suit(make_config(feature_power=0.5), set(), sparse.csr_array(X), _labels(len(X), 1)).feature_power == 0.5


@pytest.mark.parametrize(("spread", "power"), [(0.0, 0.7), (0.4, 0.7), (1.0, MOST_SPREAD), (2.0, MOST_SPREAD / 2)])
def test_values_that_differ_much_within_a_sample_are_raised_to_less(spread: float, power: float) -> None:
    logs = np.zeros((6, 10), np.float32)
    logs[:, :2] = -spread, spread
    X = np.exp(logs)
    X[:, 2:] = 0
    X[:2, 1] = 0  # samples with one value tell nothing
    X[2:4] *= -5  # neither signs nor lengths count
    config = suit(make_config(), {"feature_power"}, sparse.csr_array(X), _labels(6, 1))
    assert config.feature_power == pytest.approx(power)
    assert suit(make_config(), set(), sparse.csr_array(X), _labels(6, 1)).feature_power == 0.7


def test_zeros_that_are_stored_and_samples_without_values_have_no_spread() -> None:
    X = sparse.csr_array(np.tile(np.arange(10, dtype=np.float32) < 2, (4, 1)).astype(np.float32))
    X.data[::2] = 0
    assert spread_within(X) == 0
    assert spread_within(X[:0]) == 0


def test_a_part_stands_for_all() -> None:
    config = make_config()
    left_open = {"n_epochs", "n_networks", "shortlist_length"}
    part, whole = ((_features(n, 0.1), _labels(n, 5)) for n in (50, 200))
    assert suit(config, left_open, *part, n_times=4) == suit(config, left_open, *whole)

"""What a model that goes on learning goes by: its own answers, all counts there ever were, the full learning rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from support import Planted

from slidelearn import SlideClassifier
from slidelearn.batches import Samples, Seen
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.features.prepared import prepare
from slidelearn.fitting import pilot
from slidelearn.labels.targets import look_at
from slidelearn.network.samplers import BatchSampler, MemorySampler, make_samplers
from slidelearn.training.prequential import answer_first
from slidelearn.training.trainer import Trainer

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_jobs": 1}
WITH_MEMORY = {"sampler": "batch+memory"}


@pytest.fixture
def model_and_more(planted: Planted) -> tuple[SlideClassifier, Any, Any]:
    """A model of some samples, and others as it is to see them."""
    clf = SlideClassifier(**SMALL, **WITH_MEMORY).fit(planted.X[:600], planted.Y[:600])
    return clf, prepare(planted.X[600:], clf.config_, None), planted.Y[600:]


def test_hard_negatives_are_the_best_wrong_answers(model_and_more: Any) -> None:
    clf, X, Y = model_and_more
    clf._model.members[0].ranker = None
    answers = answer_first(clf._model, X, Y, clf.n_labels_, 1, ())
    ids, _ = clf.network_.output.top_k(
        clf.network_.forward_hidden(Samples(X, Y).features, 0, _run()).hidden, clf.config_.shortlist_length, 1
    )
    for row, found, own in zip(ids, answers.hard_negatives, Y, strict=True):
        np.testing.assert_array_equal(found, [label for label in row if label not in own.indices][: len(found)])
    assert answers.threshold is not None
    assert answers.share == 0.6
    few = answer_first(clf._model, X[:29], Y[:29], clf.n_labels_, 1, ())
    assert (few.threshold, few.share) == (None, 0)


def test_without_a_memory_there_are_none(planted: Planted) -> None:
    clf = SlideClassifier(**SMALL, sampler="batch").fit(planted.X[:600], planted.Y[:600])
    more = prepare(planted.X[600:], clf.config_, None)
    assert answer_first(clf._model, more, planted.Y[600:], clf.n_labels_, 1, ()).hard_negatives is None


def test_short_lists_have_few_wrong_answers(model_and_more: Any) -> None:
    clf, X, _ = model_and_more
    everything = sparse.csr_array(np.ones((len(X.indptr) - 1, clf.n_labels_), np.float32))
    everything[:, :2] = 0
    everything.eliminate_zeros()
    found = answer_first(clf._model, X, everything, clf.n_labels_, 1, ()).hard_negatives
    assert (np.sort(found, axis=1)[:, :-2] == -1).all()
    assert set(found.ravel()) <= {-1, 0, 1}


def test_the_blend_moves_as_far_as_there_are_judges(model_and_more: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clf, X, Y = model_and_more
    before = clf.ranker_
    answer_first(clf._model, X, Y, clf.n_labels_, 1, ())
    part, n = clf.ranker_, len(clf.ranker_.judges)
    assert n == len(before.judges) + 600
    monkeypatch.setattr("slidelearn.training.prequential.ENOUGH", n)
    clf._model.members[0].ranker = before
    answer_first(clf._model, X, Y, clf.n_labels_, 1, ())
    share = n / 1000
    for name in ("blend", "c"):
        former, partly, wholly = (getattr(ranker, name) for ranker in (before, part, clf.ranker_))
        np.testing.assert_allclose(partly, (1 - share) * former + share * wholly, rtol=1e-4)


def test_judges_are_kept_and_asked_again_when_a_third_is_new(model_and_more: Any) -> None:
    clf, X, Y = model_and_more
    n, blends, unheard = len(clf.ranker_.judges), [clf.ranker_.blend], []
    assert clf.ranker_.judges.n_unheard == 0
    for begin in range(0, 600, 10):
        rows = slice(begin, begin + 10)
        answer_first(clf._model, X[rows], Y[rows], clf.n_labels_, 1, ())
        assert len(clf.ranker_.judges) == n + begin + 10
        unheard.append(int(clf.ranker_.judges.n_unheard[0]))
        asked = unheard[-1] == 0
        assert asked == (not np.array_equal(clf.ranker_.blend, blends[-1]))
        blends += [clf.ranker_.blend] if asked else []
    sizes = [n + 10 * (call + 1) for call, left in enumerate(unheard) if left == 0]
    assert 3 < len(sizes) < 12
    for former, size in zip([n, *sizes], sizes, strict=False):
        assert former <= 2 / 3 * size < former + 10


def test_the_last_judges_are_kept(model_and_more: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slidelearn.ranking.judges.MOST_KEPT", 400)
    clf, X, Y = model_and_more
    answer_first(clf._model, X, Y, clf.n_labels_, 1, ())
    judges = clf.ranker_.judges
    assert len(judges) == 400
    answer_first(clf._model, X[:100], Y[:100], clf.n_labels_, 1, ())
    np.testing.assert_array_equal(clf.ranker_.judges.shortlist.ids[:300], judges.shortlist.ids[100:])
    assert clf.ranker_.judges.n_unheard == 100


@pytest.mark.parametrize("size", [600, 40])
def test_enough_samples_teach_a_refinement_many_or_few_at_a_time(
    model_and_more: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("slidelearn.ranking.blending.LEAST_RIGHT", 20)
    monkeypatch.setattr(
        "slidelearn.ranking.blending._Known.loss", lambda _, ranker, __: float(ranker.refinement is None)
    )
    clf, X, Y = model_and_more
    n = len(clf.ranker_.judges)
    assert clf.ranker_.refinement is None
    monkeypatch.setattr("slidelearn.training.prequential.ENOUGH", n + 200)
    refinements = []
    for begin in range(0, 600, size):
        rows = slice(begin, begin + size)
        answer_first(clf._model, X[rows], Y[rows], clf.n_labels_, 1, ())
        refinements.append(clf.ranker_.refinement)
    assert refinements[-1]
    assert (refinements[0] is None) == (size == 40)
    partners = clf.ranker_.refinement.partners
    answer_first(clf._model, X[:1], Y[:1], clf.n_labels_, 1, ())
    assert clf.ranker_.refinement.perceptron is refinements[-1].perceptron  # a third must be new
    assert not np.array_equal(clf.ranker_.refinement.partners.data, partners.data)


def test_judges_are_saved(model_and_more: Any, tmp_path: Path, planted: Planted) -> None:
    clf, *_ = model_and_more
    clf.partial_fit(planted.X[600:700], planted.Y[600:700])
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    for each in (clf, loaded):
        each.remove_labels([3])
        each.partial_fit(planted.X[700:900], np.delete(planted.Y[700:900].toarray(), 3, axis=1))
    for (name, now), (_, before) in zip(loaded.ranker_.named_arrays(), clf.ranker_.named_arrays(), strict=True):
        np.testing.assert_array_equal(now, before, err_msg=name)


def test_labels_that_these_samples_brought_do_not_count(planted: Planted) -> None:
    """Their rows start as the direction of these samples, and would look as if the network were always right."""
    n_known = 25
    has_known = np.diff(planted.Y[:, :n_known].indptr) > 0
    X, Y = planted.X[has_known], planted.Y[has_known]
    found = []
    for answered in (Y[400:], sparse.csr_array((Y[400:, :n_known]).toarray())):
        clf = SlideClassifier(**SMALL).fit(X[:400], Y[:400, :n_known])
        grown = clf._grown_for(X[400:], look_at(Y[400:]), X[400:], None)
        answered.resize(grown.Y.shape)
        answers = answer_first(clf._model, grown.X, answered, n_known, 1, ())
        found.append((clf.ranker_.blend, answers.threshold))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_a_blend_that_was_given_stays(planted: Planted) -> None:
    given = (1.0, 0.5, 2.0, 0.0)
    clf = SlideClassifier(**SMALL, ranker_blend=given).fit(planted.X[:600], planted.Y[:600])
    clf.partial_fit(planted.X[600:], planted.Y[600:])
    np.testing.assert_array_equal(clf.ranker_.blend, [*given, 0])


@pytest.mark.parametrize("options", [{}, {"ranker": False}])
def test_the_threshold_follows(options: dict[str, Any], planted: Planted) -> None:
    clf = SlideClassifier(**SMALL, **options).fit(planted.X[:600], planted.Y[:600])
    clf._targets = replace(clf._targets, threshold=1000.0)
    clf.partial_fit(planted.X[600:], planted.Y[600:])
    assert 380 < clf.threshold_ < 420  # of 600 samples, where 1,000 would leave nothing of it


def test_labels_are_counted_over_all_samples(planted: Planted, tmp_path: Path) -> None:
    clf = SlideClassifier(**SMALL, ranker=False).fit(planted.X[:600], planted.Y[:600])
    clf.partial_fit(planted.X[600:900], planted.Y[600:900])
    clf.save(tmp_path / "model")
    clf = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    clf.partial_fit(planted.X[900:], planted.Y[900:])
    np.testing.assert_array_equal(clf._model.seen.label_counts, planted.Y.sum(axis=0))
    assert clf._model.seen.n_samples == 1200
    clf.fit(planted.X[:600], planted.Y[:600])
    assert clf._model.seen.n_samples == 600


def test_log_q_is_by_all_counts() -> None:
    Y = sparse.csr_array(np.eye(2, dtype=np.float32))
    samples = Samples(Y, Y, before=Seen(np.array([97, 1]), np.array([98])))
    (sampler,) = make_samplers(make_config(sampler="batch", batch_size=3), samples, None, 4)
    assert isinstance(sampler, BatchSampler)
    np.testing.assert_allclose(sampler.inclusion(), 1 - (1 - np.array([0.98, 0.02])) ** 3, rtol=1e-5)


def test_the_memory_may_know_something_beforehand() -> None:
    Y = sparse.csr_array(np.eye(3, dtype=np.float32))
    known = np.array([[1, 2], [0, -1], [-1, -1]], np.int32)
    samples = Samples(Y, Y, hard_negatives=known)
    (sampler,) = make_samplers(make_config(sampler="memory", n_hard_negatives=4), samples, None, 4)
    assert isinstance(sampler, MemorySampler)
    proposed = sampler.propose(np.zeros((3, 4), np.float32), samples.take(np.arange(3)), 0, _run())
    assert proposed.indptr.tolist() == [0, 2, 3, 3]
    assert proposed.indices.tolist() == [1, 2, 0]


class _Seen(Callback):
    """Notes the options and rates that trainers are made with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.configs: list[Any] = []
        made = Trainer.__init__

        def noted(trainer: Trainer, network: Any, config: Any, *rest: Any) -> None:
            self.configs.append(config)
            made(trainer, network, config, *rest)

        monkeypatch.setattr(Trainer, "__init__", noted)


@pytest.mark.parametrize(("n", "rate"), [(600, 0.1), (64, 0.025)])
def test_one_pass_at_the_full_rate(n: int, rate: float, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or by as much of it as a batch is full."""
    clf = SlideClassifier(**SMALL, ranker=False, warmup_fraction=0.5).fit(planted.X[:600], planted.Y[:600])
    before = {name: array.copy() for name, array in clf.named_arrays()}
    seen = _Seen(monkeypatch)
    clf.partial_fit(planted.X[600 : 600 + n], planted.Y[600 : 600 + n])
    (config,) = seen.configs
    assert (config.learning_rate, config.learning_rate_schedule, config.warmup_fraction) == (rate, "constant", 0)
    assert clf.training_["n_steps"] == -(-n // 256)
    after = dict(clf.named_arrays())
    assert (after["output.row_v"] >= before["output.row_v"]).all()  # the accumulators go on


@pytest.mark.parametrize("given", [{}, WITH_MEMORY, {"pilot": False}, {"ranker": False}])
def test_the_pilot_comes_when_samples_are_many(
    given: dict[str, Any], planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "LEAST_SAMPLES": 1000,
        "N_SAMPLES": 900,
        "LEAST_GAIN": 0.5,
    }.items():  # it finds what it looks for
        monkeypatch.setattr(pilot, name, value)
    monkeypatch.setattr("slidelearn.fitting.updating.LEAST_SAMPLES", 1000)
    options = {**SMALL, **given}
    SlideClassifier(**options).fit(planted.X[:600], planted.Y[:600]).save(tmp_path / "model")
    clf = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    samplers, trials = [clf.config_.sampler], []
    for begin in (600, 800, 1000):
        clf.partial_fit(planted.X[begin : begin + 200], planted.Y[begin : begin + 200])
        samplers.append(clf.config_.sampler)
        trials.append(bool(clf.training_["pilot"]))
    if given == {}:
        assert samplers == ["batch", "batch", "batch+memory", "batch+memory"]
        assert trials == [False, True, False]
    else:
        assert len(set(samplers)) == 1
        assert not any(trials)


def test_a_batch_that_is_not_full_is_filled_up() -> None:
    Y = sparse.csr_array(np.eye(3, dtype=np.float32))
    counts = np.array([600, 300, 0])
    samples = Samples(Y, Y, before=Seen(counts, np.array([450])))
    (sampler,) = make_samplers(make_config(sampler="batch", batch_size=103), samples, None, 4)
    batch = samples.take(np.arange(3))
    labels = np.asarray(sampler.propose(np.zeros((3, 4), np.float32), batch, 0, _run()))
    assert labels[:3].tolist() == [0, 1, 2]
    drawn = np.bincount(labels[3:], minlength=3)
    assert drawn.sum() == 100 * (900 + 3) // (450 + 3)
    np.testing.assert_allclose(drawn / drawn.sum(), (counts + 1) / 903, atol=0.1)
    (at_first,) = make_samplers(make_config(sampler="batch", batch_size=103), Samples(Y, Y), None, 4)
    assert np.asarray(at_first.propose(np.zeros((3, 4), np.float32), batch, 0, _run())).tolist() == [0, 1, 2]


def test_a_few_samples_at_a_time_do_no_harm(planted: Planted) -> None:
    """A network that told the labels of each few samples from each other alone would forget all others."""
    X, Y = planted.X_test, planted.Y_test
    clf = SlideClassifier(**SMALL, ranker=False).fit(planted.X[:600], planted.Y[:600])
    before = clf.score(X, Y)
    for row in range(600, 1200, 6):
        clf.partial_fit(planted.X[row : row + 6], planted.Y[row : row + 6])
    assert clf.score(X, Y) > before - 0.03


def test_old_labels_are_not_forgotten(planted: Planted) -> None:
    """Ten increments do as well as all samples at once, give or take."""
    X, Y = planted.X, planted.Y
    at_once = SlideClassifier(**SMALL).fit(X, Y).score(planted.X_test, planted.Y_test)
    clf = SlideClassifier(**SMALL)
    for rows in np.array_split(np.arange(1200), 6):
        clf.fit(X[rows], Y[rows]) if not clf.__sklearn_is_fitted__() else clf.partial_fit(X[rows], Y[rows])
    assert clf.score(planted.X_test, planted.Y_test) > at_once - 0.04


def _run() -> Any:
    from slidelearn.network.layers import Execution

    return Execution(1)

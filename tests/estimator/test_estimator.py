from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from support import Planted

from slidelearn import SlideClassifier
from slidelearn.batches import to_csr
from slidelearn.callbacks import Callback
from slidelearn.config import Config
from slidelearn.datasets import Dataset
from slidelearn.inference import top_k
from slidelearn.kernels import Float
from slidelearn.matrices import normalize_rows, raise_values
from slidelearn.metrics import precision_at_k
from slidelearn.network.layers import Execution
from slidelearn.network.network import Network
from slidelearn.ranking.shortlist import mean_answers
from slidelearn.training.trainer import Progress

SMALL = {"hidden_sizes": (16,), "n_epochs": 1, "n_jobs": 1}
KINDS = {
    "recipe": {},
    "paper": {"preset": "paper", "deterministic": True},
    "full softmax, Adam": {"sampler": "full", "optimizer": "adam", "learning_rate": 0.01},
    "sampled hidden layer": {
        "hidden_sizes": (16, 32),
        "hidden_active": (0, 8),
        "hidden_activation": "relu",
        "logits": "inner_product",
        "label_init": "random",
        "hashes_per_table": 4,
    },
}


def arrays_of(clf: SlideClassifier) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in clf.named_arrays()}


def checkerboard(n: int = 200) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Even features mean even labels: sample i has features of its own parity, and the label of its residue."""
    labels = np.arange(n) % 10
    X = sparse.csr_array((np.ones(2 * n), np.column_stack([labels, 10 + labels % 2]).ravel(), 2 * np.arange(n + 1)))
    return X, sparse.csr_array((np.ones(n), (np.arange(n), labels)))


@pytest.mark.parametrize("kind", ["recipe", "paper", "full softmax, Adam"])
def test_learns_a_checkerboard(kind: str) -> None:
    X, Y = checkerboard()
    rates = {"learning_rate": 0.05} if kind == "paper" else {}
    clf = SlideClassifier(**{**KINDS[kind], "hidden_sizes": (16,), "n_epochs": 20, "batch_size": 20, **rates}, n_jobs=1)
    clf.fit(X, Y)
    assert clf.score(X, Y) == 1.0


def test_every_form_of_the_same_data_gives_the_same_model(tiny: Dataset) -> None:
    X, Y = tiny.X_train[:300], tiny.Y_train[:300]
    wide = X.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    unsorted = sparse.csr_array((X.data[::-1], X.indices[::-1], np.r_[0, np.cumsum(np.diff(X.indptr)[::-1])]))
    unsorted.resize(X.shape)
    forms = {
        "csr_matrix": (sparse.csr_matrix(X), sparse.csr_matrix(Y)),
        "csc_array": (sparse.csc_array(X), sparse.csc_array(Y)),
        "coo_array": (sparse.coo_array(X), sparse.coo_array(Y)),
        "int64 indices": (wide, Y),
        "float64 data": (X.astype(np.float64), Y.astype(np.int8)),
        "unsorted indices": (unsorted[::-1], Y),
        "dense": (X.toarray(), Y.toarray()),
        "dense, Fortran order": (np.asfortranarray(X.toarray()), Y.toarray().astype(bool)),
    }
    expected = SlideClassifier(**SMALL).fit(X, Y)
    ids, scores = expected.predict_topk(X, 3)
    for form, (X_form, Y_form) in forms.items():
        clf = SlideClassifier(**SMALL).fit(X_form, Y_form)
        assert arrays_of(clf) == arrays_of(expected), form
        form_ids, form_scores = clf.predict_topk(X_form, 3)
        np.testing.assert_array_equal(form_ids, ids, form)
        np.testing.assert_array_equal(form_scores, scores, form)


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_threads_does_not_change_the_model(kind: str, tiny: Dataset) -> None:
    X, Y = tiny.X_train[:600], tiny.Y_train[:600]
    one, four = (SlideClassifier(**{**SMALL, **KINDS[kind], "n_jobs": n}).fit(X, Y) for n in (1, 4))
    assert arrays_of(one) == arrays_of(four)
    np.testing.assert_array_equal(one.predict_topk(X)[1], four.predict_topk(X)[1])


@pytest.mark.parametrize("method", ["exact", "lsh"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_has_the_same_answer_alone_and_among_others(kind: str, method: str, tiny: Dataset) -> None:
    clf = SlideClassifier(**{**SMALL, **KINDS[kind], "lsh_selection": "vanilla", "n_tables": 8})
    clf.fit(tiny.X_train[:600], tiny.Y_train[:600])
    X = tiny.X_test[:40]
    ids, scores = clf.predict_topk(X, 5, method=method)
    for row in range(0, 40, 3):
        alone, its_scores = clf.predict_topk(X[row : row + 1], 5, method=method)
        np.testing.assert_array_equal(alone[0], ids[row])
        np.testing.assert_array_equal(its_scores[0], scores[row])


def test_the_seed_changes_the_model(tiny: Dataset) -> None:
    first, same, other = (
        SlideClassifier(**SMALL, random_state=seed).fit(tiny.X_train, tiny.Y_train) for seed in (1, 1, 2)
    )
    assert arrays_of(first) == arrays_of(same)
    assert arrays_of(first) != arrays_of(other)


def test_parameters_are_the_options() -> None:
    parameters = inspect.signature(SlideClassifier.__init__).parameters
    options = [name for name in parameters if name not in ("self", "preset", "n_jobs", "warm_start")]
    assert options == list(Config.model_fields)
    assert all(parameters[name].default is None for name in [*options, "n_jobs"])
    assert parameters["preset"].default == "recipe"
    with pytest.raises(TypeError, match=r"SlideClassifier.__init__\(\) got an unexpected keyword argument 'n_epoch'"):
        SlideClassifier(n_epoch=1)


def test_get_params_set_params_clone(tiny: Dataset) -> None:
    clf = SlideClassifier(hidden_sizes=(8,), learning_rate=0.2)
    assert clf.get_params()["learning_rate"] == 0.2
    assert clf.set_params(n_epochs=2) is clf
    copy = clone(clf.fit(tiny.X_train, tiny.Y_train))
    assert copy.get_params() == clf.get_params()
    with pytest.raises(NotFittedError, match="not trained yet"):
        copy.predict_topk(tiny.X_test)


def test_options_of_numpy_types_are_taken(tiny: Dataset) -> None:
    clf = SlideClassifier(hidden_sizes=np.array([8]), n_epochs=np.int64(1), learning_rate=np.float32(0.5))
    assert clf.fit(tiny.X_train, tiny.Y_train).config_.hidden_sizes == (8,)
    assert clf.config_.learning_rate == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_epochs": 0}, "n_epochs must be >= 1, but is 0"),
        ({"preset": "papr"}, "preset must be one of recipe, quick, paper, but is 'papr'"),
        ({"learning_rate": float("nan")}, "learning_rate must be finite, but is nan"),
        ({"sampler": "vanilla"}, "write sampler=lsh and lsh_selection=vanilla"),
        ({"n_jobs": 0}, "n_jobs must be None or -1"),
    ],
)
def test_options_are_checked_when_training_begins(options: dict[str, object], message: str, tiny: Dataset) -> None:
    clf = SlideClassifier(**options)  # no error yet, as scikit-learn asks
    with pytest.raises(ValueError, match=message):
        clf.fit(tiny.X_train, tiny.Y_train)


def test_a_sparse_frame_is_a_sparse_matrix(tiny: Dataset) -> None:
    pandas = pytest.importorskip("pandas")
    X, Y = tiny.X_train[:100], tiny.Y_train[:100]
    frame = pandas.DataFrame.sparse.from_spmatrix(X)
    clf, expected = SlideClassifier(**SMALL).fit(frame, Y), SlideClassifier(**SMALL).fit(X, Y)
    np.testing.assert_array_equal(clf.predict_topk(frame)[1], expected.predict_topk(X)[1])


@pytest.mark.parametrize("kind", [list, np.array])
def test_texts_are_sent_to_the_classifier_of_texts(kind: Any, trained: SlideClassifier) -> None:
    for use in (SlideClassifier().fit, trained.partial_fit, lambda X, y: trained.predict(X)):
        with pytest.raises(ValueError, match="X must be features, but is texts; SlideTextClassifier takes texts"):
            use(kind(["a cat", "a boat"]), ["animal", "vessel"])


def test_data_against_the_rules_is_refused(trained: SlideClassifier, tiny: Dataset) -> None:
    X, Y = tiny.X_train, tiny.Y_train
    n_labels = Y.shape[1]
    clf = SlideClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[2589, 2588\]"):
        clf.fit(X, Y[:-1])
    with pytest.raises(ValueError, match="y must have at least one label"):
        clf.fit(X, sparse.csr_array(Y.shape))
    with pytest.raises(ValueError, match=r"X and y must have columns, but X has 0 and y has 413"):
        clf.fit(X[:, :0], Y)
    with pytest.raises(ValueError, match="y must have at least one label"):
        clf.fit(X, Y[:, :0])
    with pytest.raises(ValueError, match="sample_weight must be a number for each sample, but is 'balanced'"):
        clf.fit(X, Y, sample_weight="balanced")
    with pytest.raises(
        ValueError, match="X has 3545 features, but SlideClassifier is expecting 3546 features as input"
    ):
        trained.predict_topk(X[:, 1:])
    with pytest.raises(ValueError, match="y must have 413 columns or more"):
        trained.partial_fit(X, Y[:, 1:])
    for k in (0, n_labels + 1, 2.0, True):
        with pytest.raises(ValueError, match=rf"k must be an integer in \[1, {n_labels}\]"):
            trained.predict_topk(X, k)
    with pytest.raises(ValueError, match="method must be 'auto', 'exact', 'index' or 'lsh'"):
        trained.predict_topk(X, method="fast")


def test_not_trained() -> None:
    clf = SlideClassifier()
    for use in (lambda: clf.network_, lambda: clf.training_, lambda: clf.documents_, lambda: clf.save("nowhere")):
        with pytest.raises(NotFittedError, match="call fit or partial_fit, or load a model"):
            use()


def test_a_network_too_large_for_memory_is_refused(tiny: Dataset) -> None:
    with pytest.raises(MemoryError, match=r"training needs .* GB, but .* GB are free; choose smaller hidden_sizes"):
        SlideClassifier(hidden_sizes=(10**9,)).fit(tiny.X_train, tiny.Y_train)


def test_answers_are_all_labels_in_order(trained: SlideClassifier, tiny: Dataset) -> None:
    ids, scores = trained.predict_topk(tiny.X_test, trained.n_labels_)
    assert (np.sort(ids, axis=1) == np.arange(trained.n_labels_)).all()
    assert (np.diff(scores, axis=1) <= 0).all()
    few, _ = trained.predict_topk(tiny.X_test, 5)
    np.testing.assert_array_equal(few, ids[:, :5])


def test_no_samples_no_answers(trained: SlideClassifier, tiny: Dataset) -> None:
    ids, scores = trained.predict_topk(tiny.X_test[:0], 3)
    assert ids.shape == scores.shape == (0, 3)


def test_an_answer_changes_nothing(trained: SlideClassifier, tiny: Dataset) -> None:
    before = arrays_of(trained)
    trained.predict_topk(tiny.X_test)
    trained.predict_topk(tiny.X_test, method="lsh")
    assert arrays_of(trained) == before


def test_answers_by_the_tables_are_of_the_exact_ones(tiny: Dataset) -> None:
    trained = SlideClassifier(**SMALL, ranker=False).fit(tiny.X_train, tiny.Y_train)
    all_ids, all_scores = trained.predict_topk(tiny.X_test, trained.n_labels_)
    exact = np.zeros_like(all_scores)
    np.put_along_axis(exact, all_ids, all_scores, axis=1)
    ids, scores = trained.predict_topk(tiny.X_test, 5, method="lsh")
    rows, ranks = np.nonzero(ids >= 0)
    np.testing.assert_allclose(scores[rows, ranks], exact[rows, ids[rows, ranks]], rtol=1e-5, atol=1e-5)
    assert np.isneginf(scores[ids < 0]).all()


def test_samples_without_labels_are_left_out(tiny: Dataset) -> None:
    X, Y = tiny.X_train[:300], tiny.Y_train[:300].tolil()
    Y[::3] = 0
    clf = SlideClassifier(**SMALL).fit(X, Y.tocsr())
    assert clf.training_["n_without_labels"] == 100
    kept = np.flatnonzero(np.arange(300) % 3)
    assert arrays_of(clf) == arrays_of(SlideClassifier(**SMALL).fit(X[kept], Y.tocsr()[kept]))


def test_samples_without_features_get_an_answer(trained: SlideClassifier, tiny: Dataset) -> None:
    _, scores = trained.predict_topk(sparse.csr_array((2, tiny.X_train.shape[1])), 3)
    assert np.isfinite(scores).all()


def test_partial_fit_goes_on(tiny: Dataset) -> None:
    clf = SlideClassifier(**SMALL, ranker=False)
    precisions = [clf.partial_fit(tiny.X_train, tiny.Y_train).score(tiny.X_test, tiny.Y_test) for _ in range(3)]
    assert precisions[0] < precisions[2]
    assert clf.training_["n_steps"] == 11


def test_fit_starts_anew(tiny: Dataset) -> None:
    X, Y = tiny.X_train, tiny.Y_train
    clf = SlideClassifier(**SMALL).fit(X, Y)
    once = arrays_of(clf)
    assert arrays_of(clf.partial_fit(X, Y)) != once
    assert arrays_of(clf.fit(X, Y)) == once


@pytest.mark.parametrize("kind", KINDS)
def test_save_and_load_bit_for_bit_and_go_on_bit_for_bit(kind: str, tiny: Dataset, tmp_path: Path) -> None:
    X, Y = tiny.X_train[:600], tiny.Y_train[:600]
    clf = SlideClassifier(**{**SMALL, **KINDS[kind]}).fit(X, Y)
    clf.documents_["labels.txt"] = "eins\nzwei\n\N{GREEK SMALL LETTER GAMMA}\n"
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    assert arrays_of(loaded) == arrays_of(clf)
    assert loaded.config_ == clf.config_
    assert loaded.documents_ == clf.documents_
    assert loaded.training_ == clf.training_
    for ours, theirs in zip(loaded.predict_topk(X, method="lsh"), clf.predict_topk(X, method="lsh"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert arrays_of(loaded.partial_fit(X, Y)) == arrays_of(clf.partial_fit(X, Y))
    assert arrays_of(clone(loaded).fit(X, Y)) == arrays_of(clf.fit(X, Y))  # the options came along


def test_what_is_no_callback_is_refused(tiny: Dataset) -> None:
    clf = SlideClassifier(**SMALL)
    for learn in (clf.fit, clf.partial_fit):
        with pytest.raises(TypeError, match=r"callbacks must be a list, .* put a single one in a list"):
            learn(tiny.X_train, tiny.Y_train, callbacks=Callback())
        with pytest.raises(TypeError, match=r"callbacks must be objects of .*Callback'> is none"):
            learn(tiny.X_train, tiny.Y_train, callbacks=[Callback])


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_no_half_trained_model_answers(error: type[BaseException], tiny: Dataset) -> None:
    class Fail(Callback):
        def on_epoch(self, progress: Progress) -> None:
            raise error

    X, Y = tiny.X_train[:300], tiny.Y_train[:300]
    clf = SlideClassifier(**SMALL)
    with pytest.raises(error):
        clf.fit(X, Y, callbacks=[Fail()])
    with pytest.raises(NotFittedError):
        clf.predict_topk(X)
    clf.fit(X, Y)
    classes, scores = clf.classes_, clf.predict_topk(X, 3)[1]
    with pytest.raises(error):
        clf.fit(tiny.X_train, tiny.Y_train[:, :200], callbacks=[Fail()])
    np.testing.assert_array_equal(clf.predict_topk(X, 3)[1], scores)
    np.testing.assert_array_equal(clf.classes_, classes)


def test_a_table_that_scikit_learn_refuses_leaves_no_model(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise TypeError("feature names must be strings")

    monkeypatch.setattr("slidelearn.estimator.classifier.validate_data", refuse)
    clf = SlideClassifier(**SMALL)
    with pytest.raises(TypeError, match="feature names"):
        clf.fit(tiny.X_train[:50], tiny.Y_train[:50])
    with pytest.raises(NotFittedError):
        clf.predict_topk(tiny.X_test)


def test_callbacks_see_every_step(tiny: Dataset) -> None:
    class Log(Callback):
        def __init__(self) -> None:
            self.calls: list[str] = []

        def on_begin(self, progress: Progress) -> None:
            self.calls.append("begin")

        def on_step(self, progress: Progress) -> None:
            self.calls.append(f"step {progress.step} of {progress.n_steps}")

        def on_epoch(self, progress: Progress) -> None:
            self.calls.append(f"epoch {progress.epoch}")

        def on_end(self, progress: Progress) -> None:
            self.calls.append(f"end {progress.n_samples}")

    log = Log()
    SlideClassifier(hidden_sizes=(8,), n_epochs=2, batch_size=200, n_networks=1, n_jobs=1).fit(
        tiny.X_train[:400], tiny.Y_train[:400], callbacks=[log]
    )
    steps = [f"step {step} of 4" for step in range(1, 5)]
    assert log.calls == ["begin", *steps[:2], "epoch 1", *steps[2:], "epoch 2", "end 800"]


@pytest.mark.parametrize("ranker", [False, True])
def test_a_model_answers_by_the_mean_of_its_networks(tiny: Dataset, tmp_path: Path, ranker: bool) -> None:
    options = {"hidden_sizes": (16,), "n_epochs": 2, "n_jobs": 1, "ranker": ranker, "pilot": False}
    clf = SlideClassifier(**options, n_networks=3).fit(tiny.X_train, tiny.Y_train)
    one = SlideClassifier(**options).fit(tiny.X_train, tiny.Y_train)
    assert len(clf.networks_) == 3
    k = 5 if ranker else 1  # beside classifiers the networks decide few first answers
    answers = (each.predict_topk(tiny.X_test, k)[0] for each in (clf, one))
    of_three, of_one = (precision_at_k(ids, tiny.Y_test, k) for ids in answers)
    assert of_three > of_one
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    for _ in range(2):
        np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], clf.predict_topk(tiny.X_test)[1])
        for each in (clf, loaded):
            each.partial_fit(tiny.X_train[:300], tiny.Y_train[:300])
    if not ranker:
        ids, scores = clf.predict_topk(tiny.X_test[:50], 3)
        by_each = [net.output.top_k(_hidden(net, clf, tiny.X_test[:50]), clf.n_labels_, 1) for net in clf.networks_]
        logits = [np.take_along_axis(z, np.argsort(i, axis=1), axis=1) for i, z in by_each]
        np.testing.assert_allclose(scores, np.take_along_axis(np.mean(logits, axis=0), ids, axis=1), rtol=1e-4)


def test_an_ensemble_answers_by_the_mean_of_what_its_models_say(tiny: Dataset, tmp_path: Path) -> None:
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=2, pilot=False, n_models=3, n_jobs=1)
    clf.fit(tiny.X_train, tiny.Y_train)
    members, X = clf._model.members, clf._model.prepared(tiny.X_test)
    weights = {float(member.ranker.classifiers.weights.data.sum()) for member in members if member.ranker}
    assert len(weights) == len(clf.networks_) == 3
    k = clf.n_labels_
    answers = [top_k([member], X, k, neighbours=clf.neighbours_, n_threads=1) for member in members]
    ids, scores = clf.predict_topk(tiny.X_test, k)
    mean_ids, mean_scores = mean_answers(answers, n_threads=1)
    np.testing.assert_array_equal(ids, mean_ids[:, :k])
    np.testing.assert_array_equal(scores, mean_scores[:, :k])

    clf.save(tmp_path / "whole")
    clf.save(tmp_path / "small", inference_only=True)
    whole, small = (SlideClassifier.load(tmp_path / name, n_jobs=1) for name in ("whole", "small"))
    np.testing.assert_array_equal(whole.predict_topk(tiny.X_test, k)[1], scores)
    assert np.mean(small.predict_topk(tiny.X_test, 3)[0] == ids[:, :3]) > 0.9
    for each in (clf, whole):
        each.partial_fit(tiny.X_test[:300], tiny.Y_test[:300])
    np.testing.assert_array_equal(whole.predict_topk(tiny.X_test)[1], clf.predict_topk(tiny.X_test)[1])


def test_an_ensemble_is_better_than_its_models(tiny: Dataset) -> None:
    clf = SlideClassifier(hidden_sizes=(8,), n_epochs=2, classifiers="never", n_neighbours=0, n_models=3, n_jobs=1)
    clf.fit(tiny.X_train, tiny.Y_train)
    X = clf._model.prepared(tiny.X_test)
    of_members = [
        precision_at_k(top_k([member], X, 3, n_threads=1)[0], tiny.Y_test, 3) for member in clf._model.members
    ]
    assert precision_at_k(clf.predict_topk(tiny.X_test, 3)[0], tiny.Y_test, 3) > max(of_members) + 0.03


def _hidden(network: Network, clf: SlideClassifier, X: sparse.csr_array) -> Float:
    x = to_csr(normalize_rows(raise_values(X, clf.config_.feature_power)))
    hidden = network.forward_hidden(x, seed=0, run=Execution(1)).hidden
    assert isinstance(hidden, np.ndarray)
    return hidden


def test_what_is_masked_is_not_learnt_from(planted: Planted) -> None:
    X, y = np.ma.masked_greater(planted.X[:50].toarray(), 0.0), np.ma.masked_equal(np.arange(50) % 3, 1)
    with pytest.raises(ValueError, match=r"X must have no masked values, but has \d+: fill them, or leave"):
        SlideClassifier(n_epochs=1).fit(X, y.data)
    with pytest.raises(ValueError, match="y must have no masked values, but has 17: "):
        SlideClassifier(n_epochs=1).fit(X.data, y)
    clf = SlideClassifier(n_epochs=1, hidden_sizes=(8,), n_jobs=1).fit(np.ma.asarray(X.data), y.data)  # nothing masked
    with pytest.raises(ValueError, match="X must have no masked values"):
        clf.predict(X)

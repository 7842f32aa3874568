"""Wide X, of which few columns occur: only these have rows, and all else is as if there were no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interruptions import EndAfter, Gone
from numpy.typing import NDArray
from saved_models import rewrite_arrays, rewrite_description
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from slidelearn import CheckpointError, SampleSet, SampleStream, SlideClassifier, write_samples, write_xmc
from slidelearn.callbacks import Checkpointing, Validation
from slidelearn.cli import app
from slidelearn.config import make_config
from slidelearn.datasets import Dataset
from slidelearn.export import onnx_top_k, to_onnx
from slidelearn.features.known import KnownFeatures
from slidelearn.matrices import MOST_COLUMNS, check_features, check_labels
from slidelearn.model.growth import grow
from slidelearn.training.footprint import stream_bytes, training_bytes
from slidelearn.tuning.study import Judges

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "n_jobs": 1}
GAP = 600_000
N_COLUMNS = 3546 * GAP
"""Two billion, of which a row of 16 each would take 137 GB."""


def wide(X: Any, n_columns: int = N_COLUMNS, gap: int = GAP) -> Any:
    """The same features, far from each other."""
    return sparse.csr_array((X.data, gap * X.indices, X.indptr), (X.shape[0], n_columns))


def with_strangers(X: Any) -> Any:
    """The same samples with a feature more each, which never occurred in training."""
    own = sparse.csr_array((np.full(X.shape[0], 9.0, np.float32), np.full(X.shape[0], 7), np.arange(X.shape[0] + 1)))
    own.resize(X.shape)
    return sparse.csr_array(X + own)


def arrays_of(clf: SlideClassifier) -> dict[str, NDArray[Any]]:
    return {name: array.copy() for name, array in clf.named_arrays()}


def assert_same(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> None:
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)


@pytest.fixture(scope="module")
def narrow_model(tiny: Dataset) -> SlideClassifier:
    return SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)


@pytest.fixture(scope="module")
def wide_model(tiny: Dataset) -> SlideClassifier:
    return SlideClassifier(**SMALL).fit(wide(tiny.X_train), tiny.Y_train)


def test_columns_that_do_not_occur_change_nothing(
    narrow_model: SlideClassifier, wide_model: SlideClassifier, tiny: Dataset
) -> None:
    expected, arrays = arrays_of(narrow_model), arrays_of(wide_model)
    np.testing.assert_array_equal(arrays.pop("known.features"), GAP * np.arange(3546))
    assert_same(arrays, expected)
    assert (wide_model.n_features_in_, len(wide_model.known_features_)) == (N_COLUMNS, 3546)
    answers = wide_model.predict_topk(wide(tiny.X_test)), narrow_model.predict_topk(tiny.X_test)
    for a, b in zip(*answers, strict=True):
        np.testing.assert_array_equal(a, b)


def test_features_that_never_occurred_say_nothing(wide_model: SlideClassifier, tiny: Dataset) -> None:
    X = wide(tiny.X_test)
    for a, b in zip(wide_model.predict_topk(with_strangers(X)), wide_model.predict_topk(X), strict=True):
        np.testing.assert_array_equal(a, b)
    strangers = sparse.csr_array(([1.0], ([0], [5])), (1, N_COLUMNS), dtype=np.float32)
    nothing = sparse.csr_array((1, N_COLUMNS), dtype=np.float32)
    np.testing.assert_array_equal(wide_model.predict_topk(strangers)[1], wide_model.predict_topk(nothing)[1])


def test_features_of_samples_without_labels_are_not_known(tiny: Dataset) -> None:
    X, Y = tiny.X_train[:300], sparse.lil_array(tiny.Y_train[:300])
    Y[200:] = 0
    clf = SlideClassifier(**SMALL).fit(X, Y.tocsr())
    np.testing.assert_array_equal(clf.known_features_, np.unique(X[:200].indices))


def test_a_narrower_X_is_refused(wide_model: SlideClassifier, tiny: Dataset) -> None:
    message = f"X has 3546 features, but SlideClassifier is expecting {N_COLUMNS} features as input"
    for use in (wide_model.predict, lambda X: wide_model.partial_fit(X, tiny.Y_test)):
        with pytest.raises(ValueError, match=message):
            use(tiny.X_test)


def test_samples_without_any_feature_can_be_learnt_from(tmp_path: Path) -> None:
    clf = SlideClassifier(**SMALL).fit(np.zeros((6, 4)), [0, 1, 1, 0, 1, 1])
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    assert loaded.predict(np.ones((2, 4))).tolist() == clf.predict(np.ones((2, 4))).tolist() == [1, 1]
    assert loaded.n_features_in_ == 4
    for _ in range(5):
        loaded.partial_fit(np.eye(4), [0, 1, 0, 1])
    assert loaded.known_features_.tolist() == [0, 1, 2, 3]
    assert loaded.predict(np.eye(4)).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("options", [{}, {"preset": "paper"}, {"n_networks": 2}, {"n_models": 2}], ids=str)
def test_a_model_that_grows_answers_as_before(options: dict[str, Any], tiny: Dataset) -> None:
    """New features take rows among the others, which move, with all that knows of them: network, ranker, neighbours."""
    backwards = tiny.X_train[:, ::-1].tocsr()  # the words of the first texts have the last columns
    first, later = (np.unique(backwards[rows].indices) for rows in (slice(0, 1000), slice(1000, None)))
    new = np.setdiff1d(later, first)
    assert len(new) > 500
    assert new.max() < first.min()
    clf = SlideClassifier(**{**SMALL, **options}).fit(backwards[:1000], tiny.Y_train[:1000])
    np.testing.assert_array_equal(clf.known_features_, first)
    before, arrays = clf.predict_topk(backwards[:400], 5), arrays_of(clf)
    grow(clf._model, backwards[1000:], tiny.Y_train[1000:], 1)
    np.testing.assert_array_equal(clf.known_features_, np.union1d(first, new))
    for a, b in zip(clf.predict_topk(backwards[:400], 5), before, strict=True):
        np.testing.assert_array_equal(a, b)
    rows = arrays_of(clf)["input.weights"]
    np.testing.assert_array_equal(rows[np.isin(clf.known_features_, first)], arrays["input.weights"])
    assert rows[np.isin(clf.known_features_, new)].std() == pytest.approx(0.1, rel=0.05)


def test_new_features_are_learnt(tiny: Dataset) -> None:
    clf = SlideClassifier(**SMALL).fit(wide(tiny.X_train[:1000]), tiny.Y_train[:1000])
    before = clf.score(wide(tiny.X_test), tiny.Y_test)
    clf.partial_fit(wide(tiny.X_train[1000:]), tiny.Y_train[1000:])
    assert len(clf.known_features_) == 3546
    assert clf.score(wide(tiny.X_test), tiny.Y_test) > before + 0.03
    clf.partial_fit(wide(tiny.X_train[:50], N_COLUMNS + 5), tiny.Y_train[:50])
    assert (clf.n_features_in_, len(clf.known_features_)) == (N_COLUMNS + 5, 3546)


def test_a_new_label_may_start_from_a_feature_that_never_occurred(wide_model: SlideClassifier, tmp_path: Path) -> None:
    wide_model.save(tmp_path / "model")
    clf = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    own = sparse.csr_array(([1.0], ([0], [5])), (1, N_COLUMNS), dtype=np.float32)
    clf.add_labels(1, own)
    assert clf.predict_topk(own, 1)[0].item() == 413


def test_standards_of_new_features_come_from_their_first_samples(rng: np.random.Generator) -> None:
    X, y = rng.normal(5, 3, (60, 5)), np.arange(60) % 3
    X[:, 1] = 0
    clf = SlideClassifier(**SMALL).partial_fit(X, y)
    assert clf.known_features_.tolist() == [0, 2, 3, 4]
    first = arrays_of(clf)
    X[:, 1] = rng.normal(1000, 2, 60)
    grow(clf._model, check_features(X + 100), check_labels(np.eye(3)[y]), 1)
    arrays = arrays_of(clf)
    means, deviations = arrays["standards.means"], arrays["standards.deviations"]
    np.testing.assert_array_equal(np.delete(means, 1), first["standards.means"])
    np.testing.assert_array_equal(np.delete(deviations, 1), first["standards.deviations"])
    np.testing.assert_array_equal(np.delete(arrays["input.weights"], 2, axis=0), first["input.weights"])  # 0: constant
    assert means[1] == pytest.approx(1100, abs=1)
    assert deviations[1] == pytest.approx(2, rel=0.3)


@pytest.mark.parametrize("inference_only", [False, True])
def test_a_saved_model_is_small_and_the_same(
    inference_only: bool, narrow_model: SlideClassifier, wide_model: SlideClassifier, tiny: Dataset, tmp_path: Path
) -> None:
    sizes, scores = [], []
    for clf, X in ((narrow_model, tiny.X_test), (wide_model, wide(tiny.X_test))):
        place = tmp_path / str(len(sizes))
        clf.save(place, inference_only=inference_only)
        loaded = SlideClassifier.load(place, n_jobs=1)
        assert loaded.n_features_in_ == X.shape[1]
        sizes.append(sum(path.stat().st_size for path in place.iterdir()))
        scores.append(loaded.predict_topk(X)[1])
    np.testing.assert_array_equal(*scores)
    assert sizes[1] < sizes[0] + 4 * 3546 + 1000
    assert_same(arrays_of(loaded), arrays_of(SlideClassifier.load(place)))


@pytest.mark.parametrize("n_columns", [None, -1, 0, 3545, 3545 * GAP, MOST_COLUMNS + 1, 2**70, "4", 1e300])
def test_columns_that_cannot_be_are_refused(n_columns: Any, wide_model: SlideClassifier, tmp_path: Path) -> None:
    wide_model.save(tmp_path)
    rewrite_description(tmp_path, lambda description: description.update(n_columns=n_columns))
    with pytest.raises(CheckpointError, match=r"known\.features must be columns of X|n_columns must be of type int"):
        SlideClassifier.load(tmp_path)


@pytest.mark.parametrize("ids", [[-1, 1], [0, 0], [GAP, 0]])
def test_ids_that_cannot_be_are_refused(ids: list[int], wide_model: SlideClassifier, tmp_path: Path) -> None:
    wide_model.save(tmp_path)
    (path,) = tmp_path.glob("model-*.safetensors")
    content = path.read_bytes()
    true, false = (np.array(pair, "<i4").tobytes() for pair in ([0, GAP], ids))
    assert content.count(true + np.array([2 * GAP], "<i4").tobytes()) == 1
    rewrite_arrays(tmp_path, content.replace(true, false))
    with pytest.raises(CheckpointError, match=r"known\.features must be columns of X, ascending"):
        SlideClassifier.load(tmp_path)


def test_an_interrupted_training_ends_in_the_same_bits(
    wide_model: SlideClassifier, tiny: Dataset, tmp_path: Path
) -> None:
    callbacks = [Checkpointing(tmp_path, every_steps=4), EndAfter(14)]
    X, Y = wide(tiny.X_train), tiny.Y_train
    with pytest.raises(Gone):
        SlideClassifier(**SMALL).fit(X, Y, callbacks=callbacks)
    resumed = SlideClassifier(**SMALL).fit(X, Y, resume_from=tmp_path)
    assert_same(arrays_of(resumed), arrays_of(wide_model))
    for other in (wide(tiny.X_train, N_COLUMNS + 1), wide(tiny.X_train, gap=GAP - 1)):
        with pytest.raises(CheckpointError, match="was made with other samples than these"):
            SlideClassifier(**SMALL).fit(other, Y, resume_from=tmp_path)


def test_streams_make_the_same_model(wide_model: SlideClassifier, tiny: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "wide.txt"
    write_xmc(path, wide(tiny.X_train), tiny.Y_train)
    clf = SlideClassifier(**SMALL).fit_stream(SampleStream(path))
    assert clf.n_features_in_ == N_COLUMNS
    assert_same(arrays_of(clf), arrays_of(wide_model))
    stream = SampleStream(path, buffer_size=300)
    with pytest.raises(Gone):
        SlideClassifier(**SMALL).fit_stream(stream, callbacks=[Checkpointing(tmp_path / "c"), EndAfter(14)])
    resumed = SlideClassifier(**SMALL).fit_stream(stream, resume_from=tmp_path / "c")
    assert_same(arrays_of(resumed), arrays_of(SlideClassifier(**SMALL).fit_stream(stream)))
    assert stream_bytes(clf.config_, stream) < training_bytes(clf.config_, tiny.X_train, tiny.Y_train) + 1e7


def test_a_stream_whose_last_samples_have_only_early_columns(tmp_path: Path) -> None:
    """Files without a header tell the width of a block only by its ids."""
    X = np.zeros((40, 30), np.float32)
    X[np.arange(40), np.where(np.arange(40) < 20, 29, 2)] = X[np.arange(40), np.arange(40) % 2] = 1.0
    X, Y = sparse.csr_array(X), np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    write_samples(tmp_path / "a.svm", SampleSet(sparse.csr_array(Y), X))
    stream = SampleStream(tmp_path / "a.svm", buffer_size=20)
    assert (stream.known.ids.tolist(), stream.known.n_columns) == ([0, 1, 2, 29], 30)
    clf = SlideClassifier(**SMALL).fit_stream(stream)
    assert clf.n_features_in_ == 30
    assert clf.score(X, Y) == 1


@pytest.mark.parametrize("inputs", ["sparse", "dense"])
def test_a_graph_takes_wide_X(inputs: Any, tiny: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    X, X_test = (wide(X, 12_000, 3) for X in (tiny.X_train, tiny.X_test[:200]))
    clf = SlideClassifier(**SMALL, ranker=False, precision="fp32").fit(X, tiny.Y_train)
    to_onnx(clf, tmp_path / "model.onnx", k=4, inputs=inputs)
    labels, logits = onnx_top_k(tmp_path / "model.onnx", with_strangers(X_test), n_jobs=1)
    expected, scores = clf.predict_topk(X_test, 4, method="exact")
    np.testing.assert_allclose(logits, scores, rtol=1e-4, atol=1e-4)
    assert (labels == expected).mean() > 0.99


def test_held_out_samples_are_wide_too(tiny: Dataset) -> None:
    looks = [Validation(with_strangers(wide(tiny.X_test)), tiny.Y_test)]
    clf = SlideClassifier(**SMALL).fit(wide(tiny.X_train), tiny.Y_train, callbacks=looks)
    assert clf.training_["validation"]["p@1"] == pytest.approx(clf.score(wide(tiny.X_test), tiny.Y_test))


def test_samples_to_tune_by_are_held_out_of_wide_X(tiny: Dataset) -> None:
    judges = Judges.hold_out(wide(tiny.X_train), tiny.Y_train, make_config())
    assert judges.X_held_out.shape[1] == N_COLUMNS
    narrow = Judges.hold_out(tiny.X_train, tiny.Y_train, make_config())
    np.testing.assert_array_equal(judges.Y_held_out.indices, narrow.Y_held_out.indices)


def test_a_pipeline_of_hashed_words_is_light(tiny: Dataset) -> None:
    pipe = make_pipeline(HashingVectorizer(), SlideClassifier(**SMALL)).fit(tiny.train_texts, tiny.Y_train)
    assert pipe[-1].n_features_in_ == 2**20
    assert pipe[-1].network_.n_features == len(pipe[-1].known_features_) < 12_000
    assert pipe.score(tiny.test_texts, tiny.Y_test) > 0.4


def test_the_commands_take_wide_files(tiny: Dataset, tmp_path: Path) -> None:
    train, test, out = (str(tmp_path / name) for name in ("train.txt", "test.txt", "model"))
    write_xmc(train, wide(tiny.X_train), tiny.Y_train)
    write_xmc(test, with_strangers(wide(tiny.X_test)), tiny.Y_test)
    options = ["--set", "hidden_sizes=[16]", "--set", "n_epochs=1", "--threads", "1"]
    shown = CliRunner().invoke(app, ["train", train, "--test", test, "--out", out, *options])
    assert shown.exit_code == 0, shown.output
    assert re.search(r"training: [\d.]+ MB of memory", shown.output)
    assert SlideClassifier.load(out).n_features_in_ == N_COLUMNS
    shown = CliRunner().invoke(app, ["inspect", out])
    assert re.search(rf"n_columns +{N_COLUMNS} *\n +n_features +3546 ", shown.output)


def test_known_features_of_more_samples() -> None:
    X = sparse.csr_array(np.array([[0, 2, 0, 3], [1, 0, 0, 0]], np.float32))
    labelled, not_labelled = sparse.csr_array(np.ones((1, 1))), sparse.csr_array((1, 1))
    known = KnownFeatures.of(X[:1], labelled)
    assert (known.ids.tolist(), known.n_columns, known.are_all) == ([1, 3], 4, False)
    assert known.only(X).toarray().tolist() == [[2, 3], [0, 0]]
    assert known.with_more(X[1:], not_labelled).ids.tolist() == [1, 3]
    more = known.with_more(X[1:], labelled)
    assert more.ids.tolist() == [0, 1, 3]
    assert more.places_of(known).tolist() == [1, 2]
    everything = KnownFeatures.all_of(4)
    assert everything.only(X) is X
    assert not list(everything.named_arrays())

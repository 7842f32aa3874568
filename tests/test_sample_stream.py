"""Training on a file gives what training in memory gives, in the same order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sample_sets import with_features, with_texts
from scipy import sparse

from slidelearn import DataError, SampleStream, SlideClassifier, sample_stream, write_samples, write_xmc
from slidelearn.batches import Samples, SampleSource
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.datasets import Dataset
from slidelearn.matrices import normalize_rows, raise_values
from slidelearn.network.label_rows import start_label_rows
from slidelearn.network.layers import Execution
from slidelearn.network.network import Network
from slidelearn.training.ranker_training import KeptBack
from slidelearn.training.trainer import Progress, Trainer

QUICK: dict[str, Any] = {"hidden_sizes": (16,), "n_jobs": 1}


@pytest.fixture(scope="module")
def file(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "train.txt.gz"
    write_xmc(path, tiny.X_train, tiny.Y_train)
    return path


@pytest.mark.parametrize("name", ["a.txt", "trn_X_Xf.txt.xz", "a.svm", "a.parquet"])
@pytest.mark.parametrize("buffer_size", [1, 7, 40, 100])
def test_shows_what_is_in_the_file(name: str, buffer_size: int, tmp_path: Path, rng: np.random.Generator) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    samples = with_features(rng)
    assert samples.X is not None
    write_samples(tmp_path / name, samples)
    stream = SampleStream(str(tmp_path / name), buffer_size=buffer_size, n_threads=2)
    expected = Samples(samples.X, samples.Y, block_size=buffer_size)
    assert stream.n_features == samples.X.indices.max() + 1
    assert (stream.n_samples, stream.n_labels) == (expected.n_samples, expected.n_labels)
    assert stream.n_without_labels == expected.n_without_labels > 0
    np.testing.assert_array_equal(stream.label_counts(), expected.label_counts())
    for a, b in (
        (stream.in_order(8), expected.in_order(8)),
        (stream.shuffled(8, np.random.default_rng(1)), expected.shuffled(8, np.random.default_rng(1))),
    ):
        for batch, same in zip(a, b, strict=True):
            np.testing.assert_array_equal(batch.sample_ids, same.sample_ids)
            for array, other in zip((*batch.features, *batch.labels), (*same.features, *same.labels), strict=True):
                np.testing.assert_array_equal(array, other)
    part = stream.part
    for extent, matrix in zip(stream.extents_of_part(), (part.X, part.Y), strict=True):
        assert extent.shape == matrix.shape
        assert extent.nnz == pytest.approx(matrix.nnz, rel=0.3)
    np.testing.assert_array_equal(part.X.toarray(), samples.X[part.sample_ids][:, : stream.n_features].toarray())
    np.testing.assert_array_equal(part.Y.toarray(), samples.Y[part.sample_ids].toarray())


def _trained(tiny: Dataset, samples: SampleSource, **options: Any) -> Network:
    config = make_config(hidden_sizes=(16,), batch_size=64, **options)
    rng = np.random.default_rng(0)
    network = Network(config, tiny.X_train.shape[1], tiny.Y_train.shape[1], rng)
    start_label_rows(network, samples, rng, Execution(1))
    Trainer(network, config, samples, 1, rng).fit(2)
    return network


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": "batch"},
        {"sampler": "batch+memory"},
        {"sampler": "frequency", "n_negatives": 50},
        {"sampler": "lsh", "n_tables": 5, "active_set": "per_sample"},
    ],
    ids=lambda options: options["sampler"],
)
@pytest.mark.parametrize("buffer_size", [500, 5000])
def test_the_same_order_makes_the_same_network(
    options: dict[str, Any], buffer_size: int, file: Path, tiny: Dataset
) -> None:
    stream = _trained(tiny, SampleStream(file, buffer_size=buffer_size), **options)
    memory = _trained(tiny, Samples(tiny.X_train, tiny.Y_train, block_size=buffer_size), **options)
    for (name, a), (_, b) in zip(stream.named_arrays(), memory.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {"n_networks": 2, "n_models": 2, "n_epochs": 2},
        {"sampler": "batch+memory", "n_epochs": 2},
        {"preset": "paper", "n_epochs": 1},
    ],
    ids=["recipe", "memory", "paper"],
)
def test_a_file_that_fits_into_the_buffer_makes_the_same_model(
    options: dict[str, Any], file: Path, tiny: Dataset
) -> None:
    """Rehearsal, held-out samples, ranker and all."""
    from_file = SlideClassifier(**QUICK, **options).fit_stream(SampleStream(file))
    in_memory = SlideClassifier(**QUICK, **options).fit(tiny.X_train, tiny.Y_train)
    arrays = dict(from_file.named_arrays())
    for name, array in in_memory.named_arrays():
        np.testing.assert_array_equal(arrays.pop(name), array, err_msg=name)
    assert not arrays
    assert from_file.training_.keys() == in_memory.training_.keys()


class Watch(Callback):
    """Notes how many samples were seen, and whether the estimator has the model while it is trained."""

    def __init__(self, clf: SlideClassifier) -> None:
        self.clf, self.n_samples = clf, 0

    def on_end(self, progress: Progress) -> None:
        self.n_samples += progress.n_samples
        assert self.clf.network_.n_labels == 413


def test_dense_features_keep_their_values(tmp_path: Path, rng: np.random.Generator) -> None:
    X, Y = rng.normal(0, 1, (60, 5)).astype(np.float32), np.eye(3, dtype=np.float32)[rng.integers(3, size=60)]
    write_xmc(tmp_path / "dense.txt", X, Y)
    streamed = SlideClassifier(ranker=False, **QUICK).fit_stream(SampleStream(tmp_path / "dense.txt"))
    in_memory = SlideClassifier(ranker=False, standardize_features=False, **QUICK).fit(X, Y)
    assert streamed.config_.feature_power == in_memory.config_.feature_power == 1
    assert streamed.standards_ is None
    np.testing.assert_allclose(streamed.predict_topk(X, 1)[1], in_memory.predict_topk(X, 1)[1], rtol=1e-4)
    given = SlideClassifier(feature_power=0.5, **QUICK).fit_stream(SampleStream(tmp_path / "dense.txt"))
    assert given.config_.feature_power == 0.5


def test_the_ranker_knows_a_part(file: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_stream, "MOST_IN_PART", 800)
    clf = SlideClassifier(**QUICK, n_networks=1, n_epochs=1)
    watch = Watch(clf)
    clf.fit_stream(SampleStream(file, buffer_size=1000), callbacks=[watch])
    assert clf.ranker_ is not None
    assert clf.neighbours_ is not None
    assert clf.neighbours_.n_samples == 800
    assert clf.training_["n_samples"] == watch.n_samples == 2589
    alone = SlideClassifier(**QUICK, n_networks=1, n_epochs=1, ranker=False).fit_stream(SampleStream(file))
    assert clf.score(tiny.X_test, tiny.Y_test) > alone.score(tiny.X_test, tiny.Y_test) > 0.2


def test_samples_held_out_are_trained_on_by_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_back: list[KeptBack] = []

    def note(X: Any, *args: Any, **options: Any) -> KeptBack:
        kept_back.append(KeptBack.of(X, *args, **options))
        np.testing.assert_array_equal(X.toarray(), prepared(stream.part.X).toarray())
        return kept_back[-1]

    def prepared(X: Any) -> Any:
        return normalize_rows(raise_values(X, 0.7))

    left_out, leave_out = list[int](), SampleStream.leave_out
    monkeypatch.setattr(
        "slidelearn.training.model_training.KeptBack", SimpleNamespace(of=note, nothing=KeptBack.nothing)
    )
    monkeypatch.setattr(SampleStream, "leave_out", lambda self, ids: (left_out.extend(ids), leave_out(self, ids)))
    monkeypatch.setattr(sample_stream, "MOST_IN_PART", 800)
    monkeypatch.setattr("slidelearn.fitting.rehearsal.rehearses", lambda *_: False)
    monkeypatch.setattr("slidelearn.fitting.rehearsal.REHEARSED_BELOW", 0)
    stream, clf = SampleStream(file, buffer_size=1000), SlideClassifier(**QUICK, n_networks=1, n_epochs=1)
    watch = Watch(clf)
    clf.fit_stream(stream, callbacks=[watch])
    n_kept_back = clf.training_["n_held_out"] + clf.training_["n_left_out"]
    assert clf.training_["n_held_out"] >= 30
    assert watch.n_samples == 2589 - n_kept_back
    assert left_out == stream.part.sample_ids[kept_back[0].all].tolist()
    assert len(stream.labelled) == 2589  # for the next training


def test_the_memory_of_the_samples_is_a_file(file: Path) -> None:
    room = SampleStream(file).room(3)
    assert isinstance(room, np.memmap)
    assert (room.shape, room.dtype) == ((2589, 3), np.int32)
    assert (room == -1).all()
    room[5] = 7
    assert room[4:7].tolist() == [[-1] * 3, [7] * 3, [-1] * 3]


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_xmc(path, np.eye(9, 5), np.eye(9, 4))
    stream = SampleStream(path, buffer_size=4)
    for X, Y in ((np.eye(8, 5), np.eye(8, 4)), (np.eye(9, 6), np.eye(9, 4)), (np.eye(9, 5), np.eye(9, 3))):
        write_xmc(path, X, Y)
        with pytest.raises(DataError, match=r"a\.txt has changed while it was used: it had 9 samples, 5 feat"):
            list(stream.in_order(2))
    path.write_text("9 5 4\n1 1:x\n")
    with pytest.raises(DataError, match=r"a\.txt, line 2: expected a number"):
        list(stream.in_order(2))


def test_what_is_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(ValueError, match=r"^buffer_size must be >= 1, but is 0$"):
        SampleStream(file, buffer_size=0)
    with pytest.raises(ValueError, match=r"^max_seconds must not be given with a stream: choose n_epochs$"):
        SlideClassifier(max_seconds=5).fit_stream(SampleStream(file))
    write_samples(tmp_path / "a.csv", with_texts())
    with pytest.raises(DataError, match=r"a\.csv: csv holds texts, not features: read it by slidelearn\.TextStream"):
        SampleStream(tmp_path / "a.csv")
    write_xmc(tmp_path / "a.txt", np.eye(3), sparse.csr_array((3, 2), dtype=np.float32))
    with pytest.raises(ValueError, match=r"must have at least one label, but none of 3 has any$"):
        SlideClassifier().fit_stream(SampleStream(tmp_path / "a.txt"))
    (tmp_path / "empty.svm").touch()
    with pytest.raises(ValueError, match=r"must have at least one label, but none of 0 has any$"):
        SlideClassifier().fit_stream(SampleStream(tmp_path / "empty.svm"))


PASS_AND_MEASURE = """
import resource, sys
import numpy as np
from slidelearn import SampleStream
from slidelearn.files import packed
packed._PIECE = 1 << 18
for path in sys.argv[1:]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batches = SampleStream(path, buffer_size=500).shuffled(64, np.random.default_rng(0))
    n = sum(len(batch.sample_ids) for batch in batches)
print(n, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read as Linux gives it")
def test_a_pass_takes_the_memory_of_a_block(tmp_path: Path) -> None:
    line = b"1,2 " + b" ".join(b"%d:0.123456" % feature for feature in range(50)) + b"\n"
    for name, n in (("small.txt", 1000), ("large.txt", 40_000)):
        (tmp_path / name).write_bytes(b"%d 50 3\n" % n + line * n)
    command = [sys.executable, "-c", PASS_AND_MEASURE, str(tmp_path / "small.txt"), str(tmp_path / "large.txt")]
    n, n_bytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(n) == 40_000
    assert int(n_bytes) < 40_000 * 50 * 8 / 4

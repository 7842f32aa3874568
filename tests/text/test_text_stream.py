"""Learning from a file of texts gives what learning from the same texts in memory gives."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sample_sets import NAMES, TEXTS, with_features, with_texts
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from typer.testing import CliRunner

from slidelearn import DataError, SampleSet, SlideClassifier, SlideTextClassifier, TextStream, write_samples
from slidelearn.callbacks import Callback, Checkpointing
from slidelearn.cli import app
from slidelearn.data import holds_texts
from slidelearn.datasets import Dataset
from slidelearn.formats.labelled_texts import names_of_samples
from slidelearn.text.vectorizers import Vectorizer
from slidelearn.text.word_counts import WordCounts

QUICK: dict[str, Any] = {"hidden_sizes": (16,), "n_jobs": 1, "n_epochs": 2, "n_networks": 1}


@pytest.fixture(scope="module")
def samples(tiny: Dataset) -> SampleSet:
    return SampleSet(tiny.Y_train, texts=tiny.train_texts, label_names=tiny.label_names)


@pytest.fixture(scope="module")
def file(samples: SampleSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "train.jsonl.gz"
    write_samples(path, samples)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz", "a.jsonl", "a.parquet", "a.arrow"])
def test_every_format_of_texts_is_read_sample_by_sample(name: str, tmp_path: Path) -> None:
    if name.endswith(("parquet", "arrow")):
        pytest.importorskip("pyarrow")
    write_samples(tmp_path / name, with_texts())
    stream = TextStream(tmp_path / name)
    for _ in range(2):
        assert [(text, sorted(names)) for text, names in stream] == [
            (text, sorted(names)) for text, names in zip(TEXTS, NAMES, strict=True)
        ]


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl.gz", "a.parquet", "a.arrow"])
def test_whether_a_file_holds_texts(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    if name.endswith(("parquet", "arrow")):
        pytest.importorskip("pyarrow")
    for samples in (with_features(rng), with_texts()):
        try:
            write_samples(tmp_path / name, samples)
        except ValueError:  # the format holds the others
            continue
        assert holds_texts(tmp_path / name) == (samples.texts is not None)


VECTORIZERS: dict[str, Vectorizer] = {
    "usual": TfidfVectorizer(sublinear_tf=True, min_df=2, dtype=np.float32),
    "shares": TfidfVectorizer(min_df=0.01, max_df=0.2, smooth_idf=False),
    "pairs of words": TfidfVectorizer(ngram_range=(1, 2), stop_words="english", max_features=500, norm=None),
    "letters": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), max_features=300, dtype=np.float32),
    "without idf": TfidfVectorizer(use_idf=False, min_df=3),
    "given words": TfidfVectorizer(vocabulary=["vessel", "animal", "plant"]),
    "counts": CountVectorizer(min_df=2, max_features=100),
    "present": CountVectorizer(binary=True, vocabulary={"plant": 1, "animal": 0}),
    "hashing": HashingVectorizer(n_features=256),
}


@pytest.mark.parametrize("kind", VECTORIZERS)
def test_words_counted_one_by_one_make_the_vectoriser_of_scikit_learn(kind: str, tiny: Dataset) -> None:
    vectorizer = VECTORIZERS[kind]
    counts = WordCounts(vectorizer)
    for text in tiny.train_texts:
        counts.add(text)
    found, expected = counts.fitted(vectorizer), vectorizer.fit(tiny.train_texts)
    X, same = found.transform(tiny.test_texts), expected.transform(tiny.test_texts)
    assert X.dtype == same.dtype
    np.testing.assert_array_equal(X.indices, same.indices)
    np.testing.assert_array_equal(X.data, same.data)
    if not isinstance(found, HashingVectorizer):
        assert found.get_feature_names_out().tolist() == expected.get_feature_names_out().tolist()


@pytest.mark.parametrize(
    "options", [{}, {"preset": "paper"}, {"n_networks": 2, "n_models": 2, "sampler": "batch+memory"}], ids=str
)
def test_a_file_that_fits_into_the_buffer_makes_the_same_model(
    options: dict[str, Any], file: Path, samples: SampleSet
) -> None:
    made = SlideTextClassifier(SlideClassifier(**QUICK | options))
    in_memory = SlideTextClassifier(SlideClassifier(**QUICK | options))
    in_memory.fit(samples.texts, list(names_of_samples(samples)))
    made.fit_stream(TextStream(file))
    assert_same(made, in_memory)


def assert_same(a: SlideTextClassifier, b: SlideTextClassifier) -> None:
    pairs = itertools.zip_longest(a.classifier_.named_arrays(), b.classifier_.named_arrays())
    for (name, x), (same_name, y) in pairs:
        assert name == same_name
        np.testing.assert_array_equal(x, y, err_msg=name)
    assert a.classes_.tolist() == b.classes_.tolist()
    assert a.n_texts_ == b.n_texts_
    assert a.classifier_.threshold_ == b.classifier_.threshold_
    texts = ["a vessel that travels under water", "the young of a cat"]
    assert a.predict(texts) == b.predict(texts)


def test_a_small_buffer_and_hashing(file: Path, tiny: Dataset, tmp_path: Path) -> None:
    hashing = HashingVectorizer(n_features=1 << 14)
    clf = SlideTextClassifier(SlideClassifier(**QUICK), hashing).fit_stream(TextStream(file, buffer_size=300))
    names = [[tiny.label_names[label] for label in row.indices] for row in tiny.Y_test]
    assert clf.score(tiny.test_texts, names) > 0.25
    clf.save(tmp_path / "model")
    assert SlideTextClassifier.load(tmp_path / "model").predict(tiny.test_texts[:20]) == clf.predict(
        tiny.test_texts[:20]
    )
    clf.partial_fit(["a boat that drives itself"], [["boat", "autonomous vehicle"]])
    assert "autonomous vehicle" in clf.classes_


class Gone(Exception): ...


class EndAfter(Callback):
    comes_last = True

    def on_step(self, progress: Any) -> None:
        if progress.step == 13:
            raise Gone


def test_an_interrupted_training_goes_on(file: Path, samples: SampleSet, tmp_path: Path) -> None:
    """On a file, and on texts in memory, which is the same training."""

    def made() -> SlideTextClassifier:
        return SlideTextClassifier(SlideClassifier(**QUICK, ranker=False))

    def stream() -> TextStream:
        return TextStream(file, buffer_size=1000)

    callbacks = [EndAfter(), Checkpointing(tmp_path / "stream", every_steps=5)]
    with pytest.raises(Gone):
        made().fit_stream(stream(), callbacks=callbacks)
    resumed = made().fit_stream(stream(), resume_from=tmp_path / "stream")
    assert_same(resumed, made().fit_stream(stream()))

    texts, names = samples.texts, list(names_of_samples(samples))
    callbacks = [EndAfter(), Checkpointing(tmp_path / "memory", every_steps=5)]
    with pytest.raises(Gone):
        made().fit(texts, names, callbacks=callbacks)
    assert_same(made().fit(texts, names, resume_from=tmp_path / "memory"), made().fit(texts, names))


def test_the_command_line_streams_texts(file: Path, tmp_path: Path) -> None:
    for name, options in (("stream", ["--stream"]), ("memory", [])):
        command = ["train", file, "--validation", file, "--out", tmp_path / name, *options, "--threads", 1]
        result = CliRunner().invoke(app, [*map(str, command), "--set", "n_epochs=2", "--set", "n_networks=1"])
        assert result.exit_code == 0, result.output
    assert_same(*(SlideTextClassifier.load(tmp_path / name, n_jobs=1) for name in ("stream", "memory")))


def test_features_are_made_once_where_there_is_room(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, transform = [], HashingVectorizer.transform
    monkeypatch.setattr(HashingVectorizer, "transform", lambda *given: (made.append(given), transform(*given))[1])

    def trained() -> SlideTextClassifier:
        clf = SlideTextClassifier(SlideClassifier(**QUICK), HashingVectorizer(n_features=256))
        return clf.fit_stream(TextStream(file, buffer_size=900))

    with_room, n_chunks = trained(), len(made)
    assert n_chunks == 3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert_same(trained(), with_room)
    assert len(made) > 4 * n_chunks


def test_what_is_refused(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^buffer_size must be >= 1, but is 0$"):
        TextStream(tmp_path / "a.jsonl", buffer_size=0)
    write_samples(tmp_path / "a.txt", with_features(rng))
    with pytest.raises(DataError, match=r"a\.txt: xmc holds features, not texts"):
        TextStream(tmp_path / "a.txt")
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "labels": ["b"]}\n{"text": 7, "labels": []}\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: expected a string"):
        list(TextStream(path))
    write_samples(path, with_texts())
    with pytest.raises(ValueError, match="words to make features of, but of those in 7 texts none is left"):
        TextStream(path).features(TfidfVectorizer(min_df=6))
    with pytest.raises(ValueError, match="tokenizer must be None or a plain value"):
        TextStream(path).features(TfidfVectorizer(tokenizer=str.split))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))  # so that it is read again
    features = TextStream(path).features()
    write_samples(path, SampleSet(with_texts().Y, texts=TEXTS, label_names=list("abcdefg")))
    with pytest.raises(DataError, match=r"a\.jsonl has changed while it was used: it had 7 samples"):
        list(features.in_order(2))

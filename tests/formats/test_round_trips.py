"""What is written is read back, bit for bit, in every format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sample_sets import assert_same, with_features, with_texts
from scipy import sparse

from slidelearn.data import iter_samples, open_samples, read_samples, write_samples
from slidelearn.files import packed
from slidelearn.formats import FORMATS, SampleSet

NEEDS_PYARROW = ("parquet", "arrow")
OF_FEATURES = {
    "xmc": ("a.txt", "a.txt.gz", "a.txt.xz"),
    "xmc-pair": ("trn_X_Xf.txt", "trn_X_Y.txt.gz", "x_x_xf.txt"),
    "libsvm": ("a.svm", "a.LIBSVM", "a.svmlight.gz"),
    "npz": ("X.npz", "X.trn.npz", "train_X.npz"),
    "parquet": ("a.parquet", "a.pq"),
    "arrow": ("a.arrow", "a.feather"),
}
OF_TEXTS = {
    "csv": ("a.csv", "a.csv.gz"),
    "tsv": ("a.tsv", "a.tsv.xz"),
    "jsonl": ("a.jsonl", "a.ndjson.gz", "a.json"),
    "parquet": ("a.parquet",),
    "arrow": ("a.ipc",),
}


def cases(names: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(format, name) for format, all_names in names.items() for name in all_names]


def need(format: str) -> None:
    if format in NEEDS_PYARROW:
        pytest.importorskip("pyarrow")


def test_every_format_is_tried() -> None:
    assert OF_FEATURES.keys() | OF_TEXTS.keys() == FORMATS.keys()


@pytest.mark.parametrize(("format", "name"), cases(OF_FEATURES))
@pytest.mark.parametrize("piece", [50, 1 << 20])
def test_features(format: str, name: str, piece: int, tmp_path: Path, rng: np.random.Generator, monkeypatch) -> None:
    need(format)
    monkeypatch.setattr(packed, "_PIECE", piece)
    samples = with_features(rng)
    write_samples(tmp_path / name, samples)
    layout = {"n_features": 9, "n_labels": 7} if format == "libsvm" else {}
    found = read_samples(str(tmp_path / name), n_threads=2, **layout)
    assert_same(found, samples)
    assert_same(read_samples(tmp_path / name, format=format, **layout), samples)
    unlabelled = read_samples(tmp_path / name, with_labels=False, **layout)
    assert_same(unlabelled, replace(samples, Y=samples.Y[:, :0]))


@pytest.mark.parametrize(("format", "name"), cases(OF_TEXTS))
def test_texts(format: str, name: str, tmp_path: Path) -> None:
    need(format)
    samples = with_texts()
    write_samples(tmp_path / name, samples)
    assert_same(read_samples(tmp_path / name), samples)
    unlabelled = read_samples(tmp_path / name, with_labels=False)
    assert_same(unlabelled, SampleSet(samples.Y[:, :0], texts=samples.texts))


@pytest.mark.parametrize(("format", "name"), cases(OF_TEXTS))
@pytest.mark.parametrize("layout", [{"label_separator": " "}, {"text_column": "title", "label_column": "subjects"}])
def test_texts_in_another_layout(format: str, name: str, layout: dict[str, str], tmp_path: Path) -> None:
    need(format)
    write_samples(tmp_path / name, with_texts(), **layout)
    assert_same(read_samples(tmp_path / name, **layout), with_texts())


def test_libsvm_counted_from_1(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = with_features(rng)
    write_samples(tmp_path / "a.svm", samples, first_id=1)
    assert_same(read_samples(tmp_path / "a.svm", first_id=1, n_features=9, n_labels=7), samples)
    as_it_is = read_samples(tmp_path / "a.svm")
    assert_same(
        as_it_is,
        SampleSet(
            sparse.csr_array(sparse.hstack([np.zeros((40, 1), np.float32), samples.Y])),
            sparse.csr_array(sparse.hstack([sparse.csr_array((40, 1), dtype=np.float32), samples.X])),
        ),
    )


def test_pairs_to_be_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    unjudged = sparse.csr_array((rng.random((40, 7)) < 0.1).astype(np.float32))
    samples = replace(with_features(rng), unjudged=unjudged)
    write_samples(tmp_path / "tst_X_Xf.txt", samples)
    assert (tmp_path / "filter_labels_test.txt").exists()
    assert_same(read_samples(tmp_path / "tst_X_Y.txt"), samples)
    assert read_samples(tmp_path / "tst_X_Xf.txt", with_labels=False).unjudged is None


@pytest.mark.parametrize(("format", "name"), [case for case in cases(OF_FEATURES) if case[0] != "npz"])
@pytest.mark.parametrize("n_rows", [1, 7, 40, 100])
def test_some_samples_at_a_time(
    format: str, name: str, n_rows: int, tmp_path: Path, rng: np.random.Generator, monkeypatch
) -> None:
    need(format)
    monkeypatch.setattr(packed, "_PIECE", 200)
    samples = with_features(rng)
    assert samples.X is not None
    write_samples(tmp_path / name, samples)
    chunks = list(iter_samples(tmp_path / name, n_rows, n_features=9, n_labels=7))
    assert [chunk.n_samples for chunk in chunks] == [min(n_rows, 40 - first) for first in range(0, 40, n_rows)]
    for first, chunk in zip(range(0, 40, n_rows), chunks, strict=True):
        rows = slice(first, first + n_rows)
        assert_same(chunk, SampleSet(samples.Y[rows], samples.X[rows]))


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
SHAPES = st.tuples(st.integers(0, 5), st.integers(1, 5))


@pytest.mark.parametrize(("format", "name"), [(format, names[0]) for format, names in OF_FEATURES.items()])
@settings(deadline=None)
@given(arrays.arrays(np.float32, SHAPES, elements=FLOATS), st.integers(1, 4), st.data())
def test_any_features(
    format: str, name: str, tmp_path_factory: pytest.TempPathFactory, features, n_labels, draw
) -> None:
    need(format)
    labels = draw.draw(arrays.arrays(np.bool_, (len(features), n_labels)))
    samples = SampleSet(sparse.csr_array(labels.astype(np.float32)), sparse.csr_array(features))
    path = tmp_path_factory.getbasetemp() / name
    write_samples(path, samples)
    layout = {"n_features": features.shape[1], "n_labels": n_labels} if format == "libsvm" else {}
    assert_same(read_samples(path, **layout), samples)


LABELS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=5), max_size=3)
ROWS = st.lists(st.tuples(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), LABELS), max_size=4)


@pytest.mark.parametrize(
    ("format", "name"), [(format, names[0]) for format, names in OF_TEXTS.items() if format != "tsv"]
)
@settings(deadline=None)
@given(ROWS)
def test_any_texts(format: str, name: str, tmp_path_factory: pytest.TempPathFactory, rows) -> None:
    """White space within names becomes one blank; all else stays."""
    need(format)
    plain = [sorted({" ".join(each.split()) for each in labels} - {""}) for _, labels in rows]
    names = sorted({each for labels in plain for each in labels})
    Y = np.array([[each in labels for each in names] for labels in plain], np.float32).reshape(len(rows), len(names))
    samples = SampleSet(sparse.csr_array(Y), texts=[text for text, _ in rows], label_names=names)
    path = tmp_path_factory.getbasetemp() / name
    write_samples(path, samples)
    assert_same(read_samples(path), samples)


def test_formats_refuse_what_they_cannot_hold(tmp_path: Path, rng: np.random.Generator) -> None:
    for names, samples, message in (
        (OF_FEATURES, with_texts(), "this format holds features, but the samples are texts"),
        (OF_TEXTS, with_features(rng), "this format holds texts, but the samples have features"),
    ):
        for format in names.keys() - set(NEEDS_PYARROW):
            with pytest.raises(ValueError, match=message):
                write_samples(tmp_path / names[format][0], samples)
    with pytest.raises(ValueError, match=r"tsv has no tabs or line breaks within texts, but one is 'a\\tb'"):
        write_samples(tmp_path / "a.tsv", SampleSet(sparse.csr_array((1, 0), dtype=np.float32), texts=["a\tb"]))
    assert not list(tmp_path.iterdir())


def test_samples_must_fit_together(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = with_features(rng)
    assert samples.X is not None
    for wrong, message in (
        (replace(samples, X=samples.X[:3]), "X and Y must have one row per sample, but X has 3 and Y has 40"),
        (replace(samples, X=samples.X * np.float32(np.nan)), "X must be finite"),
        (replace(samples, label_names=["one"]), r"there must be a name per label \(7\), but there are 1"),
        (replace(samples, X=None, texts=["one"]), r"there must be a text per sample \(40\), but there are 1"),
    ):
        with pytest.raises(ValueError, match=message):
            write_samples(tmp_path / "a.txt", wrong)


def test_iter_samples_checks_its_arguments(tmp_path: Path, rng: np.random.Generator) -> None:
    for name in ("a.txt", "a.svm", "X.npz"):
        write_samples(tmp_path / name, with_features(rng))
    with pytest.raises(ValueError, match=r"^n_rows must be >= 1, but is 0$"):
        iter_samples(tmp_path / "a.txt", 0)
    with pytest.raises(
        ValueError, match=r"^n_features and n_labels must be given, because .*a\.svm does not say them$"
    ):
        iter_samples(tmp_path / "a.svm", 5)
    with pytest.raises(ValueError, match=r"X\.npz: npz is not read piece by piece: convert it to one of xmc, "):
        open_samples(tmp_path / "X.npz")

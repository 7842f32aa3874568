from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample_sets import with_features
from scipy import sparse

from slidelearn import DataError, fetch_dataset, write_samples
from slidelearn.public_datasets import PLACE, PUBLIC_DATASETS, find_split

NAME = "LF-Amazon-131K"  # whose size is not known here
LAYOUTS = (
    ("train.txt", "test.txt"),
    ("trn.txt.gz", "tst.txt.gz"),
    ("amazon_train.txt", "amazon_test.txt"),
    ("trn_X_Xf.txt", "tst_X_Xf.txt"),
    ("X.trn.npz", "X.tst.npz"),
)


def put(folder: Path, train: str = "train.txt", test: str = "test.txt") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_samples(folder / train, with_features(np.random.default_rng(0)))
    write_samples(folder / test, with_features(np.random.default_rng(1), n=10))


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLACE, raising=False)


@pytest.mark.parametrize(("train", "test"), LAYOUTS)
@pytest.mark.parametrize("inside", [NAME, NAME.lower(), f"{NAME}/unpacked"])
def test_reads_what_was_unpacked(train: str, test: str, inside: str, tmp_path: Path, monkeypatch) -> None:
    put(tmp_path / inside, train, test)
    monkeypatch.setenv(PLACE, str(tmp_path))
    found = [fetch_dataset(NAME.lower()), fetch_dataset(NAME, tmp_path), fetch_dataset(NAME, str(tmp_path / inside))]
    monkeypatch.chdir(tmp_path / inside)
    found.append(fetch_dataset(NAME, "."))
    for data in found:
        assert data.name == NAME
        assert [m.shape for m in (data.X_train, data.Y_train, data.X_test, data.Y_test)] == [
            (40, 9),
            (40, 7),
            (10, 9),
            (10, 7),
        ]
        assert data.unjudged is None


def test_names_and_pairs_come_along(tmp_path: Path) -> None:
    put(tmp_path, "trn_X_Xf.txt", "tst_X_Xf.txt")
    samples = with_features(np.random.default_rng(1), n=10)
    pairs = sparse.csr_array(np.eye(10, 7, dtype=np.float32))
    write_samples(tmp_path / "tst_X_Xf.txt", replace(samples, unjudged=pairs))
    (tmp_path / "Yf.txt").write_text("one\ntwo\n")
    data = fetch_dataset(NAME, tmp_path)
    assert data.unjudged is not None
    assert data.unjudged.nnz == 7
    assert data.label_names == ["one", "two"]
    with pytest.raises(ValueError, match=r"LF-Amazon-131K has no train_texts: there is no file of them"):
        _ = data.train_texts


def test_says_what_to_do(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(FileNotFoundError) as nowhere:
        fetch_dataset("amazon-670k")
    assert str(nowhere.value).startswith(
        "Amazon-670K is not there: download its bag-of-words features from http://manik"
    )
    assert "unpack them into DIRECTORY/Amazon-670K" in str(nowhere.value)
    assert str(nowhere.value).endswith("set the environment variable SLIDELEARN_DATA to DIRECTORY or give it as path")
    monkeypatch.setenv(PLACE, str(tmp_path))
    (tmp_path / "wiki10-31k").mkdir()
    with pytest.raises(FileNotFoundError, match=re.escape(f"not there in {tmp_path}: download")) as missing:
        fetch_dataset("Wiki10-31K")
    assert f"unpack them into {tmp_path}/wiki10-31k, so" in str(missing.value)
    put(tmp_path)  # of some other set, for all that anybody knows
    with pytest.raises(FileNotFoundError):
        fetch_dataset("Wiki10-31K")


@pytest.mark.parametrize(("train", "test"), LAYOUTS)
def test_a_file_that_has_changed_is_refused(train: str, test: str, tmp_path: Path) -> None:
    put(tmp_path, train, test)
    fetch_dataset(NAME, tmp_path)
    record = tmp_path / "SHA256SUMS"
    lines = dict(reversed(line.split("  ")) for line in record.read_text().splitlines())
    there = {path.name for path in tmp_path.iterdir()} - {"SHA256SUMS"}
    assert lines == {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in there}
    before = record.read_bytes()
    fetch_dataset(NAME, tmp_path)
    assert record.read_bytes() == before
    for name in sorted(there):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole + b"\n")
        with pytest.raises(DataError, match=rf"{name} has changed since it was read first: .* remove that file if"):
            fetch_dataset(NAME, tmp_path)
        (tmp_path / name).write_bytes(whole)
    fetch_dataset(NAME, tmp_path)


def test_digests_that_are_given(tmp_path: Path) -> None:
    put(tmp_path)
    right = hashlib.sha256((tmp_path / "train.txt").read_bytes()).hexdigest()
    fetch_dataset(NAME, tmp_path, sha256={"train.txt": right.upper()})
    with pytest.raises(DataError, match=rf"train\.txt has the SHA-256 {right}, but sha256 says 00.*: it is damaged"):
        fetch_dataset(NAME, tmp_path, sha256={"train.txt": "0" * 64})
    for wrong, message in (
        (
            {"trn.txt": right},
            r"sha256 must name files that are read, which are test\.txt, train\.txt, but names 'trn",
        ),
        ({"train.txt": "4f5c"}, r"sha256 of train\.txt must be 64 hexadecimal digits, but is '4f5c'"),
        (right, "sha256 must have a digest for each name of a file, but is "),
    ):
        with pytest.raises(ValueError, match=message):
            fetch_dataset(NAME, tmp_path, sha256=wrong)  # type: ignore[arg-type]
    put(tmp_path, "test.txt", "train.txt")  # another version, which is meant
    right = hashlib.sha256((tmp_path / "train.txt").read_bytes()).hexdigest()
    with pytest.raises(DataError, match=r"test\.txt has changed"):
        fetch_dataset(NAME, tmp_path, sha256={"train.txt": right})
    others = hashlib.sha256((tmp_path / "test.txt").read_bytes()).hexdigest()
    fetch_dataset(NAME, tmp_path, sha256={"train.txt": right, "test.txt": others})
    fetch_dataset(NAME, tmp_path)


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    put(tmp_path)
    monkeypatch.setattr("slidelearn.files.checksums.write_atomically", refuse)
    assert fetch_dataset(NAME, tmp_path).X_train.shape == (40, 9)
    assert not (tmp_path / "SHA256SUMS").exists()
    (tmp_path / "SHA256SUMS").write_text("train.txt is fine\n")
    with pytest.raises(DataError, match=r"SHA256SUMS, line 1: expected a SHA-256 and a name"):
        fetch_dataset(NAME, tmp_path)


def test_another_version_is_noticed(tmp_path: Path) -> None:
    put(tmp_path)
    with pytest.warns(
        UserWarning, match=r"^Amazon-670K has 490,449 samples, 135,909 features and 670,091 labels to train"
    ):
        fetch_dataset("Amazon-670K", tmp_path)


def test_refuses_an_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"^name must be one of eurlex-4k, wiki10-31k, .*, but is 'amazon'$"):
        fetch_dataset("amazon")


def test_a_split_needs_both_files(tmp_path: Path) -> None:
    assert find_split(tmp_path) is None
    (tmp_path / "train.txt").touch()
    (tmp_path / "inside" / "test.txt").mkdir(parents=True)
    assert find_split(tmp_path) is None
    (tmp_path / "tst.txt").touch()
    assert find_split(tmp_path) == (tmp_path / "train.txt", tmp_path / "tst.txt")
    (tmp_path / "tst.txt").rename(tmp_path / "filter_labels_test.txt")
    assert find_split(tmp_path) is None
    assert all(name == name.strip() for name in PUBLIC_DATASETS)


def test_a_path_that_is_no_folder_of_the_data_set(tmp_path: Path) -> None:
    archive = tmp_path / "Amazon670K.bow.zip"
    archive.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"unpacked to, but .*Amazon670K\.bow\.zip is a file: unpack it first"):
        fetch_dataset(NAME, archive)
    for folder in ("one", "two"):
        put(tmp_path / folder)
    with pytest.raises(ValueError, match=f"path must be the folder of .*, but {tmp_path} has several: one, two"):
        fetch_dataset(NAME, tmp_path)
    assert not list(tmp_path.rglob("SHA256SUMS"))
    shutil.rmtree(tmp_path / "two")
    fetch_dataset(NAME, tmp_path)  # whatever its name

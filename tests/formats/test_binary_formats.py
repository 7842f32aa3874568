"""Files of SciPy and of pyarrow: what they may hold, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from slidelearn.data import DataError, read_samples

X = sparse.csr_array(np.array([[1, 0, 2], [0, 0, 0]], np.float32))
Y = sparse.csr_array(np.array([[0, 1], [1, 0]], np.float32))


def refused(path: Path, **layout: Any) -> str:
    with pytest.raises(DataError, match="^" + re.escape(str(path.parent))) as caught:
        read_samples(path, **layout)
    return str(caught.value).removeprefix(str(path.parent) + "/")


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
def test_npz_of_any_kind(kind: str, tmp_path: Path) -> None:
    sparse.save_npz(tmp_path / "X.npz", X.astype(np.float64).asformat(kind))
    sparse.save_npz(tmp_path / "Y.npz", sparse.csr_matrix(3 * Y.astype(np.int64)))
    found = read_samples(tmp_path / "X.npz")
    assert found.X is not None
    assert found.X.toarray().tolist() == X.toarray().tolist()
    assert found.Y.toarray().tolist() == Y.toarray().tolist()


def test_what_npz_refuses(tmp_path: Path) -> None:
    path = tmp_path / "X.npz"
    sparse.save_npz(path, X)
    with pytest.raises(FileNotFoundError, match=r"Y\.npz"):
        read_samples(path)
    assert read_samples(path, with_labels=False).Y.shape == (2, 0)
    sparse.save_npz(tmp_path / "Y.npz", Y[:1])
    assert refused(path) == f"Y.npz: expected as many samples as {path} has (2), but found 1"
    sparse.save_npz(tmp_path / "Y.npz", -Y)
    assert refused(path).startswith("Y.npz: Y must not be negative")
    sparse.save_npz(path, X * np.float32(np.inf))
    assert refused(path) == "X.npz: X must be finite in float32, but at row 0, column 0 it is inf"
    np.savez(path, format=np.array(b"csr"), shape=(2, 3), data=np.ones(1), indices=np.array([7]), indptr=[0, 1, 1])
    assert refused(path).startswith("X.npz: X must be a valid CSR matrix, but ")
    np.savez(path, X=np.eye(2))
    assert refused(path).startswith("X.npz: expected a file of scipy.sparse.save_npz, but ")
    np.savez(tmp_path / "features.npz", X=np.eye(2))
    assert refused(tmp_path / "features.npz").startswith("features.npz: expected a name with an X by itself, such as")


@pytest.fixture(params=["a.parquet", "a.arrow"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Writes a table of pyarrow; returns the path."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.ipc
    import pyarrow.parquet

    def write_table(table: Any) -> Path:
        path = tmp_path / request.param
        if path.suffix == ".parquet":
            pyarrow.parquet.write_table(table, path, row_group_size=2)
        else:
            with pa.ipc.new_file(path, table.schema) as out:
                out.write_table(table, max_chunksize=2)
        return path

    return write_table


def test_lists_as_others_write_them(write: Any) -> None:
    """Any integers and floats, in any order, with repetitions and nulls, sliced; no metadata."""
    import pyarrow as pa

    table = pa.table(
        {
            "id": ["left out", "a", "b", "c"],
            "features": pa.array([[9], [2, 0, 2], None, []], pa.large_list(pa.int64())),
            "values": pa.array([[9.0], [1, 0.5, 1], [], None], pa.list_(pa.float64())),
            "labels": pa.array([[9], [3, 1, 3], [], None], pa.list_(pa.uint8())),
        }
    )[1:]
    path = write(table)
    found = read_samples(path)
    assert found.X is not None
    assert found.X.toarray().tolist() == [[0.5, 0, 2], [0, 0, 0], [0, 0, 0]]
    assert found.Y.toarray().tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert read_samples(path, n_features=5, n_labels=6).Y.shape == (3, 6)
    assert read_samples(write(table.drop_columns(["labels", "values"])), with_labels=False).X.data.tolist() == [1, 2]


def test_texts_as_others_write_them(write: Any) -> None:
    import pyarrow as pa

    table = pa.table({"text": ["one", None, "three"], "labels": pa.array([["b", "a", "b"], None, []]), "n": [1, 2, 3]})
    found = read_samples(write(table))
    assert (found.texts, found.label_names) == (["one", "", "three"], ["a", "b"])
    table = pa.table({"title": pa.array(["one", "two"], pa.large_string()), "subjects": ["b|a", ""]})
    found = read_samples(write(table), text_column="title", label_column="subjects", label_separator="|")
    assert (found.texts, found.label_names) == (["one", "two"], ["a", "b"])


def test_what_arrow_refuses(write: Any) -> None:
    import pyarrow as pa

    ids = [[1], [2], [0, 1]]
    floats = pa.array([[1.0], [2.0], [3.0, 4.0]])
    with_counts = pa.table({"features": ids, "labels": ids}).replace_schema_metadata({"n_features": "2"})
    for table, expected in (
        (pa.table({"features": ids}), ": expected a column 'labels', but found 'features'"),
        (pa.table({"features": [1], "labels": [[1]]}), ": features must be lists of numbers, but are int64"),
        (pa.table({"features": floats, "labels": ids}), ": features must be lists of numbers, but are list<"),
        (pa.table({"features": ids, "labels": [["a"], [], []]}), ": labels must be lists of numbers, but are list<"),
        (pa.table({"features": [[1], [], [1, -1]], "labels": ids}),
         ", row 2 (counting from 0): features: ids must lie in [0, 2147483647), but one is -1"),
        (with_counts, ", row 1 (counting from 0): features: ids must lie in [0, 2), but one is 2"),
        (with_counts.replace_schema_metadata({"n_features": "-2"}), ": n_features in the metadata must be a count"),
        (pa.table({"features": ids, "labels": ids, "values": [[1.0], [2.0], [3.0]]}),
         ", row 2 (counting from 0): values must be as many as features, but are not"),
        (pa.table({"features": ids, "labels": ids, "values": [[1.0], [2.0], [3.0, float("nan")]]}),
         ", row 2 (counting from 0): values must be finite in float32, but one is nan"),
        (pa.table({"features": ids, "labels": ids, "values": [[1.0], [2.0], [1e39, 0]]}),
         ", row 2 (counting from 0): values must be finite in float32, but one is inf"),
        (pa.table({"features": ids, "labels": [[], [1, None], []]}),
         ", row 1 (counting from 0): labels must have no nulls"),
        (pa.table({"title": ["a"], "labels": [["a"]]}),
         ": expected the column 'text' or 'features', but found 'title', 'labels'; text_column, or --layout"),
        (pa.table({"text": [b"a"], "labels": [["a"]]}),
         ", row 0 (counting from 0): expected a string as 'text', but found b'a'"),
        (pa.table({"text": ["a"], "labels": [[1.5]]}),
         ", row 0 (counting from 0): expected a list of labels, but found [1.5]"),
    ):  # fmt: skip
        path = write(table)
        assert refused(path).startswith(path.name + expected)

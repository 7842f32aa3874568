from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import scipy.sparse as sp

from slidelearn.matrices import check_features, check_labels, check_same_length, normalize_rows

DENSE = np.array([[0, 2, 0.5], [0, 0, 0], [1, 0, 3]], np.float32)
FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]
CHECKS = pytest.mark.parametrize("check", [check_features, check_labels])


@CHECKS
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint64, np.bool_])
def test_takes_any_sparse_matrix(check, kind, format, dtype):
    dense = (2 * DENSE).astype(dtype)
    given = getattr(sp, f"{format}_{kind}")(dense)
    before = copy.deepcopy(given)
    result = check(given)
    assert isinstance(result, sp.csr_array)
    assert (result.dtype, result.indices.dtype) == (np.float32, np.int32)
    np.testing.assert_array_equal(result.toarray(), dense if check is check_features else dense != 0)
    assert (before != given).nnz == 0


@CHECKS
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.int64, np.bool_])
def test_takes_dense_arrays_and_lists(check, dtype):
    dense = (2 * DENSE).astype(dtype)
    expected = dense.astype(np.float32) if check is check_features else dense != 0
    np.testing.assert_array_equal(check(dense).toarray(), expected)
    np.testing.assert_array_equal(check(dense.tolist()).toarray(), expected)
    np.testing.assert_array_equal(check(np.asfortranarray(dense)).toarray(), expected)


def unsorted_with_duplicates(index_type):
    indices, indptr = np.array([2, 0, 2, 1], index_type), np.array([0, 3, 4], index_type)
    return sp.csr_array((np.array([1, 5, 2, 4], np.float32), indices, indptr), shape=(2, 3))


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_sorts_and_sums_without_changing_what_it_was_given(index_type):
    X = unsorted_with_duplicates(index_type)
    flags_before = dict(vars(X))
    result = check_features(X)
    np.testing.assert_array_equal(result.toarray(), [[5, 0, 3], [0, 4, 0]])
    assert result.has_canonical_format
    assert result.indices.dtype == np.int32
    assert X.indices.tolist() == [2, 0, 2, 1]
    assert vars(X) == flags_before
    np.testing.assert_array_equal(check_labels(X).toarray(), [[1, 0, 1], [0, 1, 0]])


def test_what_is_in_order_is_told_whatever_its_flags_say():
    X = sp.csr_array(DENSE)
    X.has_canonical_format = False
    result = check_features(X)
    assert result is not X
    assert np.shares_memory(result.data, X.data)
    assert result.has_canonical_format
    X.indices[:2] = 2, 1  # unsorted now, while the flags of others may say that they are sorted
    X.has_canonical_format = True
    np.testing.assert_array_equal(check_features(X).indices, [1, 2, 0, 2])


def test_explicit_zeros_stay_features_but_are_no_labels():
    given = sp.csr_array((np.array([0.0, 2.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 3))
    assert check_features(given).nnz == 2
    assert check_labels(given).indices.tolist() == [1]
    assert given.nnz == 2


X_REMEDY = "a single sample is X.reshape(1, -1)"
Y_REMEDY = "lists of labels become one by sklearn.preprocessing.MultiLabelBinarizer(sparse_output=True)"
X_RULE = "X must be 2-d, (n_samples, n_features), but has shape"
Y_RULE = "Y must not be negative (non-zero means relevant; negative weights are refused)"
RAGGED = "must be an array or sparse matrix"
FINITE = "X must be finite in float32, but"
OUT_OF_BOUNDS = sp.csr_array(np.eye(2, dtype=np.float32))
OUT_OF_BOUNDS.indices[1] = 7


@pytest.mark.parametrize(
    ("check", "given", "message"),
    [
        (check_features, np.ones(3), f"{X_RULE} (3,); {X_REMEDY}"),
        (check_features, np.ones((1, 2, 3)), f"{X_RULE} (1, 2, 3); {X_REMEDY}"),
        (check_features, sp.coo_array(np.ones(3)), f"{X_RULE} (3,); {X_REMEDY}"),
        (check_features, 5, f"{X_RULE} (); {X_REMEDY}"),
        (check_features, [[1, 2], [3]], f"X {RAGGED} (n_samples, n_features), but is ragged; {X_REMEDY}"),
        (check_features, [["a", "b"]], "X must hold real numbers, but its dtype is <U1"),
        (check_features, [[1j]], "X must hold real numbers, but its dtype is complex128"),
        (check_features, np.array([[None]]), "X must hold real numbers, but its dtype is object"),
        (check_features, [[0, 1], [0, np.nan]], f"{FINITE} at row 1, column 1 it is nan"),
        (check_features, sp.csc_array([[0.0, -np.inf], [np.nan, 0]]), f"{FINITE} at row 0, column 1 it is -inf"),
        (check_features, [[0, 1e39]], f"{FINITE} at row 0, column 1 it is inf"),
        (check_features, sp.csr_array([[0, 1e39]]), f"{FINITE} at row 0, column 1 it is inf"),
        (check_features, OUT_OF_BOUNDS, "X must be a valid CSR matrix, but indices must be < 2"),
        (check_features, sp.coo_array((1, 2**31)), "X must have at most 2147483647 columns, but has 2147483648"),
        (check_labels, np.ones(3), f"Y must be 2-d, (n_samples, n_labels), but has shape (3,); {Y_REMEDY}"),
        (check_labels, [[1], [2, 3]], f"Y {RAGGED} (n_samples, n_labels), but is ragged; {Y_REMEDY}"),
        (check_labels, [["a"], ["b"]], f"Y must hold real numbers, but its dtype is <U1; {Y_REMEDY}"),
        (check_labels, [[0, 1], [0, np.nan]], "Y must be finite, but at row 1, column 1 it is nan"),
        (check_labels, [[0, 1], [-2, 0]], f"{Y_RULE}, but at row 1, column 0 it is -2"),
    ],
)  # fmt: skip
def test_refuses(check, given, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        check(given)


def test_the_name_in_messages_can_be_chosen():
    with pytest.raises(ValueError, match=r"^X_test must be 2-d.* X_test.reshape\(1, -1\)$"):
        check_features(np.ones(3), name="X_test")


def test_lengths_must_agree():
    check_same_length(check_features(np.ones((2, 3))), check_labels(np.ones((2, 5))))
    with pytest.raises(ValueError, match=r"^X and Y must have one row per sample, but X has 2 and Y has 4$"):
        check_same_length(check_features(np.ones((2, 3))), check_labels(np.ones((4, 5))))


def test_normalizes_rows_and_leaves_zeros():
    X = check_features([[3, 4, 0], [0, 0, 0], [1e-30, 0, 0], [1e30, 1e30, 0]])
    before = X.data.copy()
    result = normalize_rows(X)
    half = np.float32(np.sqrt(0.5))
    np.testing.assert_array_equal(
        result.toarray(), np.array([[0.6, 0.8, 0], [0] * 3, [1, 0, 0], [half, half, 0]], np.float32)
    )
    assert result.dtype == np.float32
    np.testing.assert_array_equal(X.data, before)


def test_normalizes_explicit_zeros_to_zeros():
    X = sp.csr_array((np.zeros(1, np.float32), np.array([1]), np.array([0, 1, 1])), shape=(2, 3))
    np.testing.assert_array_equal(normalize_rows(X).toarray(), np.zeros((2, 3)))

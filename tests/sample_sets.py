"""Sample sets for the tests of formats, and comparing them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from slidelearn.formats import SampleSet


def with_features(rng: np.random.Generator, n: int = 40) -> SampleSet:
    """Samples of which some have no features, some no labels, and some neither; one value is 0, one is tiny."""
    X = rng.random((n, 9), np.float32) * (rng.random((n, 9)) < 0.3)
    Y = rng.random((n, 7)) < 0.2
    X[0, 0], X[0, 1] = 1e-45, -1e38
    X[3:5] = X[-1] = Y[4:6] = Y[-1] = 0
    features = sparse.csr_array(X.astype(np.float32))
    features.data[2] = 0  # which is not the same as no value
    return SampleSet(sparse.csr_array(Y.astype(np.float32)), features)


TEXTS = ["a red fox", "", 'says "no", twice', "Ääkköset, 漢字", " blanks around ", "[not a list]", "#1"]
NAMES = [["animal", "red"], [], ["comma, inside"], ["semi;colon", "animal"], ["[list]", '"quoted"'], ["é"], []]


def with_texts() -> SampleSet:
    """Texts and names that formats have to quote."""
    names = sorted({name for names in NAMES for name in names})
    Y = np.array([[name in row for name in names] for row in NAMES], np.float32)
    return SampleSet(sparse.csr_array(Y), texts=TEXTS, label_names=names)


def assert_same(a: SampleSet, b: SampleSet) -> None:
    """The same bits, in the same form."""
    for x, y in ((a.X, b.X), (a.Y, b.Y), (a.unjudged, b.unjudged)):
        assert (x is None) == (y is None)
        if x is not None and y is not None:
            assert isinstance(x, sparse.csr_array)
            assert (x.shape, x.dtype, x.indices.dtype, x.indptr.dtype) == (y.shape, np.float32, np.int32, np.int32)
            assert x.has_canonical_format
            np.testing.assert_array_equal(x.indptr, y.indptr)
            np.testing.assert_array_equal(x.indices, y.indices)
            np.testing.assert_array_equal(x.data.view(np.uint32), y.data.view(np.uint32))
    assert (a.texts, a.label_names) == (b.texts, b.label_names)

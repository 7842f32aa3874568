from __future__ import annotations

import re
from importlib import resources

import numpy as np
import pytest

from slidelearn.datasets import load_dataset, readable_label

SIZES = {"wordnet-tiny": (2589, 608, 3546, 413), "wordnet-hyper": (83322, 11986, 44550, 19584)}


@pytest.fixture(scope="module", params=SIZES)
def dataset(request):
    return load_dataset(request.param)


def test_sizes(dataset):
    n_train, n_test, n_features, n_labels = SIZES[dataset.name]
    assert dataset.X_train.shape == (n_train, n_features)
    assert dataset.Y_train.shape == (n_train, n_labels)
    assert dataset.X_test.shape == (n_test, n_features)
    assert dataset.Y_test.shape == (n_test, n_labels)
    assert len(dataset.train_texts) == n_train
    assert len(dataset.test_texts) == n_test
    assert len(set(dataset.label_names)) == n_labels
    assert len(set(dataset.feature_names)) == n_features


def test_rows_have_length_one_and_labels(dataset):
    for X in (dataset.X_train, dataset.X_test):
        np.testing.assert_allclose(np.sqrt(X.multiply(X).sum(axis=1)), 1, atol=2e-5)
    for Y in (dataset.Y_train, dataset.Y_test):
        assert np.diff(Y.indptr).min() >= 1
    assert np.bincount(dataset.Y_train.indices).min() >= 1


def test_texts_stand_beside_their_features(dataset):
    row = dataset.X_test[[1]].indices
    words = {dataset.feature_names[feature] for feature in row}
    assert words <= set(re.findall("[a-z0-9]+", dataset.test_texts[1].lower()))


def test_the_whole_set_matches_its_published_statistics():
    data = load_dataset("wordnet-hyper")
    assert data.Y_train.nnz / 83322 == pytest.approx(4.098, abs=5e-4)
    assert data.X_train.nnz / 83322 == pytest.approx(11.17, abs=5e-3)
    assert np.bincount(data.Y_train.indices).max() == 7049
    assert data.label_names[2] == "n00002137 abstraction, abstract entity"


def test_names_are_read_once(dataset):
    assert dataset.label_names is dataset.label_names


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match=r"^name must be one of wordnet-hyper, wordnet-tiny, but is 'wordnet'; fetch_"):
        load_dataset("wordnet")


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("n00002137 abstraction, abstract entity", "abstraction"),
        ("n00001740 entity", "entity"),
        ("n00001930 physical entity", "physical entity"),
    ],
)
def test_readable_label(name, readable):
    assert readable_label(name) == readable


def test_the_licence_comes_along():
    licence = (resources.files("slidelearn") / "shipped_data" / "LICENSE").read_text(encoding="utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in licence

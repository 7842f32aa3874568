from __future__ import annotations

import pytest

from slidelearn import SlideClassifier, load_dataset
from slidelearn.datasets import Dataset


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """WordNet-Tiny: 2,589 training samples, 413 labels."""
    return load_dataset("wordnet-tiny")


@pytest.fixture
def trained(tiny: Dataset) -> SlideClassifier:
    """A small model of the recipe."""
    return SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1).fit(tiny.X_train, tiny.Y_train)

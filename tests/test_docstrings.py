"""The examples in docstrings run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from slidelearn import estimator, metrics, text_classifier


@pytest.mark.parametrize("module", [estimator, metrics, text_classifier], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    n_failed, n_tried = doctest.testmod(module)
    assert n_tried
    assert not n_failed

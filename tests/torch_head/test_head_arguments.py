"""What a head refuses, and how it says so."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from heads import LABELS, N_LABELS, SlideOutput, make, torch
from scipy import sparse

from slidelearn.torch import head as head_module

X = torch.zeros(3, 10)
WRONG_BATCHES: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "integers": (X.long(), LABELS[:3], TypeError, "hidden must be a tensor of a floating dtype"),
    "width": (X[:, 1:], LABELS[:3], ValueError, r"hidden must have the shape \(n_samples, 10\), but has \(3, 9\)"),
    "place": (X.to("meta"), LABELS[:3], ValueError, "hidden must be on the CPU, where the head is, but is on meta"),
    "length": (X, LABELS, ValueError, r"labels must be of as many samples as hidden \(3\), but are of 6"),
    "range": (X, torch.tensor([1, 2, -2]), ValueError, r"labels must lie in \[0, 40\), or be -1 for none, .* has -2"),
    "floats": (X, torch.zeros(3), TypeError, "labels must be a tensor of integers, .* of the dtype float32"),
    "indicator": (
        X,
        torch.eye(3, 40).long(),
        ValueError,
        "a column of 0 and 1 for each of the 40 labels: scipy",
    ),
    "list": (X, [[1], [2], [3]], TypeError, "labels must be a tensor of integers, .* of the type list"),
    "columns": (X, sparse.csr_array((3, 41)), ValueError, "labels must have 40 columns, one per label, but has 41"),
}


@pytest.mark.parametrize(("hidden", "labels", "kind", "message"), WRONG_BATCHES.values(), ids=WRONG_BATCHES)
def test_wrong_batches_are_refused(hidden: Any, labels: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make()(hidden, labels)


WRONG_OPTIONS = {
    "update": ({"update": "mine"}, "update must be 'own' or 'torch', but is 'mine'"),
    "sampler": ({"sampler": "lsh"}, "sampler must be of batch, memory, uniform, frequency, full in a head"),
    "rate": ({"learning_rate": -1.0}, "learning_rate must be > 0\\.0, but is -1.0"),
    "whose": ({"update": "torch", "learning_rate": 0.1}, "learning_rate must be left out with update='torch'"),
    "memory": ({"sampler": "batch+memory"}, "sampler 'memory' needs n_samples"),
    "frequency": ({"sampler": "frequency"}, "sampler 'frequency' needs label_counts"),
    "counts": ({"label_counts": [1] * N_LABELS}, "label_counts needs n_samples"),
    "length": ({"label_counts": [1, 2], "n_samples": 3}, r"label_counts must be integers >= 0, one per label \(40\)"),
    "threads": ({"n_jobs": 0}, r"n_jobs must be an integer in \[1, 2\^31\), but is 0"),
}


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_what_does_not_fit_in_memory_is_refused() -> None:
    with pytest.raises(MemoryError, match=r"SlideOutput needs .* GB, but .* GB are free; choose fewer in_features"):
        SlideOutput(2**20, 2**30)


def test_the_docstrings_example_runs() -> None:
    n_failed, n_tried = doctest.testmod(head_module)
    assert n_tried
    assert not n_failed

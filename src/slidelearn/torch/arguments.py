"""What a head is given, checked: options, and as arrays hidden vectors, labels, sample numbers and counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from slidelearn.batches import to_csr
from slidelearn.config import Config, make_config
from slidelearn.kernels import NO_DATA, Csr, Float
from slidelearn.matrices import check_labels

NO_LABEL = (-1, -100)
"""What stands for none: padding, and what ``torch.nn.CrossEntropyLoss`` ignores."""

_FORMS = (
    "labels must be a tensor of integers, (n_samples,) with one label each or (n_samples, n) with up to n, "
    "-1 for none, or a SciPy sparse matrix (n_samples, n_labels)"
)


_SAMPLERS = ("batch", "memory", "uniform", "frequency", "full")
_OF_OWN_UPDATE = ("optimizer", "state_precision", "learning_rate", "beta_1", "beta_2", "epsilon")


def config_of_head(given: Mapping[str, Any], update: str) -> Config:
    """The options of a head with this update; those that are not given have their defaults.

    Raises
    ------
    ValueError
        For an option against its rule, or one that such a head has no use for.
    """
    if update not in ("own", "torch"):
        raise ValueError(f"update must be 'own' or 'torch', but is {update!r}")
    if update == "torch" and given.keys() & set(_OF_OWN_UPDATE):
        first = next(name for name in _OF_OWN_UPDATE if name in given)
        raise ValueError(f"{first} must be left out with update='torch': the user's optimizer has its own")
    config = make_config(**given)
    if "lsh" in config.samplers:
        raise ValueError(f"sampler must be of {', '.join(_SAMPLERS)} in a head, but is {given['sampler']!r}")
    return config


def check_size(name: str, value: Any) -> int:
    """A number of things, at least one.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value < 2**31:
        raise ValueError(f"{name} must be an integer in [1, 2^31), but is {value!r}")
    return int(value)


def array_of_hidden(hidden: Any, in_features: int) -> Float:
    """The vectors as float32; of that dtype, they share their memory.

    Raises
    ------
    TypeError, ValueError
        If they are of another dtype, place or shape.
    """
    if not isinstance(hidden, Tensor) or not hidden.is_floating_point():
        raise TypeError(f"hidden must be a tensor of a floating dtype, but is {described(hidden)}")
    if hidden.device.type != "cpu":
        raise ValueError(f"hidden must be on the CPU, where the head is, but is on {hidden.device}: use hidden.cpu()")
    if hidden.ndim != 2 or hidden.shape[1] != in_features:
        raise ValueError(f"hidden must have the shape (n_samples, {in_features}), but has {tuple(hidden.shape)}")
    array: Float = hidden.detach().to(torch.float32).contiguous().numpy()
    return array


def rows_of_labels(labels: Any, n_samples: int, n_labels: int) -> Csr:
    """The labels of each sample, ascending, each once.

    Raises
    ------
    TypeError, ValueError
        If they are of another form, of more or fewer samples, or out of range.
    """
    if sparse.issparse(labels):
        matrix = check_labels(labels, name="labels")
        if matrix.shape[1] != n_labels:
            raise ValueError(f"labels must have {n_labels} columns, one per label, but has {matrix.shape[1]}")
        rows = to_csr(matrix, pattern_only=True)
    else:
        rows = _of_integers(_integers(labels), n_labels)
    if rows.n_rows != n_samples:
        raise ValueError(f"labels must be of as many samples as hidden ({n_samples}), but are of {rows.n_rows}")
    return rows


def _integers(labels: Any) -> NDArray[Any]:
    if isinstance(labels, Tensor) and labels.layout == torch.strided:
        labels = labels.detach().cpu().numpy()
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise TypeError(f"{_FORMS}, but is {described(labels)}")
    if labels.ndim not in (1, 2):
        raise ValueError(f"{_FORMS}, but has the shape {labels.shape}")
    return labels


def _of_integers(labels: NDArray[Any], n_labels: int) -> Csr:
    if labels.shape[1:] == (n_labels,) and n_labels > 2 and labels.size and 0 <= labels.min() <= labels.max() <= 1:
        raise ValueError(
            f"labels must be numbers of labels, but are a column of 0 and 1 for each of the {n_labels} labels: "
            "scipy.sparse.csr_array(labels) is taken for that"
        )
    table = np.sort(labels.reshape(len(labels), -1) if labels.size else labels.reshape(len(labels), 0), axis=1)
    there = ~np.isin(table, NO_LABEL)
    wrong = there & ((table < 0) | (table >= n_labels))
    if wrong.any():
        sample = int(np.argmax(wrong.any(axis=1)))
        raise ValueError(
            f"labels must lie in [0, {n_labels}), or be -1 for none, but sample {sample} of the batch has "
            f"{table[sample][wrong[sample]][0]}"
        )
    there[:, 1:] &= table[:, 1:] != table[:, :-1]
    indptr = np.zeros(len(table) + 1, np.int64)
    np.cumsum(there.sum(axis=1), out=indptr[1:])
    return Csr(indptr, table[there].astype(np.int32), NO_DATA)


def array_of_sample_ids(sample_ids: Any, n_samples: int, n_training: int) -> NDArray[np.int64]:
    """The numbers of samples of a batch in the training set.

    Raises
    ------
    ValueError
        If they are not one for each, or out of range.
    """
    numbers = np.asarray(sample_ids)
    if numbers.dtype.kind not in "iu" or numbers.shape != (n_samples,):
        raise ValueError(f"sample_ids must be integers, one per sample ({n_samples}), but are {described(numbers)}")
    if n_samples and not 0 <= numbers.min() <= numbers.max() < n_training:
        raise ValueError(f"sample_ids must lie in [0, {n_training}), but reach from {numbers.min()} to {numbers.max()}")
    return numbers.astype(np.int64)


def array_of_counts(counts: Any, n_labels: int) -> NDArray[np.int64]:
    """The number of training samples of each label, in an array of their own.

    Raises
    ------
    ValueError
        If they are not one for each, or negative.
    """
    array = np.asarray(counts)
    if array.shape != (n_labels,) or array.dtype.kind not in "iu" or array.min() < 0:
        raise ValueError(f"label_counts must be integers >= 0, one per label ({n_labels}), but are {described(array)}")
    return np.array(array, np.int64)


def described(value: Any) -> str:
    """What somebody has passed, for a message."""
    if isinstance(value, Tensor) and value.layout != torch.strided:
        return f"a tensor of the layout {value.layout}"
    if isinstance(value, Tensor | np.ndarray):
        return f"of the dtype {value.dtype} and the shape {tuple(value.shape)}"
    return f"of the type {type(value).__name__}"


def tensor_of(array: NDArray[Any]) -> Tensor:
    """A tensor in the same memory; arrays of uint16 hold the bits of bfloat16, which NumPy lacks."""
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if array.dtype == np.uint16 else tensor

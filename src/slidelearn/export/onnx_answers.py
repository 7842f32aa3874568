"""Answers of a graph that `to_onnx` wrote, by ONNX Runtime: to judge it, and to show how it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.extras import import_extra
from slidelearn.kernels import Float
from slidelearn.machine.resources import resolve_threads
from slidelearn.matrices import FloatCsr, check_features

N_FEATURES = "n_features"
"""What a graph calls the number of columns that X must have, among its properties."""
_BATCH = 256


def onnx_top_k(path: str | Path, X: Any, *, n_jobs: int | None = None) -> tuple[NDArray[np.int64], Float]:
    """The best labels of each sample by the graph in a file.

    Parameters
    ----------
    path
        What `to_onnx` wrote.
    X
        (n_samples, n_features), as `SlideClassifier.predict_topk` takes it.
    n_jobs
        Threads; None: all processors.

    Returns
    -------
    labels, scores
        (n_samples, k) int64 and float32, best first.

    Raises
    ------
    ValueError
        If X has another number of columns than the model knew.
    ImportError
        Without the package onnxruntime (extra `onnx`).
    """
    runtime = import_extra("onnxruntime", "onnx", "slidelearn export")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = resolve_threads(n_jobs)
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    X = check_features(X)
    n_columns = session.get_modelmeta().custom_metadata_map.get(N_FEATURES)
    if n_columns is not None and X.shape[1] != int(n_columns):
        raise ValueError(f"X must have {n_columns} columns, as the model in {path} knew them, but has {X.shape[1]}")
    is_sparse = any(one.name == "ids" for one in session.get_inputs())
    k = session.get_outputs()[0].shape[1]
    labels, scores = np.empty((X.shape[0], k), np.int64), np.empty((X.shape[0], k), np.float32)
    for begin in range(0, X.shape[0], _BATCH):
        part = X[begin : begin + _BATCH]
        given = padded_features(part) if is_sparse else {"X": part.toarray()}
        rows = slice(begin, begin + _BATCH)
        labels[rows], scores[rows] = session.run(["labels", "scores"], given)
    return labels, scores


def padded_features(X: FloatCsr) -> dict[str, NDArray[Any]]:
    """The features of each sample, filled up with id 0 and value 0."""
    lengths = np.diff(X.indptr)
    shape = (X.shape[0], max(int(lengths.max(initial=0)), 1))
    places = np.arange(shape[1]) < lengths[:, None]
    ids, values = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    ids[places], values[places] = X.indices, X.data
    return {"ids": ids, "values": values}

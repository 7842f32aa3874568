"""A training judged by more than precision: all metrics, each kind of evidence by itself, rare labels by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import Job
from numpy.typing import NDArray
from training_job import read_set

from slidelearn import SlideClassifier
from slidelearn.inference import top_k
from slidelearn.kernels import Ids
from slidelearn.matrices import FloatCsr, normalize_rows, raise_values
from slidelearn.metrics import evaluate, precision_standard_error, propensities
from slidelearn.model.model import Member

NO_CLASSIFIERS = "no classifiers (same model)"
EVIDENCE: Mapping[str, tuple[int, int, int]] = {
    "all": (1, 1, 1),
    "network alone": (1, 0, 0),
    "ranker alone": (0, 1, 1),
    NO_CLASSIFIERS: (1, 0, 1),
    "no neighbours (same model)": (1, 1, 0),
}
"""Which of the network, the classifiers and the neighbours order the network's shortlist."""

FREQUENCIES: Mapping[str, tuple[int, float]] = {
    "1-2": (1, 2),
    "3-10": (3, 10),
    "11-100": (11, 100),
    "over 100": (101, np.inf),
}
"""Training samples of a label, from and to."""

N_ANSWERS = 20


def train(job: Job, data: Path | None) -> dict[str, Any]:
    """Train on a data set with the job's options, and judge the answers."""
    return train_on(job, read_set(job["data_set"], data, job["threads"]))


def train_on(
    job: Job, samples: tuple[FloatCsr, FloatCsr, FloatCsr, FloatCsr], propensity: tuple[float, float] = (0.55, 1.5)
) -> dict[str, Any]:
    """Train with the job's options, and judge the answers; if the job says so, those by less evidence, too.

    Parameters
    ----------
    samples
        X_train, Y_train, X_test, Y_test.
    propensity
        A and B of the data set.
    """
    X, Y, X_test, Y_test = samples
    clf = SlideClassifier(random_state=job["seed"], n_jobs=job["threads"], **job["options"]).fit(X, Y)
    inverse_propensities = 1 / propensities(Y, *propensity)
    ids, _ = clf.predict_topk(X_test, k=min(N_ANSWERS, Y.shape[1]))
    result = {
        "n_labels": Y.shape[1],
        **clf.training_,
        "sampler": clf.config_.sampler,
        **evaluate(ids, Y_test, inverse_propensities),
        "p@1_error": precision_standard_error(ids, Y_test),
    }
    if job.get("by_evidence"):
        counts = np.bincount(Y.indices, minlength=Y.shape[1])
        result["evidence"] = {}
        for name, ids in _answers_by_evidence(clf, X_test, job["threads"]):
            judged = evaluate(ids, Y_test, inverse_propensities) | _recall_by_frequency(ids, Y_test, counts)
            result["evidence"][name] = judged | {"p@1_error": precision_standard_error(ids, Y_test)}
    return result


def _answers_by_evidence(clf: SlideClassifier, X: FloatCsr, n_threads: int) -> Iterator[tuple[str, Ids]]:
    ranker = clf.ranker_
    X = normalize_rows(raise_values(X, clf.config_.feature_power))
    k = min(N_ANSWERS, clf.n_labels_)
    for name, weights in EVIDENCE.items():
        weighed = replace(ranker, blend=ranker.blend * np.array([*weights, 1, 1], np.float32), refinement=None)
        weighed = ranker if name == "all" else weighed
        yield name, top_k([Member(clf.networks_, weighed)], X, k, neighbours=clf.neighbours_, n_threads=n_threads)[0]


def _recall_by_frequency(ids: Ids, Y: FloatCsr, counts: NDArray[np.int64]) -> dict[str, Any]:
    """Share of the labels found among the first five, and how many there are, by frequency in training."""
    sample = np.repeat(np.arange(Y.shape[0]), np.diff(Y.indptr))
    found = (ids[sample, :5] == Y.indices[:, None]).any(axis=1)
    count = counts[Y.indices]
    among = {name: (count >= least) & (count <= most) for name, (least, most) in FREQUENCIES.items()}
    return {
        "recall_by_frequency": {
            name: float(found[here].mean()) if here.any() else None for name, here in among.items()
        },
        "n_by_frequency": {name: int(here.sum()) for name, here in among.items()},
    }

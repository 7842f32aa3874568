"""Every part of SLIDE, chosen by name: each variant trains, learns, and answers through its tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from slidelearn import SlideClassifier
from slidelearn.datasets import Dataset

PAPER: dict[str, Any] = {
    "preset": "paper",
    "n_epochs": 8,
    "min_active": 50,
    "lsh_candidates": 100,
    "learning_rate": 0.01,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "recipe": {},
    "recipe, no memory": {"sampler": "batch"},
    "recipe and tables": {"sampler": "batch+memory+lsh"},
    "recipe, sampled hidden layer": {"hidden_sizes": (64, 512), "hidden_active": (0, 60)},
    "recipe, one-vs-all": {"loss": "logistic"},
    "recipe, Adam": {"optimizer": "adam", "learning_rate": 0.01},
    "recipe, Adam, moments of 16 bits": {"optimizer": "adam", "learning_rate": 0.01, "state_precision": "bf16"},
    "recipe, SGD": {"optimizer": "sgd", "learning_rate": 1.0},
    "recipe, cosine schedule": {"learning_rate_schedule": "cosine", "warmup_fraction": 0.1, "label_init": "random"},
    "uniform": {"sampler": "uniform", "n_negatives": 100},
    "uniform per sample": {"sampler": "uniform", "active_set": "per_sample", "n_negatives": 100},
    "frequency": {"sampler": "frequency", "n_negatives": 100},
    "frequency and memory per sample": {"sampler": "frequency+memory", "active_set": "per_sample"},
    "batch and tables per sample": {"sampler": "batch+lsh", "active_set": "per_sample"},
    "full": {"sampler": "full"},
    "paper, SimHash": PAPER,
    "paper, full softmax": {**PAPER, "sampler": "full", "active_set": "shared"},
    "paper, HOGWILD": {**PAPER, "deterministic": False, "learning_rate": 0.001},
    "paper, HOGWILD, moments of 16 bits": {
        **PAPER,
        "deterministic": False,
        "learning_rate": 0.001,
        "state_precision": "bf16",
    },
    "paper, centred and corrected": {**PAPER, "center_rows": True, "log_q_strength": 1.0, "lsh_selection": "topk"},
    "paper, completed norms": {**PAPER, "center_rows": True, "complete_norms": True, "lsh_selection": "topk"},
    "paper, incremental codes": {**PAPER, "incremental_codes": True, "rebuild_every": 5},
    "paper, WTA": {**PAPER, "hash_family": "wta", "hashes_per_table": 3},
    "paper, DWTA": {**PAPER, "hash_family": "dwta", "hashes_per_table": 3},
    "paper, DOPH": {**PAPER, "hash_family": "doph", "hashes_per_table": 2},
    "paper, threshold": {**PAPER, "lsh_selection": "threshold", "lsh_min_tables": 3},
    "paper, small buckets": {**PAPER, "bucket_size": 8, "insertion": "fifo", "n_buckets": 64},
    "paper, reservoir and redraws": {**PAPER, "bucket_size": 8, "rebuild_every": 5, "redraw_every": 2},
    "paper, two sampled layers": {
        **PAPER,
        "hidden_sizes": (64, 256),
        "hidden_active": (0, 64),
        "learning_rate": 0.01,
        "log_q_strength": 1.0,
    },
    "paper, two sampled layers, HOGWILD": {
        **PAPER,
        "hidden_sizes": (64, 256),
        "hidden_active": (0, 64),
        "deterministic": False,
        "learning_rate": 0.003,
        "n_epochs": 12,
        "log_q_strength": 1.0,
    },
    "paper, two sampled layers, moments of 16 bits": {
        **PAPER,
        "hidden_sizes": (64, 256),
        "hidden_active": (0, 64),
        "log_q_strength": 1.0,
        "state_precision": "bf16",
    },
}
POPULARITY = 0.10
"""P@1 of always naming the most frequent label."""


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_variant_learns(options: dict[str, Any], tiny: Dataset) -> None:
    clf = SlideClassifier(n_jobs=2, **options).fit(tiny.X_train, tiny.Y_train)
    assert clf.score(tiny.X_test, tiny.Y_test) > 2 * POPULARITY
    ids, scores = clf.predict_topk(tiny.X_test[:50], k=5, method="lsh")
    assert ((ids >= 0) == np.isfinite(scores)).all()
    exact, _ = clf.predict_topk(tiny.X_test[:50], k=tiny.Y_test.shape[1])
    assert set(np.unique(ids)) - {-1} <= set(np.unique(exact))


@pytest.mark.parametrize(
    "name", ["recipe and tables", "paper, SimHash", "paper, two sampled layers", "recipe, one-vs-all"]
)
def test_one_writer_gives_the_same_bits_at_any_number_of_threads(name: str, tiny: Dataset) -> None:
    options = {**VARIANTS[name], "n_epochs": 1}
    scores = [
        SlideClassifier(n_jobs=n, **options).fit(tiny.X_train, tiny.Y_train).predict_topk(tiny.X_test, k=20)[1]
        for n in (1, 2, 4)
    ]
    assert (scores[0] == scores[1]).all()
    assert (scores[0] == scores[2]).all()

"""The presets: sets of values of the options in `slidelearn.config`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "recipe": {},
    "quick": {
        "n_networks": 1,
        "hidden_sizes": (128,),
        "sampler": "batch",
        "n_epochs": 3,
        "shortlist_length": 20,
        "classifiers": "if_cheap",
        "pilot": False,
    },
    # section 4 and the supplement of the paper; the number of candidates and the learning rate are for outputs of tens
    # of thousands of labels
    "paper": {
        "hidden_sizes": (128,),
        "hidden_activation": "relu",
        "hidden_bias": True,
        "logits": "inner_product",
        "label_init": "random",
        "log_q_strength": 0.0,
        "sampler": "lsh",
        "feature_power": 1.0,
        "ranker": False,
        "pilot": False,
        "active_set": "per_sample",
        "min_active": 1000,
        "center_rows": False,
        "lsh_selection": "vanilla",
        "optimizer": "adam",
        "learning_rate": 0.002,
        "precision": "fp32",
        "learning_rate_schedule": "constant",
        "epsilon": 1e-8,
        "n_epochs": 8,
    },
}
RAISED_BY_DATA = frozenset({"shortlist_length"})
"""Options that stay open where a preset has a value for them: samples may call for more."""

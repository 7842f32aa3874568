"""Who is compared, with which settings: the cheapest to train first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A method with its settings."""

    module: str
    """Of this package."""
    environment: str | None
    """The environment that `install.py` made for it; None: the Python that slidelearn is installed in."""
    options: Mapping[str, Any] = field(default_factory=dict)
    options_of_set: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What is different on some data sets."""

    def on(self, data_set: str) -> dict[str, Any]:
        """The options on a data set."""
        return {**self.options, **self.options_of_set.get(data_set, {})}


OURS = "slidelearn"
"""What the others are compared with."""

PARABEL = {"cluster_k": 2, "cluster_balanced": True, "max_depth": 20}
"""Omikuji's defaults, but for the number of trees."""
BONSAI = {"cluster_k": 100, "cluster_balanced": False, "max_depth": 3}
"""As Omikuji's documentation has it."""
ONE_EPOCH = {"n_epochs": 1}
FOUR_EPOCHS = {"n_epochs": 4}

VARIANTS: Mapping[str, Variant] = {
    OURS: Variant("ours", None),
    "slidelearn, quick": Variant("ours", None, {"preset": "quick"}),
    "slidelearn, 3 networks": Variant("ours", None, {"n_networks": 3}),
    "slidelearn, 3 models": Variant("ours", None, {"n_models": 3}),
    "slidelearn, tail": Variant("ours", None, {"objective": "tail"}),
    "slidelearn, paper's SLIDE": Variant(
        "ours",
        None,
        {"preset": "paper", "hash_family": "simhash"},
        {"YSO-Finna-en": ONE_EPOCH, "Diginetica": ONE_EPOCH, "YSO-Related-3lang": ONE_EPOCH},
    ),
    "Omikuji Parabel, 1 tree": Variant("omikuji", "omikuji", {**PARABEL, "n_trees": 1}),
    "PECOS XR-Linear": Variant("pecos", "pecos", {"negative_sampling": "tfn", "threshold": 0.1, "beam_size": 10}),
    "Omikuji Parabel, 3 trees": Variant("omikuji", "omikuji", {**PARABEL, "n_trees": 3}),
    "nearest centroid": Variant("centroid", None),
    "nearest neighbours": Variant("neighbours", None, {"n_neighbours": 50}),
    "fastText": Variant("fasttext", "fasttext", {"loss": "hs", "lr": 0.5, "epoch": 25, "dim": 100, "bucket": 0}),
    "napkinXC PLT, 1 tree": Variant("napkinxc", "napkinxc", {"ensemble": 1}),
    "Omikuji Bonsai, 1 tree": Variant("omikuji", "omikuji", {**BONSAI, "n_trees": 1}),
    "PECOS XR-Linear, tuned": Variant(
        "pecos", "pecos", {"negative_sampling": "tfn+man", "threshold": 0.01, "beam_size": 20}
    ),
    "napkinXC PLT, 3 trees": Variant("napkinxc", "napkinxc", {"ensemble": 3}),
    "Omikuji Bonsai, 3 trees": Variant("omikuji", "omikuji", {**BONSAI, "n_trees": 3}),
    "PyTorch, full softmax": Variant(
        "softmax",
        "torch",
        {"n_hidden": 128, "learning_rate": 0.002, "batch_size": 256, "n_epochs": 8, "timed_above": 100_000},
        {"YSO-Finna-en": FOUR_EPOCHS, "Diginetica": FOUR_EPOCHS, "YSO-Related-3lang": FOUR_EPOCHS},
    ),
}

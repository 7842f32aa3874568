"""The parameters of SlideClassifier: all options of the engine, each by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from slidelearn.config import Config, make_config
from slidelearn.presets import PRESETS, RAISED_BY_DATA

_NOT_OPTIONS = ("preset", "n_jobs", "warm_start")


class Parameters(BaseEstimator):  # type: ignore[misc]
    """Holds what the user gave, unchecked until training begins, as scikit-learn wants it."""

    def __init__(
        self,
        *,
        preset: str = "recipe",
        hidden_sizes: Sequence[int] | None = None,
        hidden_active: Sequence[int] | None = None,
        hidden_activation: str | None = None,
        hidden_bias: bool | None = None,
        logits: str | None = None,
        logit_scale: float | None = None,
        label_init: str | None = None,
        standardize_features: bool | None = None,
        normalize_features: bool | None = None,
        feature_power: float | None = None,
        n_networks: int | None = None,
        n_models: int | None = None,
        loss: str | None = None,
        log_q_strength: float | None = None,
        sampler: str | None = None,
        active_set: str | None = None,
        n_negatives: int | None = None,
        frequency_power: float | None = None,
        n_hard_negatives: int | None = None,
        min_active: int | None = None,
        hash_family: str | None = None,
        n_tables: int | None = None,
        hashes_per_table: int | None = None,
        bin_size: int | None = None,
        doph_top_k: int | None = None,
        n_buckets: int | None = None,
        bucket_size: int | None = None,
        insertion: str | None = None,
        center_rows: bool | None = None,
        complete_norms: bool | None = None,
        incremental_codes: bool | None = None,
        lsh_selection: str | None = None,
        lsh_candidates: int | None = None,
        lsh_min_tables: int | None = None,
        rebuild_every: int | None = None,
        rebuild_decay: float | None = None,
        redraw_every: int | None = None,
        objective: str | None = None,
        ranker: bool | None = None,
        classifiers: str | None = None,
        shortlist_length: int | None = None,
        ranker_c: float | None = None,
        ranker_threshold: float | None = None,
        n_neighbours: int | None = None,
        vote_power: float | None = None,
        n_suggested: int | None = None,
        ranker_blend: Sequence[float] | None = None,
        answers: str | None = None,
        costs: Mapping[str, float] | None = None,
        max_seconds: float | None = None,
        pilot: bool | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        learning_rate_schedule: str | None = None,
        warmup_fraction: float | None = None,
        beta_1: float | None = None,
        beta_2: float | None = None,
        epsilon: float | None = None,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        precision: str | None = None,
        state_precision: str | None = None,
        deterministic: bool | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        warm_start: bool = False,
    ) -> None:
        for name, value in locals().items():
            if name != "self":
                setattr(self, name, value)

    __init__.__qualname__ = "SlideClassifier.__init__"  # what Python's own errors about arguments call it

    def _lasting(self) -> dict[str, Any]:
        """The parameters that a saved model keeps: threads and generators belong to this process, and are left out."""
        own = {name for name, value in self.get_params().items() if isinstance(value, np.random.RandomState)}
        return {**self.get_params(), **dict.fromkeys({"n_jobs", *own})}

    def _options(self) -> Config:
        """The options in force, as far as they do not depend on data.

        Raises
        ------
        ValueError
            For an option against its rule.
        """
        given = {name: value for name, value in self.get_params().items() if name not in _NOT_OPTIONS}
        if isinstance(self.random_state, np.random.RandomState):
            given["random_state"] = int(self.random_state.randint(2**31))
        return make_config(self.preset, **{name: value for name, value in given.items() if value is not None})

    def _left_open(self) -> set[str]:
        """The options that the data may settle: those that the user has not given, nor the preset for good.

        A seed from a ``RandomState`` is not given either.
        """
        fixed = PRESETS[self.preset].keys() - RAISED_BY_DATA
        absent = (type(None), np.random.RandomState)
        return {name for name, value in self.get_params().items() if isinstance(value, absent) and name not in fixed}

"""Tuning: which options serve some samples better than the defaults; needs the extra ``tune``."""

from slidelearn.tuning.study import METRIC, N_TRIALS, Trial, Tuning, tune

__all__ = ["METRIC", "N_TRIALS", "Trial", "Tuning", "tune"]

"""Callbacks, which watch while a model trains: a small protocol, and some that are ready to use.

Give them to ``fit(..., callbacks=[...])``; they are called in this order.
"""

from slidelearn.callbacks.bar import ProgressBar
from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.checkpointing import Checkpointing, latest_checkpoint
from slidelearn.callbacks.logs import CsvLog, JsonLog
from slidelearn.callbacks.trackers import MLflow, TensorBoard
from slidelearn.callbacks.validation import EarlyStopping, KeepBest, Validation

__all__ = [
    "Callback",
    "Checkpointing",
    "CsvLog",
    "EarlyStopping",
    "JsonLog",
    "KeepBest",
    "MLflow",
    "ProgressBar",
    "TensorBoard",
    "Validation",
    "latest_checkpoint",
]

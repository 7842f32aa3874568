"""slidelearn: neural networks with very wide outputs, trained on CPUs by computing only the neurons that matter."""

from slidelearn.atomic_files import CheckpointError
from slidelearn.data import DataError, read_xmc, write_xmc
from slidelearn.datasets import load_dataset
from slidelearn.estimator import SlideClassifier
from slidelearn.progress import TrainingDiverged
from slidelearn.text_classifier import SlideTextClassifier
from slidelearn.version import __version__

__all__ = [
    "CheckpointError",
    "DataError",
    "SlideClassifier",
    "SlideTextClassifier",
    "TrainingDiverged",
    "__version__",
    "load_dataset",
    "read_xmc",
    "write_xmc",
]

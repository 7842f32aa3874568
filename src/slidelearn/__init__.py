"""slidelearn: neural networks with very wide outputs, trained on CPUs by computing only the neurons that matter."""

from slidelearn.atomic_files import CheckpointError
from slidelearn.data import DataError, SampleSet, iter_samples, read_samples, read_xmc, write_samples, write_xmc
from slidelearn.datasets import load_dataset
from slidelearn.estimator import SlideClassifier
from slidelearn.progress import TrainingDiverged
from slidelearn.public_datasets import fetch_dataset
from slidelearn.sample_stream import SampleStream
from slidelearn.text.stream import TextStream
from slidelearn.text_classifier import SlideTextClassifier
from slidelearn.version import __version__

__all__ = [
    "CheckpointError",
    "DataError",
    "SampleSet",
    "SampleStream",
    "SlideClassifier",
    "SlideTextClassifier",
    "TextStream",
    "TrainingDiverged",
    "__version__",
    "fetch_dataset",
    "iter_samples",
    "load_dataset",
    "read_samples",
    "read_xmc",
    "write_samples",
    "write_xmc",
]

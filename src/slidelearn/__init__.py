"""slidelearn: neural networks with very wide outputs, trained on CPUs by computing only the neurons that matter.

What it offers is imported when it is first asked for: by a command, not before it knows what it is to do.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

_MODULES = {
    "CheckpointError": "files.atomic",
    "DataError": "data",
    "SampleSet": "data",
    "SampleStream": "sample_stream",
    "SlideClassifier": "estimator",
    "SlideTextClassifier": "text_classifier",
    "TextStream": "text.stream",
    "TrainingDiverged": "progress",
    "__version__": "version",
    "fetch_dataset": "public_datasets",
    "iter_samples": "data",
    "load_dataset": "datasets",
    "read_samples": "data",
    "read_xmc": "data",
    "write_samples": "data",
    "write_xmc": "data",
}
__all__ = sorted(_MODULES)

if TYPE_CHECKING:
    from slidelearn.data import DataError as DataError
    from slidelearn.data import SampleSet as SampleSet
    from slidelearn.data import iter_samples as iter_samples
    from slidelearn.data import read_samples as read_samples
    from slidelearn.data import read_xmc as read_xmc
    from slidelearn.data import write_samples as write_samples
    from slidelearn.data import write_xmc as write_xmc
    from slidelearn.datasets import load_dataset as load_dataset
    from slidelearn.estimator import SlideClassifier as SlideClassifier
    from slidelearn.files.atomic import CheckpointError as CheckpointError
    from slidelearn.progress import TrainingDiverged as TrainingDiverged
    from slidelearn.public_datasets import fetch_dataset as fetch_dataset
    from slidelearn.sample_stream import SampleStream as SampleStream
    from slidelearn.text.stream import TextStream as TextStream
    from slidelearn.text_classifier import SlideTextClassifier as SlideTextClassifier
    from slidelearn.version import __version__ as __version__
else:

    def __getattr__(name):
        if name in _MODULES:
            found = globals()[name] = getattr(import_module(f"slidelearn.{_MODULES[name]}"), name)
            return found
        if not name.startswith("_") and find_spec(f"slidelearn.{name}"):
            return import_module(f"slidelearn.{name}")
        raise AttributeError(f"module 'slidelearn' has no attribute {name!r}", name=name)

    def __dir__():
        return sorted({*globals(), *_MODULES})

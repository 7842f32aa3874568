"""Pictures of a training and of what a model gets right, as matplotlib figures; needs the extra ``plot``.

Each function takes a model and gives a figure, which is the caller's to change, to show or to save.
"""

from slidelearn.plots.accuracy import accuracy_by_frequency
from slidelearn.plots.training import active_sets, learning_curves, speed, table_health

__all__ = ["accuracy_by_frequency", "active_sets", "learning_curves", "speed", "table_health"]

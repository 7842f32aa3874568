"""SlideClassifier, the scikit-learn face, and the parts that it is made of."""

from slidelearn.estimator.classifier import SlideClassifier

__all__ = ["SlideClassifier"]

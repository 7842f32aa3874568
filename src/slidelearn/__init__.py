"""slidelearn: neural networks with very wide outputs, trained on CPUs by computing only the neurons that matter."""

__version__ = "0.1.0"

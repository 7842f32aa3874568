"""Models in other forms: an ONNX graph, and a folder for the Hugging Face Hub.

A model for inference only is `SlideClassifier.save` with ``inference_only=True``.
"""

from slidelearn.export.failures import ExportError
from slidelearn.export.hub import to_hub
from slidelearn.export.onnx_answers import onnx_top_k
from slidelearn.export.onnx_graph import to_onnx

__all__ = ["ExportError", "onnx_top_k", "to_hub", "to_onnx"]

"""A report on a model: one HTML page that needs nothing else; needs the extra ``plot``."""

from slidelearn.report.page import page

__all__ = ["page"]

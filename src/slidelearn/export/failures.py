"""How exports fail."""


class ExportError(ValueError):
    """A model has something that the form asked for cannot hold."""

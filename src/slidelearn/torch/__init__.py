"""The wide output layer as a module of PyTorch: a head, and its loss, for any encoder."""

try:
    from slidelearn.torch.head import SlideOutput
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError("slidelearn.torch needs PyTorch: pip install 'slidelearn[torch]'", name="torch") from None

__all__ = ["SlideOutput"]

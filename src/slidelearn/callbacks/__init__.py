"""What looks on while a network trains: a small protocol, and what there is to use.

Give them to ``fit(..., callbacks=[...])``; they are called in this order.
"""

from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.checkpointing import Checkpointing, latest_checkpoint

__all__ = ["Callback", "Checkpointing", "latest_checkpoint"]

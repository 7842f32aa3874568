"""The protocol of callbacks: objects that watch while a model trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from slidelearn.files.atomic import CheckpointError
from slidelearn.model.model import Model
from slidelearn.progress import Progress


class Callback:
    """Called by training; each method does nothing unless overridden."""

    comes_last: ClassVar[bool] = False
    """Whether it is called after the others, such as to keep what they have found out."""

    def on_trial(self, option: str, value: object) -> None:
        """Before each training that only serves to choose an option: the option, and the value that it tries."""

    def on_begin(self, progress: Progress) -> None:
        """Before the first step of each network, or the first step after an interruption."""

    def on_step(self, progress: Progress) -> None:
        """After each step."""

    def on_epoch(self, progress: Progress) -> None:
        """After each epoch."""

    def on_end(self, progress: Progress) -> None:
        """After the last step of each network."""

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        """In place of `on_end`, where an error ends training, or Ctrl-C."""

    def on_shortlists(self, n_done: int, n_samples: int) -> None:
        """While the network makes the training samples' shortlists for the ranker, after the last step."""

    def on_model(self, model: Model, n_threads: int) -> None:
        """After the whole training: the model as it will answer, with its ranker, if there is one."""

    def state(self) -> dict[str, Any] | None:
        """What it needs to go on after an interruption, in values that JSON can hold; None: nothing."""
        return None

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, before `on_begin`."""


def require_callbacks(callbacks: Sequence[Callback]) -> None:
    """Refuse anything but a sequence of callbacks, before any time is spent on training.

    Raises
    ------
    TypeError
        With what is there instead.
    """
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks must be a list, but are {callbacks!r}; put a single one in a list")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be objects of slidelearn.callbacks.Callback, but {callback!r} is none")


def states_of(callbacks: Sequence[Callback]) -> list[tuple[str, dict[str, Any]]]:
    """The class and the state of each callback that has one."""
    return [(type(each).__name__, state) for each in callbacks if (state := each.state()) is not None]


def restore_states(callbacks: Sequence[Callback], states: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Give each callback the state of one of its class, in order; one that is left over begins as it is.

    Raises
    ------
    CheckpointError
        If a callback cannot go on from its state.
    """
    left = list(states)
    for callback in callbacks:
        if callback.state() is None:
            continue
        for known in left:
            if known[0] == type(callback).__name__:
                try:
                    callback.restore(known[1])
                except (KeyError, TypeError, ValueError) as error:
                    raise CheckpointError(f"the state of {known[0]} in the checkpoint is damaged: {error!r}") from None
                left.remove(known)
                break

"""A progress bar by tqdm, for terminals and notebooks."""

from __future__ import annotations

from typing import Any, final

from slidelearn.callbacks.base import Callback
from slidelearn.extras import import_extra
from slidelearn.progress import Progress


@final
class ProgressBar(Callback):
    """Shows steps, loss and learning rate, and the metrics of `Validation`, if there is one; needs the extra ``tqdm``.

    Parameters
    ----------
    options
        For ``tqdm.auto.tqdm``, such as ``leave=False`` or ``mininterval=1``.
    """

    def __init__(self, **options: Any) -> None:
        self._tqdm = import_extra("tqdm.auto", "tqdm", "ProgressBar").tqdm
        self._options = options
        self._bar: Any = None

    def on_begin(self, progress: Progress) -> None:
        """Show a bar for each network."""
        name = f"network {progress.number}/{progress.n_networks}" if progress.n_networks > 1 else "training"
        options = {"desc": name, "unit": "step", **self._options}
        self._bar = self._tqdm(total=progress.n_steps, initial=progress.step, **options)

    def on_step(self, progress: Progress) -> None:
        """Move on; the bar itself sees to it that it is not drawn too often."""
        if self._bar.update():
            self._show(progress)

    def on_epoch(self, progress: Progress) -> None:
        """Show what the epoch has brought."""
        self._show(progress)

    def on_end(self, progress: Progress) -> None:
        """Close the bar."""
        self._bar.close()

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def on_shortlists(self, n_done: int, n_samples: int) -> None:
        """Show a bar for the samples' shortlists."""
        if self._bar is None or self._bar.disable:
            self._bar = self._tqdm(total=n_samples, **{"desc": "shortlists", "unit": "sample", **self._options})
        self._bar.update(n_done - self._bar.n)
        if n_done >= n_samples:
            self._bar.close()

    def _show(self, progress: Progress) -> None:
        shown = {"loss": progress.loss, "lr": progress.learning_rate, **progress.metrics}
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in shown.items() if name in ("loss", "lr", "p@1")})

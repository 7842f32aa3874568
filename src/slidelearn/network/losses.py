"""Losses over an active set.

Both take the logits of the active neurons and give the gradient in their place. The log-Q correction (Bengio and
Senecal, 2008; Yi et al., 2019, for labels drawn from the batch) subtracts ``beta * log q`` from the logits of labels
that are not the sample's own, q being the chance that the label is in the active set.
"""

from __future__ import annotations

import numpy as np

from slidelearn import kernels
from slidelearn.kernels import Float
from slidelearn.network.active import ActiveSet


def loss_and_gradient(
    kind: str, logits: Float, active: ActiveSet, n_threads: int, weights: Float | None = None
) -> tuple[float, Float]:
    """The mean loss of a batch, and its gradient with respect to the logits, which it overwrites.

    Parameters
    ----------
    kind
        ``softmax``: cross-entropy over the active set, all labels of a sample with the same weight; ``logistic``:
        one-vs-all logistic loss.
    logits
        (n_samples, n_ids) float32 for a shared active set, (n_entries,) for one set per sample; overwritten.
    weights
        (n_samples,): what each sample's loss is multiplied by; None: 1.
    """
    loss = kernels.softmax_loss if kind == "softmax" else kernels.logistic_loss
    losses = loss(
        logits.reshape(-1), active.indptr, active.log_q, active.labels, 1.0 / active.n_samples, n_threads=n_threads
    )
    if weights is not None:
        losses *= weights
        logits *= weights[:, None] if active.indptr is None else np.repeat(weights, np.diff(active.indptr))
    return float(losses.mean()), logits

"""Before anything is timed: that all contestants do the same work, and learn.

Where every label is in the batch, sampled steps have the same active set whoever draws: from the same weights, ours and
PyTorch's must have the same losses. Where labels are drawn, the two sampled softmaxes of PyTorch draw alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speed.contestants import BY_HAND, ENTRIES, FULL, OURS, OURS_FULL, RECIPE, SAMPLED, named
from speed.race import Runner
from speed.shapes import LABELS_PER_SAMPLE, Shape

ALL_IN_BATCH = Shape(
    n_labels=256 * LABELS_PER_SAMPLE,
    width=16,
    batch_size=256,
    features_per_sample=5,
    n_negatives=64,
    n_features=200,
    n_batches=1,
)
DRAWN = Shape(
    n_labels=5_000, width=16, batch_size=64, features_per_sample=5, n_negatives=300, n_features=200, n_batches=4
)
N_STEPS = 40
LEARNED = 0.9
"""Of the first loss is more than what must be left."""
FIRST, EARLY, BF16 = 1e-5, 1e-3, 2e-3
"""Largest relative differences: of first losses, of the first `N_EARLY` ones, with bf16."""
N_EARLY = 10


def check(environments: Path | None, seed: int) -> str:
    """What was found; AssertionError if something is wrong."""
    ours = _losses("ours", ALL_IN_BATCH, named(OURS, OURS_FULL, RECIPE), environments, seed)
    theirs = _losses("torch_steps", ALL_IN_BATCH, named(SAMPLED, BY_HAND, FULL), environments, seed)
    drawn = _losses("torch_steps", DRAWN, named(SAMPLED, BY_HAND), environments, seed)
    losses = ours | theirs
    for name, values in losses.items():
        assert values[-1] < LEARNED * values[0], f"{name} does not learn: its loss goes {values[0]} -> {values[-1]}"
    for one, other in ((OURS, SAMPLED), (OURS, BY_HAND), (OURS_FULL, FULL)):
        _assert_alike(losses, one, other)
    _assert_alike(drawn, SAMPLED, BY_HAND)
    first, last = (values := losses[f"{OURS}, fp32"])[0], values[-1]
    return f"Checked: equal losses, step by step, from equal weights; {first:.3f} -> {last:.3f} in {N_STEPS} steps."


def _losses(
    module: str, shape: Shape, names: Sequence[str], environments: Path | None, seed: int
) -> dict[str, NDArray[np.float64]]:
    losses = {}
    with Runner(ENTRIES[names[0]], environments, []) as runner:
        for name in names:
            entry = ENTRIES[name]
            assert entry.module == module
            # the recipe's Adagrad wants larger steps
            rate = 0.1 if entry.kind == "recipe" else 0.01
            runner.make(shape, 1, seed, options=entry.options, learning_rate=rate, with_weights=True)
            losses[name] = np.array(runner.ask("run", n_steps=N_STEPS)["losses"])
    return losses


def _assert_alike(losses: dict[str, NDArray[np.float64]], one: str, other: str) -> None:
    for precision, first, early in (("fp32", FIRST, EARLY), ("bf16", BF16, BF16)):
        a, b = (losses[f"{name}, {precision}"][:N_EARLY] for name in (one, other))
        differences = np.abs(a - b) / np.abs(b)
        what = f"{one} and {other}, {precision}: losses {a.round(4).tolist()} and {b.round(4).tolist()}"
        assert differences[0] <= first, what
        assert differences.max() <= early, what

"""Who is timed, in which environment, and the memory that each needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slidelearn.network.network import estimated_bytes
from speed.ours import config_of
from speed.shapes import Shape


@dataclass(frozen=True)
class Entry:
    """A kind of step at a precision."""

    module: str
    kind: str
    precision: str

    @property
    def options(self) -> dict[str, str]:
        return {"kind": self.kind, "precision": self.precision}

    @property
    def environment(self) -> str | None:
        """The one that `peers.install` made; None: the Python that slidelearn is installed in."""
        return None if self.module == "ours" else "torch"

    def n_bytes(self, shape: Shape) -> int:
        """Memory at the peak, about: parameters, optimizer state, gradients and logits."""
        weights = 4 * shape.width * shape.n_labels
        logits = 4 * shape.batch_size * (shape.n_labels if self.kind == "full" else shape.most_active)
        if self.module == "ours":
            rows = estimated_bytes(config_of(shape, self.options), shape.n_features, shape.n_labels)
            return rows + 2 * logits + (weights if self.kind == "full" else 0)
        features = 3 * 4 * shape.width * shape.n_features
        if self.kind != "full":
            return 3 * weights + features + 4 * logits
        # w, m, v and the gradient; bf16: the rounded weights and their gradient. Log-probabilities, the gradients of
        # them and of the logits; bf16: that of the rounded logits
        weights_and_logits = (4 * weights + 3 * logits) if self.precision == "fp32" else (5 * weights + 7 * logits // 2)
        return features + weights_and_logits


OURS = "slidelearn"
SAMPLED = "PyTorch, sampled"
BY_HAND = "PyTorch, sampled by hand"
FULL = "PyTorch, full softmax"
OURS_FULL = "slidelearn, full softmax"
RECIPE = "slidelearn, recipe"

_KINDS = {
    OURS: ("ours", "sampled"),
    SAMPLED: ("torch_steps", "sampled"),
    BY_HAND: ("torch_steps", "by_hand"),
    OURS_FULL: ("ours", "full"),
    FULL: ("torch_steps", "full"),
    RECIPE: ("ours", "recipe"),
}
ENTRIES: Mapping[str, Entry] = {
    f"{name}, {precision}": Entry(*kind, precision) for name, kind in _KINDS.items() for precision in ("fp32", "bf16")
}


def named(*names: str, precisions: tuple[str, ...] = ("fp32", "bf16")) -> list[str]:
    """The entries of these names."""
    return [f"{name}, {precision}" for precision in precisions for name in names]


def split_name(name: str) -> tuple[str, str]:
    """The name, and the precision."""
    what, _, precision = name.rpartition(", ")
    return what, precision


REFERENCE = f"{OURS}, fp32"
"""What every group of contestants is timed beside."""
EVERYONE = named(OURS, SAMPLED, BY_HAND, OURS_FULL, FULL)
AT_RECIPE = [*named(OURS, SAMPLED, BY_HAND), f"{RECIPE}, bf16"]
QUICK = named(OURS, SAMPLED, BY_HAND, FULL, precisions=("fp32",))

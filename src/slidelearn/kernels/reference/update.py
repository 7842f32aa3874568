"""One optimizer step on one row, or on some of its coordinates; `optim` has the rules' sources."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.moment_words import packed_moments, rounding_draws, unpacked_moments
from slidelearn.kernels.types import RULE_KINDS, TAIL, TAIL_FIELDS, Ids, Rows, UpdateRule

BIAS, BIAS_M, BIAS_V, ROW_V, N_UPDATES = (
    TAIL_FIELDS[name] for name in ("bias", "bias_m", "bias_v", "row_v", "n_updates")
)
EVERYWHERE = slice(None)


def step_row(
    rows: Rows,
    i: int,
    gradient: NDArray[np.float64],
    d_bias: float,
    rule: UpdateRule,
    coordinates: slice | Ids = EVERYWHERE,
) -> None:
    """Row i takes one step; `gradient` has entries at the given coordinates, the others are zero and not touched."""
    rule = UpdateRule(rule.kind, *(float(np.float32(x)) for x in rule[1:]))  # the native rule holds float32
    w, tail = rows.memory[i, : rows.width], rows.memory[i, -TAIL:]
    tail[N_UPDATES] += 1
    if RULE_KINDS[rule.kind] == "sgd":
        w[coordinates] -= rule.learning_rate * gradient
        tail[BIAS] -= rule.learning_rate * d_bias
    elif RULE_KINDS[rule.kind] == "adagrad":
        tail[ROW_V] += np.sum(gradient**2) / rows.width
        w[coordinates] -= rule.learning_rate * gradient / (np.sqrt(tail[ROW_V]) + rule.epsilon)
        tail[BIAS_V] += d_bias**2
        tail[BIAS] -= rule.learning_rate * d_bias / (np.sqrt(tail[BIAS_V]) + rule.epsilon)
    else:
        c, n = coordinates, int(tail[N_UPDATES])
        if rows.n_parts == 2:
            words = rows.part(1)[i].view(np.uint32)
            w[c], m, v = _adam(w[c], *unpacked_moments(words[c]), gradient, n, rule)
            words[c] = packed_moments(m, v, rounding_draws(i, n, np.arange(rows.width)[c]))
        else:
            m, v = rows.part(1)[i], rows.part(2)[i]
            w[c], m[c], v[c] = _adam(w[c], m[c], v[c], gradient, n, rule)
        tail[BIAS], tail[BIAS_M], tail[BIAS_V] = _adam(tail[BIAS], tail[BIAS_M], tail[BIAS_V], d_bias, n, rule)


def _adam(w: Any, m: Any, v: Any, g: Any, n: int, rule: UpdateRule) -> tuple[Any, Any, Any]:
    """Kingma and Ba (2015), algorithm 1: w, m and v after their n-th update, with the gradient g."""
    m = rule.beta_1 * m + (1 - rule.beta_1) * g
    v = rule.beta_2 * v + (1 - rule.beta_2) * g**2
    m_hat, v_hat = m / (1 - rule.beta_1**n), v / (1 - rule.beta_2**n)
    return w - rule.learning_rate * m_hat / (np.sqrt(v_hat) + rule.epsilon), m, v

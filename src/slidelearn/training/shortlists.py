"""Shortlists of training samples: the network's best labels, from which classifiers learn what to tell apart.

Every label is scanned for such a sample, or an index is asked, where answers come from one too. Where scanning would
take long for all samples, some get no shortlist: a classifier then has fewer samples to tell its own from, but these
are as they come (docs/decisions/0007-shortlists-of-some-samples.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import sparse

from slidelearn.config import Config
from slidelearn.inference import top_k
from slidelearn.model.model import Member

ALL_WITHIN = 8.0
"""Seconds of a thread that scans, up to which every sample gets a shortlist."""
CHEAP = 4.0
"""Seconds up to which the option ``classifiers="if_cheap"`` has them."""


def scan_seconds(n_samples: int, n_labels: int, config: Config) -> float:
    """Of a thread that scans all labels for all samples, as the configuration's costs have it."""
    return float(n_samples) * n_labels * config.hidden_sizes[-1] / config.costs.scanned_per_second


def are_cheap(n_samples: int, n_labels: int, config: Config) -> bool:
    """Whether all samples' shortlists take seconds."""
    return scan_seconds(n_samples, n_labels, config) <= CHEAP


def listed_share(n_samples: int, n_labels: int, config: Config) -> float:
    """The share of the samples that get a shortlist: where not all do, time grows with the root of samples x labels."""
    return math.sqrt(ALL_WITHIN / max(scan_seconds(n_samples, n_labels, config), ALL_WITHIN))


def make_shortlists(
    member: Member,
    X: sparse.csr_array,
    n_threads: int,
    after_batch: Callable[[int, int], None] = lambda *_: None,
) -> sparse.csr_array:
    """The network's best labels for some of the samples: (n_samples, n_labels) int8, 1 for a label on a shortlist.

    In each row, the best label comes first.

    Parameters
    ----------
    member
        Its network's options say how long a shortlist is; its index finds the labels, if it has one.
    X
        (n_samples, n_features) float32 CSR, as it was in training.
    after_batch
        Called with the number of shortlists made so far, and that of all.
    """
    network = member.network
    n, m = X.shape[0], min(network.config.shortlist_length, network.n_labels)
    n_listed = round(n * listed_share(n, network.n_labels, network.config))
    listed = np.sort(np.random.default_rng(network.config.random_state).permutation(n)[:n_listed])
    ids, _ = top_k(
        [Member([network], index=member.index)],
        X[listed],
        m,
        n_threads=n_threads,
        after_batch=lambda done: after_batch(done, n_listed),
    )
    found = ids >= 0
    lengths = np.zeros(n, np.int64)
    lengths[listed] = found.sum(axis=1)
    entries = np.ones(found.sum(), np.int8), ids[found], np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array(entries, (n, network.n_labels))

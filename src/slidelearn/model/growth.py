"""Models that keep learning: features and labels join, labels leave. What stays, stays as it was."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from slidelearn.batches import Samples
from slidelearn.kernels import Ids
from slidelearn.machine.resources import require_memory
from slidelearn.model.model import Model
from slidelearn.network.label_rows import start_label_rows
from slidelearn.network.layers import Execution
from slidelearn.network.network import estimated_bytes


def grow(model: Model, X: sparse.csr_array, Y: sparse.csr_array, n_threads: int) -> None:
    """Give a model the features of labelled samples, and as many labels as Y has columns, none fewer than it has.

    A new label starts in the direction of the sum of its samples' hidden vectors, a feature in a random one; the
    classifier of a new label says nothing yet.

    Parameters
    ----------
    model
        Changed in place.
    X, Y
        (n_samples, n_features), as the user has it, and (n_samples, n_labels): samples for the new labels to start
        from; those that have none start in random directions.
    n_threads
        Threads.

    Raises
    ------
    MemoryError
        If it would not fit; the model is as it was.
    """
    first, known, standards = model.network.n_labels, model.known.with_more(X, Y), model.standards
    places = known.places_of(model.known)
    if standards and len(known) > len(places):
        standards = standards.spread(places, known.only(X))
    if len(known) > len(places) or Y.shape[1] > first:
        _resize(model, places, len(known), np.arange(first, dtype=np.int32), Y.shape[1], n_threads)
    model.known, model.standards = known, standards
    if Y.shape[1] > first:
        samples = Samples(model.prepared(X), _labels_from(Y, first))
        for network in model.networks:
            start_label_rows(network, samples, model.rng, Execution(n_threads), first)
        for member in model.members:
            if member.index:
                member.index = member.index.refreshed(member.network.output, n_threads)


def remove_labels(model: Model, removed: Ids, n_threads: int) -> None:
    """Take labels out of a model; those after them move up, so that the numbers have no gaps.

    Parameters
    ----------
    model
        Changed in place.
    removed
        Numbers of labels.
    n_threads
        Threads.
    """
    kept = np.setdiff1d(np.arange(model.network.n_labels, dtype=np.int32), removed)
    _resize(model, model.known.places_of(model.known), len(model.known), kept, len(kept), n_threads)


def _resize(model: Model, places: Ids, n_known: int, kept: Ids, n_labels: int, n_threads: int) -> None:
    """Move the known features to their `places` among so many, and keep these labels before new ones."""
    model.require_trainable()
    n_before, config = model.network.n_labels, model.network.config
    n_features = n_known
    if model.standards:  # the constant feature stays the first
        places, n_features = np.append(np.int32(0), places + 1), n_known + 1
    if n_labels > n_before or n_features > model.network.n_features:
        remedy = "remove labels that are not needed any more, or train on another machine"
        require_memory(estimated_bytes(config, n_features, n_labels), "growing", remedy)
    for network in model.networks:
        network.resize(places, n_features, kept, n_labels, model.rng)
    if model.seen:
        model.seen = model.seen.resized(kept, n_labels)
    numbers = np.full(n_before, -1, np.int32)
    numbers[kept] = np.arange(len(kept), dtype=np.int32)
    if model.neighbours:
        model.neighbours = model.neighbours.renumbered(places, n_features, numbers, n_labels)
    for member in model.members:
        if member.ranker:
            member.ranker = member.ranker.resized(places, n_features, kept, n_labels)
        if member.index and len(kept) < n_before:
            member.index = member.index.refreshed(member.network.output, n_threads, numbers)


def _labels_from(Y: sparse.csr_array, first: int) -> sparse.csr_array:
    """Y without the labels before `first`."""
    later = Y.copy()
    later.data[later.indices < first] = 0
    later.eliminate_zeros()
    return later

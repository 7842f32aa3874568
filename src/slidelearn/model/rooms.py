"""Room for a model that is to be read from files: as much as the arrays there bear out, before any memory is taken."""

from __future__ import annotations

import math

import numpy as np

from slidelearn.batches import Seen
from slidelearn.config import Config
from slidelearn.features.known import KnownFeatures
from slidelearn.features.standards import Standards
from slidelearn.files.atomic import CheckpointError
from slidelearn.label_index import LabelIndex
from slidelearn.model.arrays_file import ArraysFile
from slidelearn.model.description import Description
from slidelearn.model.model import (
    INDEX,
    KNOWN,
    NEIGHBOURS,
    RANKER,
    SEEN,
    STANDARDS,
    Member,
    Model,
    prefix_of_member,
    prefix_of_network,
)
from slidelearn.network.network import Network
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import Ranker


def empty_model(description: Description, arrays: ArraysFile) -> Model:
    """A model as its ``config.json`` describes it, whose arrays are to be filled from the file.

    Raises
    ------
    CheckpointError
        If the arrays in the file are others than such a model has.
    """
    config = description.config()
    n_features, n_labels = (description.member(name, int) for name in ("n_features", "n_labels"))
    return Model(
        _members(n_features, n_labels, description, arrays),
        description.generator(),
        _known(n_features, description, arrays),
        _neighbours(config, n_features, n_labels, arrays),
        _standards(n_features, arrays),
        Seen.nothing(n_labels) if _lengths(arrays, SEEN) else None,
    )


def _members(n_features: int, n_labels: int, description: Description, arrays: ArraysFile) -> list[Member]:
    config = description.config()
    prefixes = [
        [prefix_of_member(member) + prefix_of_network(number) for number in range(n_networks)]
        for member, n_networks in enumerate(config.networks_of_members)
    ]
    for of_member in prefixes:
        for prefix in of_member:
            _expect_layers(prefix, config, n_features, n_labels, arrays)
    return [
        Member(
            [_network(config, n_features, n_labels, description) for _ in of_member],
            _ranker(prefix_of_member(number) + RANKER, config, n_features, n_labels, arrays),
            _index(prefix_of_member(number) + INDEX, config, arrays),
        )
        for number, of_member in enumerate(prefixes)
    ]


def _expect_layers(prefix: str, config: Config, n_features: int, n_labels: int, arrays: ArraysFile) -> None:
    """Have the arrays of a network bear out the numbers in ``config.json``."""
    widths = (*config.hidden_sizes, n_labels)
    names = ["input", *(f"hidden_{number}" for number in range(1, len(config.hidden_sizes))), "output"]
    arrays.expect(f"{prefix}input.weights", (n_features, widths[0]))
    for name, width, width_below in zip(names[1:], widths[1:], widths, strict=False):
        arrays.expect(f"{prefix}{name}.weights", (width, width_below))


def _network(config: Config, n_features: int, n_labels: int, description: Description) -> Network:
    try:
        trainable = not description.values["inference_only"]
        return Network(config, n_features, n_labels, rng=None, trainable=trainable)
    except ValueError as error:  # options that do not suit the numbers of features and labels
        raise CheckpointError(f"{description.path}: config: {error}") from None


def _ranker(prefix: str, config: Config, n_features: int, n_labels: int, arrays: ArraysFile) -> Ranker | None:
    """The ranker, if it is there; its arrays begin with this prefix."""
    lengths = _lengths(arrays, prefix)
    if "blend" not in lengths:
        return None
    if "weights" in lengths:
        arrays.expect_rows(prefix + "indptr", n_labels + 1)
    return Ranker.empty(config, n_features, n_labels, lengths)


def _index(prefix: str, config: Config, arrays: ArraysFile) -> LabelIndex | None:
    """The same for an index."""
    lengths, width = _lengths(arrays, prefix), config.hidden_sizes[-1]
    if not lengths:
        return None
    arrays.expect(prefix + "centres", (lengths.get("centre_biases", 0), width))
    return LabelIndex.empty(lengths, width)


def _neighbours(config: Config, n_features: int, n_labels: int, arrays: ArraysFile) -> Neighbours | None:
    """The same for the neighbours."""
    lengths = _lengths(arrays, NEIGHBOURS)
    if not lengths:
        return None
    return Neighbours.empty(lengths, n_features, n_labels, config.n_neighbours, config.vote_power)


def _known(n_features: int, description: Description, arrays: ArraysFile) -> KnownFeatures:
    """The same for the columns of the known features, if these are not all."""
    n_known = n_features - bool(_lengths(arrays, STANDARDS))
    if not _lengths(arrays, KNOWN):
        return KnownFeatures.all_of(n_known)
    arrays.expect_rows(KNOWN + "features", n_known)
    return KnownFeatures(np.zeros(n_known, np.int32), description.member("n_columns", int))


def _standards(n_features: int, arrays: ArraysFile) -> Standards | None:
    """The same for what dense features are standardised by."""
    if not _lengths(arrays, STANDARDS):
        return None
    arrays.expect(STANDARDS + "means", (n_features - 1,))
    return Standards.empty(n_features - 1)


def _lengths(arrays: ArraysFile, prefix: str) -> dict[str, int]:
    """Rows of the arrays whose names begin so, by the rest of their names; 0 of those that have no elements at all."""
    shapes = {name: shape for name, (shape, _) in arrays.descriptions.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): shape[0] if math.prod(shape) else 0 for name, shape in shapes.items() if shape}

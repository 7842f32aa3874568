"""What a model consists of: the members that answer, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.batches import Seen
from slidelearn.features.known import KnownFeatures
from slidelearn.features.prepared import prepare
from slidelearn.features.standards import Standards
from slidelearn.label_index import LabelIndex
from slidelearn.matrices import FloatCsr
from slidelearn.network.network import Network
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import Ranker

NEIGHBOURS, KNOWN, STANDARDS, SEEN = "ranker.neighbours.", "known.", "standards.", "seen."
"""How the names of their arrays begin."""
RANKER, INDEX = "ranker.", "index."
"""The same, after the prefix of their member."""


@dataclass
class Member:
    """What can answer by itself: networks, and what finds and orders their labels."""

    networks: list[Network]
    """The first puts labels on the shortlist; the mean of the logits of all counts."""
    ranker: Ranker | None = None
    index: LabelIndex | None = None
    """Of the first network's labels."""

    @property
    def network(self) -> Network:
        """The first one."""
        return self.networks[0]

    @property
    def n_listed(self) -> int:
        """How many labels are on a sample's shortlist."""
        n = sum(self.ranker.lengths) if self.ranker else self.network.config.shortlist_length
        return min(n, self.network.n_labels)

    def update_index(self, n_threads: int) -> None:
        """Index the labels, if the options want that, or bring the index up to date with the rows."""
        config, layer = self.network.config, self.network.output
        if self.index:
            self.index = self.index.refreshed(layer, n_threads)
        elif config.answers == "index" or (config.answers == "auto" and layer.n_neurons >= config.costs.index_from):
            self.index = LabelIndex.of(layer, np.random.default_rng(config.random_state), n_threads)

    def named_arrays(self, *, with_state: bool = True) -> Iterator[tuple[str, NDArray[Any]]]:
        """As of `Model`."""
        for number, network in enumerate(self.networks):
            prefix = prefix_of_network(number)
            yield from ((prefix + name, array) for name, array in network.named_arrays(with_state=with_state))
        if self.ranker:
            yield from ((RANKER + name, array) for name, array in self.ranker.named_arrays(with_state=with_state))
        if self.index:
            yield from ((INDEX + name, array) for name, array in self.index.named_arrays())


@dataclass
class Model:
    """What is saved: enough to answer, and to go on training unless the networks are not `trainable`."""

    members: list[Member]
    """One, or those of an ensemble, of whose probabilities the mean counts."""
    rng: np.random.Generator
    known: KnownFeatures
    """What has rows in the networks."""
    neighbours: Neighbours | None = None
    """Who votes on the shortlists of the members."""
    standards: Standards | None = None
    """What dense features are standardised by."""
    seen: Seen | None = None
    """What it has learnt from; None in models that do not know of it."""
    n_steps: int = 0
    documents: dict[str, str] = field(default_factory=dict)
    """Texts that belong to the model, by file name, such as ``labels.txt``."""
    training: dict[str, Any] = field(default_factory=dict)
    """What training reported: plain values."""

    def named_arrays(self, *, with_state: bool = True) -> Iterator[tuple[str, NDArray[Any]]]:
        """Every array of the model, by name; without the optimizer's state, those that answers need."""
        for number, member in enumerate(self.members):
            prefix = prefix_of_member(number)
            yield from ((prefix + name, array) for name, array in member.named_arrays(with_state=with_state))
        if self.neighbours:
            yield from ((NEIGHBOURS + name, array) for name, array in self.neighbours.named_arrays())
        yield from ((KNOWN + name, array) for name, array in self.known.named_arrays())
        if self.standards:
            yield from ((STANDARDS + name, array) for name, array in self.standards.named_arrays())
        if self.seen:
            yield from ((SEEN + name, array) for name, array in self.seen.named_arrays())

    @property
    def network(self) -> Network:
        """The first one; all have its options, features and labels."""
        return self.members[0].network

    @property
    def networks(self) -> list[Network]:
        """Those of all members."""
        return [network for member in self.members for network in member.networks]

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return self.known.n_columns

    @property
    def n_listed(self) -> int:
        """How many labels are on a sample's shortlist, at most."""
        return max(member.n_listed for member in self.members)

    def prepared(self, X: FloatCsr) -> FloatCsr:
        """Samples as the networks are to see them, from (n_samples, n_features) as the user has them."""
        return prepare(self.known.only(X), self.network.config, self.standards)

    def require_trainable(self) -> None:
        """Refuse to go on learning without the optimizer's state.

        Raises
        ------
        ValueError
            For a model that was saved for inference only.
        """
        if not self.network.trainable:
            raise ValueError(
                "a model that was saved with inference_only cannot go on learning: "
                "train it again, and save it without inference_only"
            )


def prefix_of_member(number: int) -> str:
    """How the names of the arrays of a member begin, by its number from 0 on."""
    return f"member_{number + 1}." if number else ""


def prefix_of_network(number: int) -> str:
    """How the names of the arrays of a network begin after that, by its number in the member."""
    return f"network_{number + 1}." if number else ""

"""How much memory a training takes, computed before it begins."""

from __future__ import annotations

from slidelearn.config import Config
from slidelearn.matrices import Extents
from slidelearn.network.network import estimated_bytes
from slidelearn.ranking.classifiers import classifiers_bytes
from slidelearn.sample_stream import SampleStream
from slidelearn.training.shortlists import listed_share


def training_bytes(config: Config, X: Extents, Y: Extents) -> int:
    """Memory that training takes at its peak, beside X and Y: networks, copies of samples, the ranker or answers."""
    networks = config.n_models * config.n_networks * estimated_bytes(config, X.shape[1], Y.shape[1])
    copies = 8 * (2 * X.nnz + Y.nnz)  # X with rows of length 1, and the labelled samples
    if not config.ranker:
        return networks + copies + Y.shape[1] * config.hidden_sizes[-1]  # rows in eight bits, for answers
    n_with_list = round(X.shape[0] * listed_share(*Y.shape, config))
    return networks + copies + classifiers_bytes(config, X, Y, n_with_list)


def stream_bytes(config: Config, stream: SampleStream) -> int:
    """The same for a stream, with a block of samples and the part that is in memory."""
    X, Y = stream.extents_of_part()
    return training_bytes(config, X, Y) + 8 * (X.nnz + Y.nnz) + stream.block_bytes

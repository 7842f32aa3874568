"""The network: its layers, the hash tables over those that are sampled, and the list of all arrays it consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Csr, Float, Ids, UpdateRule
from slidelearn.lsh import LshIndex
from slidelearn.lsh.family import MAX_DEFAULT_BUCKETS
from slidelearn.network.active import ActiveSet, all_neurons, no_labels
from slidelearn.network.layers import Execution, LayerPass, NeuronLayer, SparseInput, densify
from slidelearn.network.optim import ParameterRows, random_weights

INPUT_DEVIATION = 0.1
"""Standard deviation of the first feature rows. Rows of X have length 1, so this is also that of a hidden unit."""


@dataclass(frozen=True)
class HiddenPass:
    """What the hidden layers leave for the backward pass: the activations of each, from the features up."""

    activations: list[Float | Csr]
    passes: list[LayerPass]
    """One for each hidden layer but the first, a `SparseInput`, which is always computed whole."""

    @property
    def hidden(self) -> Float | Csr:
        """The output layer's input, (n_samples, width), or the active neurons of a sampled layer."""
        return self.activations[-1]


class Network:
    """A sparse input layer, hidden layers, and a wide output layer.

    Parameters
    ----------
    config
        The options; those about the network, the optimizer and LSH are read.
    n_features, n_labels
        Columns of X, as the network sees it, and of Y.
    rng
        Draws the first weights and the hash functions; None leaves the weights at zero, for loading.
    trainable
        Whether there is room for the optimizer's state; without it, the network can only answer.
    """

    def __init__(
        self,
        config: Config,
        n_features: int,
        n_labels: int,
        rng: np.random.Generator | None,
        *,
        trainable: bool = True,
    ) -> None:
        self.config = config
        self.trainable = trainable
        self.in_training = False
        """Whether the hash tables are those of a training that goes on, which answers must leave as they are."""
        self.n_features, self.n_labels = n_features, n_labels
        self._relu = config.hidden_activation == "relu"
        sizes = config.hidden_sizes
        bf16 = config.precision == "bf16"
        scale = config.logit_scale if config.logits == "cosine" else 0.0
        draws = rng or np.random.default_rng(0)
        optimizer = config.row_state if trainable else "none"

        self.input = SparseInput(n_features, sizes[0], optimizer, bias=config.hidden_bias)
        self.hidden_layers = [NeuronLayer(n, m, optimizer, bf16=bf16) for n, m in pairwise(sizes)]
        self.output = NeuronLayer(sizes[-1], n_labels, optimizer, scale=scale, bf16=bf16)

        n_active = (config.hidden_active or (0,) * len(sizes))[1:]
        self.hidden_active = n_active
        self.hidden_indexes = [
            LshIndex(config, layer.n_inputs, layer.n_neurons, draws) if n else None
            for layer, n in zip(self.hidden_layers, n_active, strict=True)
        ]
        self.output_index = LshIndex(config, sizes[-1], n_labels, draws) if "lsh" in config.samplers else None
        self._answer_tables: LshIndex | None = None
        self._tables_are_current = False
        if rng is not None:
            self._draw_weights(rng)

    def _draw_weights(self, rng: np.random.Generator) -> None:
        random_weights(self.input.features, INPUT_DEVIATION, rng)
        for layer in self.hidden_layers:
            random_weights(layer.neurons, ((2.0 if self._relu else 1.0) / layer.n_inputs) ** 0.5, rng)
        if self.config.label_init == "random":
            random_weights(self.output.neurons, 1.0 / self.output.n_inputs**0.5, rng)

    def resize(self, places: Ids, n_features: int, kept: Ids, n_labels: int, rng: np.random.Generator) -> None:
        """Have so many features and labels.

        The rows of the features so far move to their `places`; those of other features are random. The labels are those
        of `kept`, then new ones, whose rows are zero.
        """
        if n_features > self.n_features:
            self.input.grow(places, n_features)
            new = np.setdiff1d(np.arange(n_features, dtype=np.int32), places, assume_unique=True)
            random_weights(self.input.features, INPUT_DEVIATION, rng, new)
        if n_labels != self.n_labels:
            self.output.resize(kept, n_labels)
            if self.output_index:
                self.output_index.resize(n_labels)
            self._tables_are_current = False
        self.n_features, self.n_labels = n_features, n_labels

    def output_rows_changed(self) -> None:
        """Drop what was made of the output layer's rows for answers, as others than training have changed them."""
        self.output.rows_changed()
        self._tables_are_current = False

    def copy_from(self, other: Network) -> None:
        """Copy the rows of a network of the same shape, with the optimizer's state, and its hash functions."""
        for (_, mine), (_, its) in zip(self.named_arrays(), other.named_arrays(), strict=True):
            mine[...] = its
        for layer in (*self.hidden_layers, self.output):
            layer.rows_changed()
        self._tables_are_current = False

    def forward_hidden(self, features: Csr, seed: int | None, run: Execution) -> HiddenPass:
        """All hidden layers. `seed` is for what is drawn in the sampled ones; None: the same for all samples."""
        activations: list[Float | Csr] = [self._activate(self.input.forward(features, run))]
        passes = []
        for number, layer in enumerate(self.hidden_layers):
            x = activations[-1]
            of_layer = None if seed is None else seed + number
            done = layer.forward(x, self._active_neurons(number, x, of_layer, run), run)
            passes.append(done)
            output = self._activate(done.logits)
            active = done.active
            activations.append(output if active.shared else Csr(active.csr.indptr, active.ids, output))
        return HiddenPass(activations, passes)

    def backward_hidden(
        self, features: Csr, done: HiddenPass, d_hidden: Float | Csr, rule: UpdateRule, run: Execution
    ) -> None:
        """One step on all rows below the output layer that took part."""
        d = d_hidden
        for layer, layer_pass, output in zip(
            reversed(self.hidden_layers), reversed(done.passes), reversed(done.activations[1:]), strict=True
        ):
            d = layer.backward(layer_pass, self._d_activate(d, output), rule, run)
        d_first = self._d_activate(d, done.activations[0])
        self.input.backward(features, d_first, rule, run)

    def _activate(self, logits: Float) -> Float:
        return np.maximum(logits, 0.0, out=logits) if self._relu else logits

    def _d_activate(self, d: Float | Csr, output: Float | Csr) -> Float:
        """The gradient of the logits of the neurons that were computed."""
        if isinstance(output, Csr):
            values = output.data
            samples = np.repeat(np.arange(output.n_rows), np.diff(output.indptr))
            d = d.data if isinstance(d, Csr) else d[samples, output.indices]
        else:
            values = output
            d = densify(d, output.shape[1]) if isinstance(d, Csr) else d
        return d * (values > 0) if self._relu else d

    def _active_neurons(self, number: int, x: Float | Csr, seed: int | None, run: Execution) -> ActiveSet:
        layer, index = self.hidden_layers[number], self.hidden_indexes[number]
        n_samples = x.n_rows if isinstance(x, Csr) else len(x)
        if index is None:
            return all_neurons(layer.n_neurons, no_labels(n_samples))
        queries = densify(x, layer.n_inputs) if isinstance(x, Csr) else x
        n_active = self.hidden_active[number]
        found = index.candidates(queries, n_candidates=n_active, seed=seed, n_threads=run.n_threads)
        nobody, nothing = no_labels(n_samples), np.empty(0, np.int32)
        indptr, ids, _, _ = kernels.assemble(
            nobody, found, nobody, nothing, n_active, layer.n_neurons, seed, n_threads=run.n_threads
        )
        return ActiveSet.unlabelled(ids, indptr)

    @property
    def indexes(self) -> list[tuple[LshIndex, NeuronLayer]]:
        """The LSH indexes, each with the layer whose neurons it holds."""
        pairs = [*zip(self.hidden_indexes, self.hidden_layers, strict=True), (self.output_index, self.output)]
        return [(index, layer) for index, layer in pairs if index is not None]

    def rebuild_tables(self, n_threads: int) -> None:
        """Refill all hash tables from the rows as they are."""
        for index, layer in self.indexes:
            index.rebuild(layer.neurons.weights, n_threads=n_threads)
        self._tables_are_current = True

    def rebuild_tables_if_due(self, step: int, n_threads: int) -> bool:
        """Refill the tables whose turn it is after `step` steps; whether there was one."""
        self._tables_are_current = False
        due = [index.rebuild_if_due(step, layer.neurons.weights, n_threads=n_threads) for index, layer in self.indexes]
        return any(due)

    def prepare_answers(self, n_threads: int) -> None:
        """Refill the tables if training has moved the rows since they were filled; while it goes on, they stay."""
        if not self._tables_are_current:
            self._answer_tables = None
            if not self.in_training:
                self.rebuild_tables(n_threads)

    def answer_tables(self, n_threads: int) -> LshIndex:
        """The tables over the output layer, made for answers alone if training did without them."""
        self.prepare_answers(n_threads)
        if self.output_index is not None:
            return self.output_index
        if self._answer_tables is None:
            index = LshIndex(self.config, self.output.n_inputs, self.n_labels, np.random.default_rng(0))
            index.rebuild(self.output.neurons.weights, n_threads=n_threads)
            self._answer_tables = index
        return self._answer_tables

    def named_arrays(self, *, with_state: bool = True) -> Iterator[tuple[str, NDArray[Any]]]:
        """Every array of the network, by name: what saving, loading, inspecting and counting memory walk.

        Without the optimizer's state, they are all that answers need.
        """
        rows = {"input": self.input.features}
        if self.input.bias:
            rows["input_bias"] = self.input.bias
        rows |= {f"hidden_{number}": layer.neurons for number, layer in enumerate(self.hidden_layers, 1)}
        rows["output"] = self.output.neurons
        for prefix, parameters in rows.items():
            yield from ((f"{prefix}.{name}", a) for name, a in parameters.named_arrays(with_state=with_state))
        for prefix, index in self._named_indexes():
            yield from ((f"{prefix}.lsh.{name}", a) for name, a in index.named_arrays().items())

    def named_tables(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """The hash tables, for checkpoints; a saved model does without them, for they can be refilled from the rows."""
        for prefix, index in self._named_indexes():
            yield from ((f"{prefix}.tables.{name}", array) for name, array in index.named_tables().items())

    def restore_tables(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `named_tables` gave, among other arrays; ``ValueError`` if it does not fit the network."""
        for prefix, index in self._named_indexes():
            begin = f"{prefix}.tables."
            index.restore_tables({name[len(begin) :]: a for name, a in arrays.items() if name.startswith(begin)})

    def _named_indexes(self) -> Iterator[tuple[str, LshIndex]]:
        for number, index in enumerate(self.hidden_indexes):
            if index:
                yield f"hidden_{number + 1}", index
        if self.output_index:
            yield "output", self.output_index

    @property
    def n_bytes(self) -> int:
        """Memory of the rows and the hash tables."""
        rows = [self.input.features, self.output.neurons, *(layer.neurons for layer in self.hidden_layers)]
        return sum(r.rows.memory.nbytes for r in rows) + sum(index.n_bytes for index, _ in self.indexes)


def estimated_bytes(config: Config, n_features: int, n_labels: int) -> int:
    """Memory of the rows and tables of a network before it is made."""
    sizes = config.hidden_sizes
    shapes = [(n_features, sizes[0]), *zip(sizes[1:], sizes, strict=False), (n_labels, sizes[-1])]
    rows = sum(ParameterRows.n_bytes_of(n, width, config.row_state) for n, width in shapes)
    if "lsh" not in config.samplers:
        return rows
    n_codes = 2**config.hashes_per_table if config.hash_family == "simhash" else MAX_DEFAULT_BUCKETS
    n_buckets = config.n_buckets or min(n_codes, MAX_DEFAULT_BUCKETS)
    # codes and ids of every label in every table, and the ends of the buckets
    return rows + 4 * config.n_tables * (2 * n_labels + n_buckets)

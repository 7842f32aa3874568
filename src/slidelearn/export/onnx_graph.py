"""A model's networks and the choice of the best labels as one ONNX graph, for whatever runs such graphs.

The ranker stays behind: its classifiers and neighbours are sparse look-ups that the operators of ONNX have no word for.
So the graph's labels are those of ``SlideClassifier(ranker=False)``, and its scores are logits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from slidelearn.config import Config
from slidelearn.estimator.classifier_within import classifier_within
from slidelearn.export.failures import ExportError
from slidelearn.export.onnx_answers import N_FEATURES
from slidelearn.extras import import_extra
from slidelearn.features.standards import Standards
from slidelearn.files.atomic import write_atomically
from slidelearn.files.paths import to_path
from slidelearn.kernels import Float, Ids
from slidelearn.network.layers import NeuronLayer
from slidelearn.network.network import Network
from slidelearn.version import __version__

_OPSET, _IR_VERSION = 18, 9
"""Of ONNX 1.14 (May 2023), so that runtimes since then can read it."""
_MOST_BYTES = 2_000_000_000
"""A protobuf message holds at most 2 GiB."""
_TINY_NORM = np.float32(1e-6)
"""As in native/kernels/simd.h."""

Inputs = Literal["sparse", "dense"]


def to_onnx(clf: BaseEstimator, path: str | Path, *, k: int = 5, inputs: Inputs = "sparse") -> None:
    """Write a file with a graph that gives the network's `k` best labels of each sample.

    Parameters
    ----------
    clf
        A trained `SlideClassifier` or `SlideTextClassifier`. The graph takes features, also of the latter.
    path
        The file; one that is there is replaced.
    k
        Labels for each sample.
    inputs
        ``sparse``: the graph's inputs are `ids` (n_samples, n) int64 and `values` (n_samples, n) float32, a sample's
        features, each once, filled up with id 0 and value 0. ``dense``: it is `X` (n_samples, n_features) float32. In
        both, features are as `predict_topk` takes them: the graph leaves out those that the model does not know, raises
        and normalises them as the model does. Only a graph with dense inputs can standardise them.

    Its outputs are `labels` (n_samples, k) int64, columns of Y, best first, and `scores` (n_samples, k) float32, their
    logits. There is no ranker in it (see the module).

    Raises
    ------
    ExportError
        If hidden layers are sampled by hash tables, features are standardised but inputs sparse, or the graph would be
        larger than a file of ONNX can be.
    ImportError
        Without the package onnx (extra `onnx`).

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> from slidelearn.export import onnx_top_k, to_onnx
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(preset="quick", n_epochs=1).fit(data.X_train, data.Y_train)
    >>> to_onnx(clf, "model.onnx", k=3)  # doctest: +SKIP
    >>> labels, scores = onnx_top_k("model.onnx", data.X_test)  # doctest: +SKIP
    """
    place, clf = to_path(path), classifier_within(clf)
    networks, config = clf.networks_, clf.config_
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= clf.n_labels_:
        raise ValueError(f"k must be an integer in [1, {clf.n_labels_}], but is {k!r}")
    if inputs not in ("sparse", "dense"):
        raise ValueError(f"inputs must be 'sparse' or 'dense', but is {inputs!r}")
    standards = clf.standards_
    if standards and inputs == "sparse":
        raise ExportError("inputs must be 'dense' for a model that standardises features, but is 'sparse'")
    if any(networks[0].hidden_active):
        raise ExportError(
            f"hidden_active must be 0 in all layers for ONNX, which knows no hash tables, but is {config.hidden_active}"
        )
    n_bytes = sum(_n_bytes(network) for network in networks)
    known = None if len(clf.known_features_) == clf.n_features_in_ else clf.known_features_
    if known is not None and inputs == "sparse":
        n_bytes += known.itemsize * clf.n_features_in_
    if n_bytes > _MOST_BYTES:
        raise ExportError(
            f"the graph would hold {n_bytes / 1e9:.1f} GB, but a file of ONNX holds at most 2: "
            "save the model with inference_only=True instead, or train it with smaller hidden_sizes"
        )
    graph = Graph()
    n_columns = clf.n_features_in_
    if inputs == "sparse":
        features = _sparse_features(graph, config, known, n_columns)
    else:
        features = _dense_features(graph, config, known, n_columns, standards)
    logits = [_logits(graph, network, features) for network in networks]
    labels, scores = _best(graph, logits, k, min(max(k, config.shortlist_length), clf.n_labels_))
    write_atomically(place, graph.serialized({"labels": labels, "scores": scores}, k, n_columns))


def _n_bytes(network: Network) -> int:
    return sum(array.nbytes for name, array in network.named_arrays(with_state=False) if ".lsh." not in name)


class Graph:
    """An ONNX graph in the making; values go by their names."""

    def __init__(self) -> None:
        self.onnx = import_extra("onnx", "onnx", "slidelearn export")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []

    def input(self, name: str, dtype: type, *shape: int | str) -> str:
        """What the graph is given."""
        self._inputs.append(self._described(name, dtype, shape))
        return name

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """What it brings along."""
        name = f"constant_{len(self._constants)}"
        array: NDArray[Any] = np.ascontiguousarray(value, dtype)
        self._constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, n_outputs: int = 1, **attributes: Any) -> Any:
        """What it computes; the name of the outcome, or a list of names."""
        outputs = [f"value_{len(self._nodes)}_{number}" for number in range(n_outputs)]
        self._nodes.append(self.onnx.helper.make_node(operator, list(inputs), outputs, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def serialized(self, outputs: dict[str, str], k: int, n_columns: int) -> bytes:
        """The whole, checked: `outputs` are values by the names that they have outside; it says how wide X must be."""
        for name, value in outputs.items():
            self._nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        kinds = {"labels": np.int64, "scores": np.float32}
        described = [self._described(name, kinds[name], ("n_samples", k)) for name in outputs]
        graph = self.onnx.helper.make_graph(self._nodes, "slidelearn", self._inputs, described, self._constants)
        opset = self.onnx.helper.make_opsetid("", _OPSET)
        model = self.onnx.helper.make_model(
            graph,
            producer_name="slidelearn",
            producer_version=__version__,
            opset_imports=[opset],
            ir_version=_IR_VERSION,
        )
        self.onnx.helper.set_model_props(model, {N_FEATURES: str(n_columns)})
        self.onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def _described(self, name: str, dtype: type, shape: tuple[int | str, ...]) -> Any:
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)


class Features:
    """The features of the samples: their product with rows of parameters, one for each feature."""

    def __init__(self, graph: Graph, values: str, ids: str | None) -> None:
        self._graph, self._values, self._ids = graph, values, ids

    def times(self, rows: Float) -> str:
        """(n_samples, width)."""
        graph, table = self._graph, self._graph.constant(rows)
        if self._ids is None:
            return str(graph.add("MatMul", self._values, table))
        axis = graph.constant([1], np.int64)
        found = graph.add("Gather", table, self._ids, axis=0)
        product = graph.add("MatMul", graph.add("Unsqueeze", self._values, axis), found)
        return str(graph.add("Squeeze", product, axis))


def _sparse_features(graph: Graph, config: Config, known: Ids | None, n_columns: int) -> Features:
    """A column that is not known gets the value 0, and the row -1, which is the last one."""
    ids = graph.input("ids", np.int64, "n_samples", "n_features_of_a_sample")
    values = graph.input("values", np.float32, "n_samples", "n_features_of_a_sample")
    if known is not None:
        rows = np.full(n_columns, -1, np.int32)
        rows[known] = np.arange(len(known))
        ids = graph.add("Gather", graph.constant(rows, np.int32), ids, axis=0)
        is_known = graph.add("GreaterOrEqual", ids, graph.constant(0, np.int32))
        values = graph.add("Where", is_known, values, graph.constant(0))
    return Features(graph, _prepared(graph, values, config), ids)


def _dense_features(
    graph: Graph, config: Config, known: Ids | None, n_columns: int, standards: Standards | None
) -> Features:
    values = graph.input("X", np.float32, "n_samples", n_columns)
    if known is not None:
        values = graph.add("Gather", values, graph.constant(known, np.int32), axis=1)
    if standards:
        differences = graph.add("Sub", values, graph.constant(standards.means))
        values = graph.add("Div", differences, graph.constant(standards.deviations))
        one_before = graph.constant([0, 1, 0, 0], np.int64)
        values = graph.add("Pad", values, one_before, graph.constant(1))
    return Features(graph, _prepared(graph, values, config), None)


def _prepared(graph: Graph, values: str, config: Config) -> str:
    """As the estimator does with X before anything else."""
    if config.feature_power != 1:
        raised = graph.add("Pow", graph.add("Abs", values), graph.constant(config.feature_power))
        values = graph.add("Mul", graph.add("Sign", values), raised)
    if config.normalize_features:
        lengths = _lengths(graph, values)
        one, zero = graph.constant(1), graph.constant(0)
        is_empty = graph.add("Equal", lengths, zero)
        values = graph.add("Div", values, graph.add("Where", is_empty, one, lengths))
    return values


def _lengths(graph: Graph, rows: str) -> str:
    return str(graph.add("ReduceL2", rows, graph.constant([1], np.int64), keepdims=1))


def _logits(graph: Graph, network: Network, features: Features) -> str:
    """(n_samples, n_labels)."""
    hidden = features.times(network.input.features.weights)
    if network.input.bias:
        hidden = graph.add("Add", hidden, graph.constant(network.input.bias.weights[0]))
    hidden = _activated(graph, network, hidden)
    for layer in network.hidden_layers:
        hidden = _activated(graph, network, _neurons(graph, layer, hidden))
    return _neurons(graph, network.output, hidden)


def _activated(graph: Graph, network: Network, hidden: str) -> str:
    return str(graph.add("Relu", hidden)) if network.config.hidden_activation == "relu" else hidden


def _neurons(graph: Graph, layer: NeuronLayer, x: str) -> str:
    """All logits of a layer; the lengths of its rows, where these are cosines, are in the constants."""
    weights: NDArray[np.float32] = layer.neurons.weights
    if layer.scales is not None:
        x = graph.add("Div", x, graph.add("Add", _lengths(graph, x), graph.constant(_TINY_NORM)))
        weights = weights * layer.scales[:, None]
    product = graph.add("MatMul", x, graph.constant(weights.T))
    return str(graph.add("Add", product, graph.constant(layer.neurons.bias)))


def _best(graph: Graph, logits: list[str], k: int, n_listed: int) -> tuple[str, str]:
    """The k best labels; of several networks the first makes a shortlist, the mean of all orders it."""
    n = n_listed if len(logits) > 1 else k
    scores, labels = graph.add("TopK", logits[0], graph.constant([n], np.int64), n_outputs=2, axis=1)
    if len(logits) == 1:
        return labels, scores
    others = [graph.add("GatherElements", each, labels, axis=1) for each in logits[1:]]
    mean = graph.add("Mean", scores, *others)
    scores, places = graph.add("TopK", mean, graph.constant([k], np.int64), n_outputs=2, axis=1)
    return graph.add("GatherElements", labels, places, axis=1), scores

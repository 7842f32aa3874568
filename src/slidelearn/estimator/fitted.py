"""What a trained estimator holds, and how it goes to disk, into a pickle and to another process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from slidelearn.config import Config
from slidelearn.estimator.parameters import Parameters
from slidelearn.features.standards import Standards
from slidelearn.files.paths import to_path
from slidelearn.kernels import Ids
from slidelearn.labels.targets import Targets
from slidelearn.machine.resources import resolve_threads
from slidelearn.model.documents import (
    feature_names,
    parameters_of,
    put_feature_names,
    put_parameters,
    put_targets,
    targets_of,
)
from slidelearn.model.files import load_model, save_model
from slidelearn.model.model import Model
from slidelearn.network.network import Network
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import Ranker


class Fitted(Parameters):
    """Parameters, and a model once there is one."""

    _model: Model
    _targets: Targets
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def save(self, directory: str | Path, *, inference_only: bool = False) -> None:
        """Write the model to a directory; a crash leaves the old model there, or the new one.

        With `inference_only`, the files are a third as large: weights are rounded to eight bits, and what only training
        needs is left out. The loaded model takes as much memory as before and answers nearly the same, but cannot go on
        learning: `partial_fit` refuses it.
        """
        self._check_fitted()
        save_model(to_path(directory, "directory"), self._model, inference_only=inference_only)

    @classmethod
    def load(cls, directory: str | Path, *, n_jobs: int | None = None) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        CheckpointError
            If it is damaged, naming the file and the array.
        """
        model = load_model(to_path(directory, "directory"))
        parameters = parameters_of(model.documents, cls().get_params()) or model.network.config.model_dump()
        made = cls(**{**parameters, "n_jobs": n_jobs})
        made._model, made._targets = model, targets_of(model.documents, model.network.n_labels)
        made.n_features_in_ = model.n_features
        names = feature_names(model.documents, model.n_features)
        if names is not None:
            made.feature_names_in_ = names
        return made

    def _describe(self) -> None:
        """Write into the model's documents the user's parameters, and the user's names for labels and features.

        In the documents, checkpoints have them too.
        """
        put_parameters(self._model.documents, self._lasting())
        put_targets(self._model.documents, self._targets)
        put_feature_names(self._model.documents, getattr(self, "feature_names_in_", None))

    def __getstate__(self) -> dict[str, Any]:
        """A pickle has the files that `save` would write, not the arrays of a running engine."""
        state = dict(super().__getstate__())
        if "_model" in state:
            with tempfile.TemporaryDirectory() as place:
                save_model(Path(place), state["_model"])
                state["_model"] = {path.name: path.read_bytes() for path in Path(place).iterdir()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the model back, as suspicious as `load`."""
        if "_model" in state:
            with tempfile.TemporaryDirectory() as place:
                for name, content in state["_model"].items():
                    (Path(place) / Path(name).name).write_bytes(content)
                state = state | {"_model": load_model(Path(place))}
        super().__setstate__(state)

    @property
    def config_(self) -> Config:
        """The options in force."""
        return self.network_.config

    @property
    def n_labels_(self) -> int:
        """How many labels the model knows."""
        return self.network_.n_labels

    @property
    def classes_(self) -> NDArray[Any]:
        """(n_labels_,): the class or name of each label; where Y is an indicator, the numbers of its columns."""
        self._check_fitted()
        return self._targets.labels

    @property
    def threshold_(self) -> float | None:
        """Score from which on `predict` gives a label; None where every sample has one class."""
        self._check_fitted()
        return self._targets.threshold

    @property
    def network_(self) -> Network:
        """The trained network; of several, the first, which puts labels on the shortlist."""
        self._check_fitted()
        return self._model.network

    @property
    def networks_(self) -> list[Network]:
        """All networks: the `n_networks` of each of `n_models` models."""
        self._check_fitted()
        return self._model.networks

    @property
    def ranker_(self) -> Ranker | None:
        """What orders the labels on the network's shortlist, of several models the first one's; None: nothing does."""
        self._check_fitted()
        return self._model.members[0].ranker

    @property
    def neighbours_(self) -> Neighbours | None:
        """The training samples that vote on the labels of a shortlist; None: nobody does."""
        self._check_fitted()
        return self._model.neighbours

    @property
    def documents_(self) -> dict[str, str]:
        """Texts that are saved with the model, by file name, such as ``labels.txt``; add to it freely."""
        self._check_fitted()
        return self._model.documents

    @property
    def training_(self) -> dict[str, Any]:
        """What training reported."""
        self._check_fitted()
        return self._model.training

    @property
    def known_features_(self) -> Ids:
        """(n_known,) int32: columns of X that occurred in training, ascending; others say nothing in answers."""
        self._check_fitted()
        return self._model.known.ids

    @property
    def standards_(self) -> Standards | None:
        """What features are standardised by: `means` and `deviations`, (n_known,) each; None: they are not."""
        self._check_fitted()
        return self._model.standards

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All arrays of the model, by name: what `save` writes."""
        self._check_fitted()
        return self._model.named_arrays()

    @property
    def _n_threads(self) -> int:
        return resolve_threads(self.n_jobs)

    def __sklearn_is_fitted__(self) -> bool:
        """For scikit-learn's `check_is_fitted`."""
        return hasattr(self, "_model")

    def _check_fitted(self) -> None:
        if not hasattr(self, "_model"):
            name = type(self).__name__
            raise NotFittedError(f"this {name} is not trained yet: call fit or partial_fit, or load a model")

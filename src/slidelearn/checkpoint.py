"""Models on disk: written so that a crash leaves the old model or the new one, and read with suspicion.

A model is a directory with ``config.json``, which names the other files, each with a digest of its content in its name.
The others are written first; ``config.json`` takes the place of its predecessor in one step, and only then the files of
the old model go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from slidelearn.version import __version__
from slidelearn.arrays_file import ArraysFile, write_arrays
from slidelearn.atomic_files import CheckpointError, sync_directory, write_atomically, write_with_digest
from slidelearn.config import Config, make_config
from slidelearn.network import Network

FORMAT_VERSION = 1


@dataclass
class Model:
    """What is saved: enough to answer, and to go on training."""

    network: Network
    rng: np.random.Generator
    n_steps: int = 0
    documents: dict[str, str] = field(default_factory=dict)
    """Texts that belong to the model, by file name, such as ``labels.txt``."""
    training: dict[str, Any] = field(default_factory=dict)
    """What training reported: plain values."""


def save_model(directory: Path, model: Model) -> None:
    """Write a model, in place of the one that is there, if any."""
    directory.mkdir(parents=True, exist_ok=True)
    arrays = write_with_digest(directory, "model.safetensors", lambda f: write_arrays(f, model.network.named_arrays()))
    documents = {
        name: write_with_digest(directory, name, lambda f, text=text: f.write(text.encode("utf-8")))
        for name, text in model.documents.items()
    }
    sync_directory(directory)
    description = {
        "format": "slidelearn-model",
        "format_version": FORMAT_VERSION,
        "slidelearn_version": __version__,
        "n_features": model.network.n_features,
        "n_labels": model.network.n_labels,
        "n_steps": model.n_steps,
        "arrays": arrays,
        "documents": documents,
        "config": model.network.config.model_dump(mode="json"),
        "random_state": model.rng.bit_generator.state,
        "training": model.training,
    }
    write_atomically(directory / "config.json", (json.dumps(description, indent=2) + "\n").encode("utf-8"))
    _remove_leftovers(directory, {arrays, *documents.values()})


def load_model(directory: Path) -> Model:
    """Read a model.

    Raises
    ------
    CheckpointError
        Naming the file, and the array where there is one, that is missing, damaged or of another version.
    """
    description = read_description(directory)
    path = directory / _member(description, "arrays", str, directory)
    config = _config(description, directory)
    n_features = _member(description, "n_features", int, directory)
    n_labels = _member(description, "n_labels", int, directory)
    with ArraysFile(path) as arrays:
        # before anything is allocated by the numbers in config.json, the arrays must bear them out
        arrays.expect("input.weights", (n_features, config.hidden_sizes[0]))
        arrays.expect("output.weights", (n_labels, config.hidden_sizes[-1]))
        network = Network(config, n_features, n_labels, rng=None)
        arrays.read_into(dict(network.named_arrays()))
    return Model(
        network,
        _generator(description, directory),
        _member(description, "n_steps", int, directory),
        {name: _read_document(directory, file) for name, file in description.get("documents", {}).items()},
        description.get("training", {}),
    )


def read_description(directory: Path) -> dict[str, Any]:
    """The content of a model's ``config.json``."""
    path = directory / "config.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{directory} is not a model: it has no config.json") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if not isinstance(description, dict) or description.get("format") != "slidelearn-model":
        raise CheckpointError(f"{path} is not of a slidelearn model: its format must be 'slidelearn-model'")
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version must be {FORMAT_VERSION}, but is {version!r}; "
            "a newer version of slidelearn may read it"
        )
    return description


def _member(description: Mapping[str, Any], name: str, kind: type, directory: Path) -> Any:
    value = description.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CheckpointError(f"{directory / 'config.json'}: {name} must be of type {kind.__name__}, but is {value!r}")
    return value


def _config(description: Mapping[str, Any], directory: Path) -> Config:
    try:
        return make_config(**_member(description, "config", dict, directory))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{directory / 'config.json'}: config: {error}") from None


def _generator(description: Mapping[str, Any], directory: Path) -> np.random.Generator:
    rng = np.random.default_rng(0)
    try:
        rng.bit_generator.state = description["random_state"]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{directory / 'config.json'}: random_state is damaged: {error!r}") from None
    return rng


def _read_document(directory: Path, file: Any) -> str:
    if not isinstance(file, str) or Path(file).name != file:
        raise CheckpointError(f"{directory / 'config.json'}: documents must name files of the model, but name {file!r}")
    try:
        return (directory / file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{directory / file} cannot be read: {error}") from None


def _remove_leftovers(directory: Path, kept: set[str]) -> None:
    """Remove the files of former models: those that bear a digest, and temporary ones."""
    stems = {name.rsplit("-", 1)[0] for name in kept} | {"model"}
    for path in directory.iterdir():
        former = path.name.rsplit("-", 1)[0] in stems and path.name not in kept and path.name != "config.json"
        if former or path.name.endswith(".tmp"):
            path.unlink(missing_ok=True)

"""Models on disk: written so that a crash leaves the old model or the new one, and read with suspicion.

A model is a directory with ``config.json`` (`slidelearn.model.description`), which names the other files, each with a
digest of its content in its name. The others are written first; ``config.json`` takes the place of its predecessor in
one step, and only then the files of the old model go.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from slidelearn.files.atomic import (
    CheckpointError,
    check_digest,
    is_named_with_digest,
    one_writer,
    sync_directory,
    write_with_digest,
)
from slidelearn.files.paths import make_directory, require_directory_place
from slidelearn.model.arrays_file import ArraysFile, write_arrays
from slidelearn.model.compact import compact, compact_room, expand_numbers, expand_weights
from slidelearn.model.description import Description, write_description
from slidelearn.model.documents import convert_parameters
from slidelearn.model.model import (
    INDEX,
    KNOWN,
    NEIGHBOURS,
    RANKER,
    SEEN,
    STANDARDS,
    Model,
    prefix_of_member,
)
from slidelearn.model.rooms import empty_model

Read = TypeVar("Read")


def save_model(directory: Path, model: Model, *, inference_only: bool = False) -> None:
    """Write a model, in place of the one that is there, if any.

    For `inference_only`, the optimizer's state is left out and the arrays are in their compact form
    (`slidelearn.model.compact`); a model that was loaded from such files can be saved in no other way.
    """
    network = model.network
    inference_only = inference_only or not network.trainable
    named = dict(model.named_arrays(with_state=not inference_only))
    stored = compact(named) if inference_only else named
    make_directory(directory)
    with one_writer(directory):
        _write_model(directory, model, stored, inference_only=inference_only)


def _write_model(directory: Path, model: Model, stored: Mapping[str, np.ndarray], *, inference_only: bool) -> None:
    """Write the files, the one that names the others last."""
    network, former = model.network, _documents_named_in(directory)
    arrays = write_with_digest(directory, "model.safetensors", lambda file: write_arrays(file, stored))
    documents = {name: _write_document(directory, name, text) for name, text in model.documents.items()}
    sync_directory(directory)
    description = {
        "n_columns": model.n_features,
        "n_features": network.n_features,
        "n_labels": network.n_labels,
        "n_steps": model.n_steps,
        "inference_only": inference_only,
        "arrays": arrays,
        "documents": documents,
        "config": network.config.model_dump(mode="json"),
        "random_state": model.rng.bit_generator.state,
        "training": model.training,
    }
    write_description(directory, description)
    _remove_leftovers(directory, {"model.safetensors", *documents, *former}, kept={arrays, *documents.values()})


def load_model(directory: Path) -> Model:
    """Read a model; if another one takes its place meanwhile, that one.

    Raises
    ------
    CheckpointError
        Naming the file, and the array where there is one, that is missing, damaged or of another version.
    """
    return _unless_replaced(directory, _read_model)


def _unless_replaced(directory: Path, read: Callable[[Description], Read]) -> Read:
    """Read what ``config.json`` names, and once more where another process has saved a model meanwhile."""
    while True:
        description = Description.read(directory)
        try:
            return read(description)
        except (CheckpointError, FileNotFoundError):
            if Description.read(directory) == description:
                raise


def _read_model(description: Description) -> Model:
    inference_only = description.member("inference_only", bool)
    arrays_path = description.file(description.values.get("arrays"))
    with ArraysFile(arrays_path) as arrays:
        arrays.check_content()
        model = empty_model(description, arrays)
        named = dict(model.named_arrays())
        shapes = {name: shape for name, (shape, _) in arrays.descriptions.items()}
        stored = compact_room(named, shapes) if inference_only else named
        arrays.read_into(stored)
    if inference_only:
        expand_numbers(stored, named)
    _require_sound(model, description.directory)
    if inference_only:
        try:
            expand_weights(stored, named)
        except ValueError as error:
            raise CheckpointError(f"{arrays_path}: {error}") from None
    model.n_steps, model.training = description.member("n_steps", int), description.member("training", dict)
    for name, file in description.member("documents", dict).items():
        model.documents[name] = _read_document(description.file(file))
    convert_parameters(model.documents, description.named_now)
    return model


def inspect_model(directory: Path) -> tuple[Mapping[str, Any], dict[str, tuple[tuple[int, ...], np.dtype[Any]]]]:
    """Describe a model without reading its arrays: the content of ``config.json``, and each array's shape and dtype."""

    def described(description: Description) -> tuple[Mapping[str, Any], Any]:
        with ArraysFile(description.file(description.values.get("arrays"))) as arrays:
            return description.values, arrays.descriptions

    return _unless_replaced(directory, described)


def require_place(directory: Path, n_bytes: int) -> None:
    """Refuse a place where a model of so many bytes could not be saved, before the time for training it is spent.

    Raises
    ------
    ValueError
        If the place is a file, belongs to something else, cannot be written, or has too little room.
    """
    require_directory_place(directory)
    if (directory / "config.json").exists():
        try:
            Description.read(directory)
        except CheckpointError as error:
            raise ValueError(f"{error}; to save a model there, move what is there out of the way") from None
    above = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise ValueError(f"{directory} cannot be written: {above} does not allow it; give another place")
    free = shutil.disk_usage(above).free
    if free < n_bytes:
        raise ValueError(f"{directory} needs {n_bytes / 1e6:,.0f} MB, but {free / 1e6:,.0f} MB are free there")


def _require_sound(model: Model, directory: Path) -> None:
    """Refuse arrays that have the right shapes, but would lead a verb beyond their ends, or to nonsense."""
    for number, member in enumerate(model.members):
        prefix = prefix_of_member(number)
        if member.ranker and not member.ranker.is_sound():
            raise CheckpointError(f"{directory}: the arrays {prefix}{RANKER}* do not fit each other and the network")
        if member.index and not member.index.is_sound(member.network.n_labels):
            raise CheckpointError(f"{directory}: the arrays {prefix}{INDEX}* do not fit each other and the network")
    if model.neighbours and not model.neighbours.is_sound():
        raise CheckpointError(f"{directory}: the arrays {NEIGHBOURS}* do not fit each other and the network")
    if model.seen and not model.seen.is_sound():
        raise CheckpointError(f"{directory}: the arrays {SEEN}* must hold numbers of samples, and some")
    if not model.known.is_sound():
        raise CheckpointError(f"{directory}: the array {KNOWN}features must be columns of X, ascending")
    if model.standards and not model.standards.are_sound():
        raise CheckpointError(f"{directory}: the array {STANDARDS}deviations must be > 0")


def _write_document(directory: Path, name: str, text: str) -> str:
    return write_with_digest(directory, name, lambda file: file.write(text.encode("utf-8")))


def _read_document(path: Path) -> str:
    try:
        content = path.read_bytes()
        check_digest(path, content)
        return content.decode("utf-8")
    except (OSError, UnicodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None


def _documents_named_in(directory: Path) -> set[str]:
    try:
        return set(Description.read(directory).values.get("documents", {}))
    except CheckpointError:
        return set()


def _remove_leftovers(directory: Path, names: set[str], kept: set[str]) -> None:
    """Remove the files that former models have left under these names, finished or not, and nothing else."""
    stems = {name.partition(".")[0] for name in names}
    for path in directory.iterdir():
        finished = path.name not in kept and any(is_named_with_digest(path.name, stem) for stem in stems)
        if finished or path.name in {f"{name}.tmp" for name in names}:
            path.unlink(missing_ok=True)

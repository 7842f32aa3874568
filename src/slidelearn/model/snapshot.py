"""Snapshots: a training between two steps, with all it needs to go on as if it had never stopped.

On disk, a snapshot is a model as far as it is trained, with two more files: ``training_state.json``, a document of the
model, and the arrays that it names. So it is as safe from damage as a model, and can be loaded as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slidelearn.arrays import require_array, require_ids
from slidelearn.counts import Counts
from slidelearn.files.atomic import CheckpointError, write_with_digest
from slidelearn.files.paths import make_directory
from slidelearn.model.arrays_file import ArraysFile, write_arrays
from slidelearn.model.files import load_model, save_model
from slidelearn.model.model import Model

STATE = "training_state.json"
_ARRAYS = "training_arrays.safetensors"


class Origin(BaseModel):
    """Where a training comes from: with what it must be resumed, and what was found before its first step."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    given: dict[str, Any]
    """The options before any was chosen."""
    left_open: frozenset[str]
    """The names of those that could be."""
    pilot: dict[str, dict[str, float]] = {}
    plans: dict[str, float] = {}
    """Seconds expected of the plans; see `slidelearn.fitting.budget.fit_into`."""
    settled: bool | None = None
    """Whether choices of the ranker were settled; they are among the arrays."""
    threshold: float | None = None
    """Score from which on the model is to give labels, if that was found."""
    kept_back: dict[str, int] = {}
    """How many samples were kept back while choices were settled, by name."""
    buffer_size: int | None = None
    """Of the stream that the samples are read from; None: they are in memory."""
    choosing_seconds: float = 0.0
    """What it took to find all that."""


class TrainingState(BaseModel):
    """Where a training is, but for its arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    version: Literal[1] = 1
    origin: Origin
    data: str
    """Digest of the training samples."""
    seconds: float
    """Of the whole training so far, by the clock."""
    cpu_seconds: float
    number: int
    """Of the network that is trained, from 1 up."""
    steps_before: Annotated[int, Field(ge=0)]
    """Of the networks before it."""
    order_state: dict[str, Any]
    """State of the random generator from which the order of the epoch's samples was drawn."""
    counts: Counts
    callbacks: list[tuple[str, dict[str, Any]]] = []
    """Name and state of each callback that has one."""
    arrays: str = ""
    """Name of their file."""


@dataclass(frozen=True)
class Snapshot:
    """A training between two steps."""

    model: Model
    state: TrainingState
    arrays: Mapping[str, NDArray[Any]]
    """Samples kept back, choices that were settled, the samplers' memory, hash tables."""


def save_snapshot(directory: Path, snapshot: Snapshot) -> None:
    """Write a snapshot to a directory, which should be new."""
    make_directory(directory)
    arrays = write_with_digest(directory, _ARRAYS, lambda file: write_arrays(file, snapshot.arrays))
    state = snapshot.state.model_copy(update={"arrays": arrays}).model_dump_json()
    documents = {**snapshot.model.documents, STATE: state}
    save_model(directory, replace(snapshot.model, documents=documents))


def load_snapshot(directory: Path) -> Snapshot:
    """Read a snapshot.

    Raises
    ------
    CheckpointError
        Naming the file, and the array where there is one, that is missing, damaged or of another version.
    """
    model = load_model(directory)
    if STATE not in model.documents:
        raise CheckpointError(f"{directory} is a model, and no checkpoint of a training: it has no {STATE}")
    try:
        state = TrainingState.model_validate_json(model.documents.pop(STATE))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise CheckpointError(f"{directory}: {STATE} is damaged: {place}: {problem['msg']}") from None
    if not state.arrays or Path(state.arrays).name != state.arrays or "\0" in state.arrays:
        raise CheckpointError(f"{directory}: {STATE} must name a file beside it, but names {state.arrays!r}")
    with ArraysFile(directory / state.arrays) as arrays:
        arrays.check_content()
        return Snapshot(model, state, arrays.read_all())


def sample_ids(snapshot: Snapshot, name: str, n_samples: int) -> NDArray[np.int64]:
    """The numbers of samples of that name, ascending; ``ValueError`` if they are not that."""
    require_array(snapshot.arrays, name, np.int64, (None,))
    ids = require_ids(snapshot.arrays, name, 0, n_samples)
    if (np.diff(ids) <= 0).any():
        raise ValueError(f"array {name!r} must be ascending")
    return ids

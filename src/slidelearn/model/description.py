"""``config.json``: what a model says of itself, read with suspicion. It names the other files, and has a digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slidelearn.config import Config, make_config
from slidelearn.files.atomic import CheckpointError, digest_of, write_atomically
from slidelearn.version import __version__

FORMAT_VERSION = 8
"""Of what is written; it is raised whenever former readers could not make sense of it. Of the versions that are read as
well, 1 does not say `inference_only`, for no such model is; 1 and 2 may lack what dense features are standardised by,
and what was learnt from; up to 3 numbers in models for inference only are stored as they are; up to 4 every column of X
is a known feature; up to 5 a model has one member, and some options have other names; up to 6 a refinement does not
hear how many right labels to expect; up to 7 classifiers do not know how firm their weights are, and no judges are
kept."""
BEFORE_THEY_WERE = {"feature_power": 1.0, "n_neighbours": 0, "n_suggested": 0}
"""What options mean to models that were saved before there were such options, where that is not the default."""
_NAMES_BEFORE_6 = {"n_models": "n_networks"}
"""Options that had other names up to version 5, by these."""
_NAME, _FORMAT = "config.json", "slidelearn-model"


@dataclass(frozen=True)
class Description:
    """The content of a model's ``config.json``. What is asked of it is checked: ``CheckpointError`` names the file."""

    directory: Path
    values: Mapping[str, Any]

    @classmethod
    def read(cls, directory: Path) -> Description:
        """That of the model in a directory, if it is whole and of a version that can be read."""
        path = directory / _NAME
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{directory} is not a model: it has no {_NAME}") from None
        except NotADirectoryError:
            raise CheckpointError(f"{directory} is not a model: it is a file, and a model is a directory") from None
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from None
        if not isinstance(values, dict) or values.get("format") != _FORMAT:
            raise CheckpointError(f"{path} is not of a slidelearn model: its format must be {_FORMAT!r}")
        if values.get("digest") != digest_of_description(values):
            raise CheckpointError(f"{path} is damaged: its content does not have the digest that it names")
        version = values.get("format_version")
        if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
            raise CheckpointError(
                f"{path}: format_version must be in [1, {FORMAT_VERSION}], but is {version!r}; "
                "a newer version of slidelearn may read it"
            )
        return cls(directory, values if version > 1 else values | {"inference_only": False})

    def named_now(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options that the model keeps, by the names that they have today."""
        names = _NAMES_BEFORE_6 if self.values["format_version"] < 6 else {}
        return {names.get(name, name): value for name, value in options.items()}

    @property
    def path(self) -> Path:
        """Where it was read."""
        return self.directory / _NAME

    def member(self, name: str, kind: type) -> Any:
        """A value of just this type."""
        value = self.values.get(name)
        if type(value) is not kind:  # isinstance would take True for a number
            raise CheckpointError(f"{self.path}: {name} must be of type {kind.__name__}, but is {value!r}")
        return value

    def config(self) -> Config:
        """The options in force."""
        try:
            return make_config(**{**BEFORE_THEY_WERE, **self.named_now(self.member("config", dict))})
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path}: config: {error}") from None

    def generator(self) -> np.random.Generator:
        """The random numbers, where training left off."""
        rng = np.random.default_rng(0)
        try:
            rng.bit_generator.state = self.values["random_state"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"{self.path}: random_state is damaged: {error!r}") from None
        return rng

    def file(self, name: Any) -> Path:
        """The path of a file that it names, which must lie beside it."""
        if not isinstance(name, str) or Path(name).name != name or "\0" in name:
            raise CheckpointError(f"{self.path} must name files beside it, but names {name!r}")
        return self.directory / name


def write_description(directory: Path, values: Mapping[str, Any]) -> None:
    """Put a description in place of the former one in one step; format, version and digest are added."""
    described = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "slidelearn_version": __version__,
        **values,
    }
    described["digest"] = digest_of_description(described)
    write_atomically(directory / _NAME, (json.dumps(described, indent=2) + "\n").encode("utf-8"))


def digest_of_description(values: Mapping[str, Any]) -> str:
    """The digest of all that it says but the digest itself, however it is laid out."""
    content = {name: value for name, value in values.items() if name != "digest"}
    return digest_of(json.dumps(content, sort_keys=True).encode("utf-8"))

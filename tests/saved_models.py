"""Models on disk, as tests look at them and as someone damages them, by chance or on purpose."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.files.atomic import digest_of
from slidelearn.model.description import digest_of_description


def arrays_path(directory: Path) -> Path:
    return next(directory.glob("model-*.safetensors"))


def files_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def contents(clf: SlideClassifier) -> tuple[Any, ...]:
    arrays = {name: (array.shape, array.tobytes()) for name, array in clf.named_arrays()}
    return arrays, clf.config_, clf.documents_, clf.training_, clf.n_features_in_, clf.n_labels_


def loads_equal_or_refuses(directory: Path, expected: SlideClassifier) -> bool:
    """Whether it was refused; anything but the same model or a CheckpointError fails the test."""
    try:
        assert contents(SlideClassifier.load(directory)) == contents(expected)
    except CheckpointError:
        return True
    return False


def rewrite_description(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change config.json as someone would who means harm: its digest is right again."""
    path = directory / "config.json"
    description = json.loads(path.read_text())
    change(description)
    description["digest"] = digest_of_description(description)
    path.write_text(json.dumps(description))


def rewrite_arrays(directory: Path, content: bytes) -> None:
    """Put other arrays in place, under a digest that is right."""
    arrays_path(directory).unlink()
    name = f"model-{digest_of(content)}.safetensors"
    (directory / name).write_bytes(content)
    rewrite_description(directory, lambda description: description.update(arrays=name))


def rewrite_header(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = arrays_path(directory).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    encoded = json.dumps(header).encode()
    rewrite_arrays(directory, len(encoded).to_bytes(8, "little") + encoded + content[8 + length :])


def mutated(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    place = rng.randrange(len(damaged))
    match rng.randrange(5):
        case 0:
            damaged[place] ^= 1 << rng.randrange(8)
        case 1:
            damaged[place] = rng.randrange(256)
        case 2:
            del damaged[place : place + rng.randrange(1, 100)]
        case 3:
            damaged[place:place] = rng.randbytes(rng.randrange(1, 20))
        case 4:
            del damaged[place:]
    return bytes(damaged)

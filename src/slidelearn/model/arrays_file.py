"""Named arrays in one safetensors file, written in pieces and read through a memory map.

The layout: the length of the header (8 bytes, little-endian), the header (JSON: name -> dtype, shape, begin and end of
the data), the data. The header is padded with blanks so that the data begin on a cache line. The library's own NumPy
face would first copy every array whole.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.arrays import is_finite, pieces
from slidelearn.files.atomic import CheckpointError, HashedFile, check_digest

_NAMES = {
    "float32": "F32",
    "float64": "F64",
    "int8": "I8",
    "uint8": "U8",
    "uint16": "U16",
    "int32": "I32",
    "int64": "I64",
    "uint64": "U64",
}
_DTYPES = {short: np.dtype(name).newbyteorder("<") for name, short in _NAMES.items()}
_ALIGNMENT = 64
_MAX_HEADER = 2**26


def write_arrays(file: HashedFile, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays; those whose rows lie apart are gathered a piece at a time."""
    header: dict[str, Any] = {}
    begin = 0
    for name, array in arrays.items():
        end = begin + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": list(array.shape), "data_offsets": [begin, end]}
        begin = end
    encoded = json.dumps(header).encode("utf-8")
    encoded += b" " * (-(8 + len(encoded)) % _ALIGNMENT)
    file.write(len(encoded).to_bytes(8, "little"))
    file.write(encoded)
    for array in arrays.values():
        for piece in pieces(array):
            file.write(np.ascontiguousarray(piece, array.dtype.newbyteorder("<")).data.cast("B"))


class ArraysFile:
    """An open safetensors file, its header checked in full before any array is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise CheckpointError(f"{path} cannot be opened: {error.strerror}") from None
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> ArraysFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()
        self._file.close()

    @property
    def descriptions(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and dtype of each array, in the order of the file."""
        return {name: (shape, dtype) for name, (dtype, shape, _) in self._entries.items()}

    def check_content(self) -> None:
        """Refuse a file whose content does not have the digest that is in its name."""
        check_digest(self._path, self._map)

    def expect(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse a file that lacks the array or has it in another shape."""
        if name not in self._entries:
            raise CheckpointError(f"{self._path}: array {name!r} is missing")
        if self._entries[name][1] != shape:
            raise CheckpointError(
                f"{self._path}: array {name!r} must have shape {shape}, but has {self._entries[name][1]}"
            )

    def expect_rows(self, name: str, n_rows: int) -> None:
        """Refuse a file that lacks the array or has it with another number of rows."""
        shape = self._entries[name][1] if name in self._entries else ()
        self.expect(name, (n_rows, *shape[1:]))

    def read_into(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Fill the arrays; the file must hold just these, in the same shapes and dtypes."""
        unknown = sorted(set(self._entries) - set(arrays))
        if unknown:
            raise CheckpointError(f"{self._path}: array {unknown[0]!r} is not part of such a model")
        for name, array in arrays.items():
            self.expect(name, array.shape)
            dtype, _, begin = self._entries[name]
            if dtype.newbyteorder("=") != array.dtype:
                raise CheckpointError(f"{self._path}: array {name!r} must be {array.dtype}, but is {dtype}")
            self._copy(array, dtype, begin)
            if not is_finite(array):
                raise CheckpointError(f"{self._path}: array {name!r} must be finite, but has NaN or infinity")

    def read_all(self) -> dict[str, NDArray[Any]]:
        """Read every array that there is, in new memory, of which there can be no more than the file is long."""
        descriptions = self.descriptions
        if sum(math.prod(shape) * dtype.itemsize for shape, dtype in descriptions.values()) > len(self._map):
            raise CheckpointError(f"{self._path}: the arrays overlap")
        arrays: dict[str, NDArray[Any]] = {
            name: np.empty(shape, dtype.newbyteorder("=")) for name, (shape, dtype) in descriptions.items()
        }
        self.read_into(arrays)
        return arrays

    def _copy(self, array: NDArray[Any], dtype: np.dtype[Any], begin: int) -> None:
        """Fill the array; no view of the map outlives the call, or the map could not be closed."""
        source = np.frombuffer(self._map, dtype, array.size, begin).reshape(array.shape)
        for to, piece in zip(pieces(array), pieces(source), strict=True):
            to[...] = piece

    def _open(self) -> None:
        size = self._path.stat().st_size
        length = int.from_bytes(self._file.read(8), "little")
        if size < 8 or length > min(size - 8, _MAX_HEADER):
            raise CheckpointError(
                f"{self._path} is truncated, or not a safetensors file: the header does not fit in it"
            )
        try:
            header = json.loads(self._file.read(length))
            self._entries = {
                name: self._entry(name, entry, 8 + length, size)
                for name, entry in header.items()
                if name != "__metadata__"
            }
        except (ValueError, AttributeError, RecursionError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{self._path}: the header is damaged: {error}") from None
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def _entry(self, name: str, entry: Any, data: int, size: int) -> tuple[np.dtype[Any], tuple[int, ...], int]:
        try:
            dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            whole = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
            fits = whole and begin + math.prod(shape) * dtype.itemsize == end and data + end <= size
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise CheckpointError(
                f"{self._path}: array {name!r} does not lie within the file, or its description is damaged"
            )
        return dtype, shape, data + begin

"""SHA-256 of data files, as ``sha256sum`` writes them: given by a user, or recorded when files were first read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from slidelearn.files.atomic import write_atomically
from slidelearn.files.packed import DataError

RECORD = "SHA256SUMS"
"""Beside the files: a line with digest and name for each; ``sha256sum --check SHA256SUMS`` reads it too."""
_DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)", re.IGNORECASE)


def check_files(paths: Iterable[Path], given: Mapping[str, str] | None = None) -> None:
    """See that files are what somebody says they are, or what they were; what is new is recorded.

    Parameters
    ----------
    paths
        Files of one folder.
    given
        Digests of some of them, by name.

    Raises
    ------
    DataError
        If a file has another digest than the given or the recorded one, or the record cannot be understood.
    ValueError
        If a given digest is none, or of no such file.
    """
    found = {path.name: (path, _digest_of(path)) for path in paths}
    given = _checked(given or {}, found)
    record = next(iter(found.values()))[0].with_name(RECORD)
    recorded = _read(record)
    for name, (path, digest) in found.items():
        if given.get(name, digest) != digest:
            raise DataError(
                f"{path} has the SHA-256 {digest}, but sha256 says {given[name]}: it is damaged, or of another "
                "version; download and unpack it again"
            )
        if name not in given and recorded.get(name, digest) != digest:
            raise DataError(
                f"{path} has changed since it was read first: its SHA-256 is {digest}, but {record} says "
                f"{recorded[name]}; unpack it again, or remove that file if the change is meant"
            )
    digests = recorded | {name: digest for name, (_, digest) in found.items()}
    if digests != recorded:
        with suppress(OSError):  # a folder that others own may not be written
            write_atomically(record, "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode())


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(given: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise ValueError(f"sha256 must have a digest for each name of a file, but is {given!r:.80}")
    known = sorted(names)
    for name, digest in given.items():
        if name not in known:
            raise ValueError(f"sha256 must name files that are read, which are {', '.join(known)}, but names {name!r}")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"sha256 of {name} must be 64 hexadecimal digits, but is {digest!r:.80}")
    return {name: digest.lower() for name, digest in given.items()}


def _read(record: Path) -> dict[str, str]:
    if not record.is_file():
        return {}
    digests = dict[str, str]()
    for number, line in enumerate(record.read_text("utf-8", "replace").splitlines(), 1):
        found = _LINE.fullmatch(line)
        if not found:
            raise DataError(f"{record}, line {number}: expected a SHA-256 and a name, but found {line!r:.80}")
        digests[found[2]] = found[1].lower()
    return digests

"""Digests of content. Equal digests mean equal pixels, so a frame with the right digest is not rendered again.

``vfxage.render.stamps`` lists the parts of a frame's digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vfxage.errors import ReadError

_WHOLE = 1 << 28
"""Files up to this many bytes are read whole; of a larger file (a movie) only samples are read."""

_SAMPLES, _SAMPLE = 256, 1 << 16
"""How many samples, evenly spread, and how many bytes each."""


def digest(*parts: object) -> str:
    """Hash bytes, text and JSON-able values in order (SHA-256, 32 hex digits)."""
    state = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()[:32]


def file_digest(path: Path, frame: int | None = None) -> str:
    """Digest of a plate file's content; raises ReadError if it cannot be read."""
    with _readable(path, frame), path.open("rb") as file:
        size = path.stat().st_size
        if size <= _WHOLE:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
        samples = []
        for index in range(_SAMPLES):
            file.seek((size - _SAMPLE) * index // (_SAMPLES - 1))
            samples.append(file.read(_SAMPLE))
    return digest(size, *samples)


def file_identity(path: Path, frame: int | None = None) -> tuple[str, int, int]:
    """A file's name, size and modification time, to detect a replaced file without reading it. Raises ReadError."""
    with _readable(path, frame):
        facts = path.stat()
        return path.name, facts.st_size, facts.st_mtime_ns


@contextmanager
def _readable(path: Path, frame: int | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "check the path and its permissions"
        raise ReadError(f"cannot be read ({error.strerror})", path=path, frame=frame, fix=fix) from error


def window_digests(own: Mapping[int, str], numbers: Iterable[int], radius: int, constants: Any) -> dict[int, str]:
    """Fingerprint each of ``numbers`` from ``constants`` and the ``own`` digests of its window (+-radius frames)."""
    return {
        number: digest(constants, [own.get(k, "") for k in range(number - radius, number + radius + 1)])
        for number in numbers
    }

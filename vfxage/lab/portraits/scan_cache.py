"""Sizes and faces found by earlier scans, so that a resumed run does not decode thousands of pictures again."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.publish import publish
from vfxage.types import F32, POINTS

_LARGEST = 256 << 20
Entry = tuple[int, int, int, int]
"""Length in bytes, time of the last change in nanoseconds, width, height."""
Stamp = tuple[int, int]
"""Length in bytes, time of the last change in nanoseconds."""
Seen = tuple[Stamp, tuple[F32, ...]]
"""The file's stamp, and its largest face's (478, 2) points, or none."""


class ScanCache:
    """Size and face of decoded pictures, each valid while its file's length and time stay.

    ``file`` is where sizes are kept between sessions, faces beside it as .npz; None keeps nothing. A file that is
    damaged counts as empty. Many threads may use it at once.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known = _read(file) if file is not None else {}
        self._used: dict[str, Entry] = {}
        self._known_faces = _read_faces(file.with_suffix(".npz")) if file is not None else {}
        self._used_faces: dict[str, Seen] = {}

    def size(self, path: Path) -> tuple[int, int] | None:
        """Width and height; None for a picture that is unknown or has changed since."""
        known = self._known.get(str(path))
        if known is None or known[:2] != stamp_if_there(path):
            return None
        self._used[str(path)] = known
        return known[2:]

    def keep(self, path: Path, stamp: Stamp, size: tuple[int, int]) -> None:
        """Add a picture that was decoded whole; ``stamp`` is what ``stamp_of`` gave before."""
        self._used[str(path)] = (*stamp, *size)

    def faces(self, path: Path) -> tuple[F32, ...] | None:
        """The largest face's (478, 2) points, or no face; None for a picture that is unknown or has changed since."""
        known = self._known_faces.get(str(path))
        if known is None or known[0] != stamp_if_there(path):
            return None
        self._used_faces[str(path)] = known
        return known[1]

    def keep_faces(self, path: Path, stamp: Stamp | None, faces: tuple[F32, ...]) -> None:
        """Add a picture in which a face was searched; ``stamp`` is what ``stamp_if_there`` gave before."""
        if stamp is not None:
            self._used_faces[str(path)] = stamp, faces

    def save(self) -> None:
        """Write the entries that this run used or added. Raises WriteError."""
        if self._file is None:
            return
        if self._used != self._known:
            with publish(self._file) as partial:
                partial.write_text(json.dumps(self._used), encoding="utf-8")
        known = self._known_faces
        if self._used_faces.keys() != known.keys() or any(known[p] is not seen for p, seen in self._used_faces.items()):
            with publish(self._file.with_suffix(".npz")) as partial, partial.open("wb") as file:
                np.savez(file, **_packed(self._used_faces))


def stamp_of(path: Path) -> Stamp:
    """Length and time of the last change of a file that is there. Raises OSError."""
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns


def stamp_if_there(path: Path) -> Stamp | None:
    """``stamp_of``, None for a file that has gone."""
    try:
        return stamp_of(path)
    except OSError:
        return None


def _read(file: Path) -> dict[str, Entry]:
    with suppress(OSError, ValueError, RecursionError):
        if file.stat().st_size <= _LARGEST:
            found = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {path: (*entry,) for path, entry in found.items() if _is_entry(entry)}
    return {}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 4 and all(type(part) is int and part >= 0 for part in entry)


def _packed(faces: dict[str, Seen]) -> dict[str, np.ndarray[Any, Any]]:
    """``points`` has one entry for each path whose ``found`` is 1, in the order of the paths."""
    points = [face for _, seen in faces.values() for face in seen]
    return {
        "paths": np.frombuffer(json.dumps(list(faces)).encode(), np.uint8),
        "stamps": np.array([stamp for stamp, _ in faces.values()], np.int64).reshape(-1, 2),
        "found": np.array([len(seen) for _, seen in faces.values()], np.uint8),
        "points": np.array(points, np.float32).reshape(-1, POINTS, 2),
    }


def _read_faces(file: Path) -> dict[str, Seen]:
    with suppress(OSError, ValueError, KeyError, EOFError, RecursionError, NotImplementedError, zipfile.BadZipFile):
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > file.stat().st_size:
                return {}  # stored as it is, it is no larger than its file
            text, stamps, found, points = (_array(archive, name) for name in ("paths", "stamps", "found", "points"))
        paths = json.loads(text.astype(np.uint8).tobytes())
        faces = iter(np.ascontiguousarray(points, np.float32))
        whole = stamps.shape == (len(paths), 2) and found.shape == (len(paths),) and found.max(initial=0) <= 1
        if whole and points.shape == (int(found.sum()), POINTS, 2) and np.isfinite(points).all():
            return {
                path: ((int(length), int(time)), (next(faces),) if there else ())
                for path, (length, time), there in zip(paths, stamps, found, strict=True)
            }
    return {}


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray[Any, Any]:
    """One array; ValueError where its header claims more than there is, before memory is taken."""
    data = archive.read(f"{name}.npy")
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):  # type: ignore[no-untyped-call]
        raise ValueError(name)
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)  # type: ignore[no-untyped-call]
    if math.prod(shape) * kind.itemsize != len(data) - stream.tell() or kind.kind not in "uif":
        raise ValueError(name)
    return np.load(io.BytesIO(data), allow_pickle=False)  # type: ignore[no-any-return]

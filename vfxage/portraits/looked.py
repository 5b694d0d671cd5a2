"""What earlier scans saw inside files, so that a run that goes on need not decode thousands of pictures again."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from vfxage.publish import publish

_LARGEST = 256 << 20
Entry = tuple[int, int, int, int]
"""Length in bytes, time of the last change in nanoseconds, width, height."""


class Looked:
    """Width and height of pictures that were decoded whole, each valid while its file's length and time stay.

    ``file`` is where they are kept between sessions; None keeps nothing. A file that is damaged counts as empty.
    Many threads may ask and tell at once.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known = _read(file) if file is not None else {}
        self._used: dict[str, Entry] = {}

    def size(self, path: Path) -> tuple[int, int] | None:
        """Width and height; None for a picture that is unknown or has changed since."""
        known = self._known.get(str(path))
        if known is None or known[:2] != _stamp(path):
            return None
        self._used[str(path)] = known
        return known[2:]

    def keep(self, path: Path, stamp: tuple[int, int], size: tuple[int, int]) -> None:
        """Take up a picture that was decoded whole; ``stamp`` is what ``stamp_of`` gave before."""
        self._used[str(path)] = (*stamp, *size)

    def save(self) -> None:
        """Write what this session asked for or told. Raises WriteError."""
        if self._file is not None and self._used != self._known:
            with publish(self._file) as partial:
                partial.write_text(json.dumps(self._used), encoding="utf-8")


def stamp_of(path: Path) -> tuple[int, int]:
    """Length and time of the last change of a file that is there. Raises OSError."""
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns


def _stamp(path: Path) -> tuple[int, int] | None:
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

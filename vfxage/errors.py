"""All errors that a user can see, as one tree.

VfxageError                 exit code
├── ShotError               2   the shot file or the command line asks for something impossible
├── OutputError             2   an output cannot be written where the shot wants it (found before rendering)
├── InstallError            2   a library that vfxage needs, directly or indirectly, is missing or broken
├── ReadError               3   a plate, or one frame of it, is missing or unreadable
├── WriteError              4   a frame could not be written (disk full, folder removed), or a written frame is missing
├── LostFaceError           4   `--strict`: a face of the shot is lost on some frames, or one is not selected
└── ModelError              5   a checkpoint is missing, damaged, hostile or of an unknown network

Exit code 1 is a bug in vfxage (any other exception), 130 and 143 are SIGINT and SIGTERM. Each library's own
exceptions are translated into this tree in the one module that owns the library; only ``cli`` catches it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, NamedTuple


class Source(NamedTuple):
    """A path that the user gave, and where."""

    key: str
    """The key or option, as messages write it: "`out`", "--out"."""
    path: str


class VfxageError(Exception):
    """An error printed as one line: where, what, and what to do.

    ``what`` is a clause without a full stop; ``fix`` an imperative clause without one. ``path`` is the file that
    failed (printed by ``plain_path``), ``line`` a line in it (1-based), ``frame`` the plate's frame number.
    ``source`` is the key or option that named the path (see ``naming_sources``).
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        frame: int | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.path = None if path is None else plain_path(path)
        self.line = line
        self.frame = frame
        self.fix = fix
        self.source: str | None = None

    def __str__(self) -> str:
        where = self.path or ""
        if where and self.line is not None:
            where += f":{self.line}"
        if self.frame is not None:
            where += f" frame {self.frame}" if where else f"frame {self.frame}"
        text = f"{where}: {self.what}" if where else self.what
        if self.source and self.source.rstrip("`") not in f"{text} {self.fix}":
            text += f" (named by {self.source})"
        text = f"{text}; {self.fix}" if self.fix else text
        return " ".join(text.split())


def count_of(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: 1 frame, 2 frames; ``plural`` if adding ``s`` is wrong: 2 people."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


@contextmanager
def naming_sources(sources: Iterable[Source]) -> Iterator[None]:
    """Give each VfxageError from the block the key or option that named its path, if one of ``sources`` did.

    A path is named by the same path, or else by the nearest folder around it. The folder or file that stops an output
    is named by the path of the output, which is inside it. An error with a line is about the text and not the path.
    """
    try:
        yield
    except VfxageError as error:
        if error.path is not None and error.line is None and error.source is None:
            error.source = _source_of(os.path.abspath(error.path), sources, blocks=isinstance(error, OutputError))
        raise


def _source_of(path: str, sources: Iterable[Source], *, blocks: bool) -> str | None:
    """The key of the source that named a path. ``blocks``: the path may also be in the way of what a source names."""
    found = [(key, os.path.abspath(plain_path(named))) for key, named in sources]
    around = sorted((item for item in found if _is_inside(path, item[1])), key=lambda item: -len(item[1]))
    within = [item for item in found if blocks and _is_inside(item[1], path)]
    return next((key for key, _ in (*around, *within)), None)


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def plain_path(path: str | Path) -> str:
    """A path for messages: without ``..`` if the shorter path is the same file, else unchanged.

    A shot's paths are relative to its file, so most of them are ``shots/../plate``. After a symbolic link, ``..`` is
    not the folder before it in the text, so it stays.
    """
    text = str(path)
    if ".." not in Path(text).parts or "://" in text or "\0" in text:
        return text
    plain = os.path.normpath(text)
    return plain if os.path.realpath(text) == os.path.realpath(plain) else text


class ShotError(VfxageError):
    """The shot file or the command line is wrong, or asks for something that the plate does not have."""

    exit_code = 2


class OutputError(VfxageError):
    """An output cannot be written to the path in the shot."""

    exit_code = 2


class InstallError(VfxageError):
    """A library is missing on this machine, or does not work."""

    exit_code = 2


class ReadError(VfxageError):
    """A plate, or a frame of it, is missing or unreadable."""

    exit_code = 3


class WriteError(VfxageError):
    """A frame could not be written, or a written frame is missing or wrong."""

    exit_code = 4


class LostFaceError(VfxageError):
    """A face is lost on some frames, and ``--strict`` was given."""

    exit_code = 4


class ModelError(VfxageError):
    """A checkpoint is missing, damaged, hostile, or of a network that vfxage does not know."""

    exit_code = 5

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
from pathlib import Path
from typing import ClassVar


class VfxageError(Exception):
    """An error printed as one line: where, what, and what to do.

    ``what`` is a clause without a full stop; ``fix`` an imperative clause without one. ``path`` is the file that
    failed (printed by ``plain_path``), ``line`` a line in it (1-based), ``frame`` the plate's frame number.
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

    def __str__(self) -> str:
        where = self.path or ""
        if where and self.line is not None:
            where += f":{self.line}"
        if self.frame is not None:
            where += f" frame {self.frame}" if where else f"frame {self.frame}"
        text = f"{where}: {self.what}" if where else self.what
        text = f"{text}; {self.fix}" if self.fix else text
        return " ".join(text.split())


def count_of(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: 1 frame, 2 frames; ``plural`` if adding ``s`` is wrong: 2 people."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


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

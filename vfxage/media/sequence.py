"""The files of a sequence by frame number, for every format with one file per frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from vfxage.errors import ReadError
from vfxage.frames import Pattern
from vfxage.media.timecode import shift_timecode
from vfxage.types import ClipInfo

T = TypeVar("T")

_NUMBER = re.compile(r"(?:^|[._])(-?[0-9]{1,9})$")


@dataclass(frozen=True, slots=True)
class FrameFile:
    """Which file and frame is being read, for errors."""

    path: Path
    frame: int | None = None

    def error(self, what: str, fix: str = "replace the file") -> ReadError:
        """The ReadError that names this file and frame."""
        return ReadError(what, path=self.path, frame=self.frame, fix=fix)


def frame_files(plate: str | Path) -> dict[int, Path]:
    """The files of a pattern by number; a single file has the number at the end of its name, else 1."""
    pattern = Pattern.parse(str(Path(plate).absolute()))
    numbers = pattern.numbers()
    if not numbers:
        raise ReadError("no such file", path=plate, fix="check the path")
    if not Pattern.is_sequence(str(plate)):
        found = _NUMBER.search(Path(plate).stem)
        return {int(found[1]) if found else 1: pattern.path(numbers[0])}
    return {number: pattern.path(number) for number in numbers}


def first_readable(paths: Mapping[int, Path], opened: Callable[[int], T]) -> tuple[int, T]:
    """The first frame with a readable header, and the result of ``opened`` for it; it describes the whole plate.

    A damaged frame raises its error later, when it is read, or is filled if the shot allows it. If no header can be
    read, raises the ReadError of the first frame.
    """
    failed: ReadError | None = None
    for number in sorted(paths):
        try:
            return number, opened(number)
        except ReadError as error:
            failed = failed or error
    raise failed or ReadError("no such file", path="", fix="check the path")


def timecode_before(timecode: str | None, frames: int, rate: Fraction | None) -> str | None:
    """The timecode ``frames`` earlier; None if there is no timecode or no frame rate."""
    if timecode is None or frames == 0:
        return timecode
    return None if rate is None else shift_timecode(timecode, -frames, rate)


def absent(info: ClipInfo, number: int) -> ReadError:
    """The error for a frame without a file: outside the plate, or missing in it."""
    if not info.first <= number <= info.last:
        what = f"the plate has no such frame, it has {info.first}-{info.last}"
        return ReadError(what, path=info.path, frame=number)
    path = Pattern.parse(info.path).path(number)
    return ReadError("the file is missing", path=path, frame=number, fix="restore it, or leave the frame out")

"""The files of a sequence by frame number, for every format with one file per frame."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from vfxage.errors import ReadError, count_of
from vfxage.frames import Listing, Pattern, no_file
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFiles:
    """The files of a plate, by frame number."""

    paths: Mapping[int, Path]
    """At least one."""
    first: int
    """The smallest number of a name, also of one that is no file."""
    last: int
    notes: tuple[str, ...] = ()


def frame_files(plate: str | Path) -> FrameFiles:
    """List the files of a pattern; a single file has the number at the end of its name, else 1.

    Raises ReadError if there is none.
    """
    pattern = Pattern.parse(str(Path(plate).absolute()))
    found = pattern.listed()
    if not found.files:
        raise _no_files(plate, pattern, found)
    if not Pattern.is_sequence(str(plate)):
        named = _NUMBER.search(Path(plate).stem)
        number = int(named[1]) if named else 1
        return FrameFiles(paths={number: pattern.path(1)}, first=number, last=number)
    numbers = (*found.files, *found.dead)
    paths = {number: pattern.path(number) for number in found.files}
    return FrameFiles(paths=paths, first=min(numbers), last=max(numbers), notes=tuple(_notes(pattern, found)))


def _no_files(plate: str | Path, pattern: Pattern, found: Listing) -> ReadError:
    if not found.dead:
        return ReadError("no such file", path=plate, fix="check the path")
    path = pattern.path(found.dead[0])
    frame = found.dead[0] if Pattern.is_sequence(str(plate)) else None
    others = len(found.dead) - 1
    more = f", and {count_of(others, 'other frame')} have no file either" if others else ""
    return ReadError(f"{no_file(path)}{more}", path=path, frame=frame, fix="restore the file, or check the path")


def _notes(pattern: Pattern, found: Listing) -> Iterator[str]:
    if found.dead:
        path = pattern.path(found.dead[0])
        yield f"{count_of(len(found.dead), 'frame')} without a file: {path.name} {no_file(path)}"
    if found.strays:
        yield (
            f"{_some(tuple(found.strays))}: the number has more or fewer digits than in {pattern.path(0).name}, "
            "so this is no frame of the plate"
        )


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({count_of(len(names), 'file')})"


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
    what = no_file(path) if os.path.lexists(path) else "the file is missing"
    return ReadError(what, path=path, frame=number, fix="restore it, or leave the frame out")

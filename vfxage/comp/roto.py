"""Artists' own pictures: rotos and hold-outs that shape the mattes, and maps painted over a face's crop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from vfxage.colour.cicp import LINEAR_709
from vfxage.colour.curves import LUMA_709
from vfxage.colour.space import BUILTIN
from vfxage.errors import ReadError, ShotError
from vfxage.fingerprint import digest, file_digest
from vfxage.frames import Pattern
from vfxage.media import FORMATS, open_reader
from vfxage.media.base import Reader
from vfxage.pool import prefetch
from vfxage.types import F32, Frame, Painted, Stencil

_AS_STORED = LINEAR_709
"""A linear space: a matte's numbers are taken as they stand in the file."""
_MOST = 4.0
"""Of a painted map, as of an intensity."""

Use = Literal["file", "hold_out", "map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One picture that a shot names."""

    path: str
    use: Use
    faces: tuple[int, ...] | None
    """Identities of the tracks it is for; None for a matte of the whole shot."""
    size: int = 0
    """Side of the crop that a map is for, pixels."""


class Rotos:
    """Every roto, hold-out and map of a shot, open.

    ``shape`` is the plate's display window (width, height), ``first`` its first number, which is also that of a movie's
    first frame; a single picture stands for every frame. Raises ReadError for what cannot be read, ShotError for a
    roto that is not of the plate's size and a map that is not square.
    """

    def __init__(self, wanted: Sequence[Wanted], shape: tuple[int, int], first: int) -> None:
        self._stack = ExitStack()
        self._sources: list[_Source] = []
        try:
            for item in wanted:
                reader = _opened(item, first)
                self._stack.callback(reader.close)
                self._sources.append(_Source(item, reader))
                _check_shape(item, reader, shape)
        except BaseException:
            self._stack.close()
            raise

    def __bool__(self) -> bool:
        return bool(self._sources)

    def digest(self, number: int) -> str:
        """What this frame's pictures are: their files' content and what each is for.

        Raises ReadError naming file and frame where one is missing.
        """
        return digest([source.digest(number) for source in self._sources])

    def check(self, numbers: Sequence[int]) -> None:
        """Raise ReadError naming file and frame where one of these frames has no picture."""
        for source in self._sources:
            for number in numbers:
                source.check(number)

    @contextmanager
    def read(self, numbers: Sequence[int]) -> Iterator[Iterator[Painted]]:
        """What was painted for each of these frames (ascending), read ahead in threads; raises ReadError."""
        with ExitStack() as stack:
            streams = []
            for source in self._sources:
                frames = stack.enter_context(closing(source.read(numbers)))  # type: ignore[type-var]
                streams.append(stack.enter_context(prefetch(frames)))
            yield (self._painted([next(stream) for stream in streams]) for _ in numbers)

    def close(self) -> None:
        """Release the files."""
        self._stack.close()

    def _painted(self, values: Sequence[Stencil | F32]) -> Painted:
        whole: list[Stencil] = []
        faces: dict[int, list[Stencil]] = {}
        maps: dict[int, F32] = {}
        for source, value in zip(self._sources, values, strict=True):
            if not isinstance(value, Stencil):
                maps |= dict.fromkeys(source.wanted.faces or (), value)
            elif source.wanted.faces is None:
                whole.append(value)
            else:
                for face in source.wanted.faces:
                    faces.setdefault(face, []).append(value)
        return Painted(whole=tuple(whole), faces={face: tuple(own) for face, own in faces.items()}, maps=maps)


@dataclass(frozen=True)
class _Source:
    wanted: Wanted
    reader: Reader

    @cached_property
    def _present(self) -> frozenset[int]:
        return frozenset(self.reader.info.present or ())

    @property
    def _single(self) -> bool:
        """One picture for every frame."""
        return self.reader.info.kind == "sequence" and not Pattern.is_sequence(self.wanted.path)

    def read(self, numbers: Sequence[int]) -> Iterator[Stencil | F32]:
        value: Callable[[Frame], Stencil | F32] = _map(self.wanted.size) if self.wanted.use == "map" else self._stencil
        if self._single:
            with closing(self.reader.read([self.reader.info.first])) as frames:  # type: ignore[type-var]
                only = value(next(frames))
            for _ in numbers:
                yield only
            return
        with closing(self.reader.read(numbers)) as frames:  # type: ignore[type-var]
            for frame in frames:
                yield value(frame)

    def check(self, number: int) -> None:
        info, wanted = self.reader.info, self.wanted
        if info.kind == "movie" and not info.first <= number <= info.last:
            raise _lacks(wanted, Path(wanted.path), number)
        if info.kind == "sequence" and not self._single and number not in self._present:
            raise _lacks(wanted, Pattern.parse(wanted.path).path(number), number)

    def digest(self, number: int) -> str:
        self.check(number)
        info, wanted = self.reader.info, self.wanted
        role = [wanted.use, wanted.faces]
        if info.kind == "movie":
            return digest(role, file_digest(Path(wanted.path)), number - info.first)
        if self._single:
            return digest(role, file_digest(Path(wanted.path)))
        return digest(role, file_digest(Pattern.parse(wanted.path).path(number), number))

    def _stencil(self, frame: Frame) -> Stencil:
        values = frame.alpha if frame.alpha is not None else _luma(frame.rgb)
        values = _clean(values, 1.0)
        if self.wanted.use == "file":
            return Stencil(window=frame.window, values=values, outside=0.0)
        return Stencil(window=frame.window, values=np.float32(1) - values, outside=1.0)


def _map(size: int) -> Callable[[Frame], F32]:
    def value(frame: Frame) -> F32:
        painted = _clean(_luma(frame.rgb), _MOST)
        shrunk = cv2.INTER_AREA if painted.shape[0] > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(painted, (size, size), interpolation=shrunk), np.float32)

    return value


def _luma(rgb: F32) -> F32:
    """Rec.709 luma of the stored values; a grey is itself, to the bit."""
    first = rgb[..., 0]
    if np.array_equal(first, rgb[..., 1], equal_nan=True) and np.array_equal(first, rgb[..., 2], equal_nan=True):
        return first
    with np.errstate(invalid="ignore"):
        return np.asarray(rgb @ LUMA_709, np.float32)


def _clean(values: F32, most: float) -> F32:
    return np.ascontiguousarray(np.clip(np.nan_to_num(values, nan=0.0, posinf=most, neginf=0.0), 0.0, most))


def _opened(item: Wanted, first: int) -> Reader:
    row = FORMATS.get(Path(item.path).suffix.lower())
    try:
        return open_reader(
            item.path,
            colorspace=_AS_STORED,
            ocio=BUILTIN,
            first_frame=first if row and row.kind == "movie" else None,
            matte=item.use != "map",
        )
    except ReadError as error:
        raise ReadError(
            f"{_WORDS[item.use]}: {error.what}", path=error.path, frame=error.frame, fix=error.fix
        ) from error


_WORDS: Mapping[Use, str] = {"file": "the roto", "hold_out": "the hold-out", "map": "the painted map"}


def _lacks(item: Wanted, path: Path, number: int) -> ReadError:
    fix = f"restore it, or leave the frame out of `frames:`; {_WORDS[item.use]} must have every frame that is rendered"
    return ReadError(f"{_WORDS[item.use]} has no such frame", path=path, frame=number, fix=fix)


def _check_shape(item: Wanted, reader: Reader, shape: tuple[int, int]) -> None:
    found = reader.info.width, reader.info.height
    if item.use == "map" and found[0] != found[1]:
        raise ShotError(
            f"the painted map is {found[0]}x{found[1]} pixels, not square",
            path=item.path,
            fix="paint it on the crop pass",
        )
    if item.use != "map" and found != shape:
        raise ShotError(
            f"{_WORDS[item.use]} is {found[0]}x{found[1]} pixels and the plate {shape[0]}x{shape[1]}",
            path=item.path,
            fix="write it in the plate's format",
        )

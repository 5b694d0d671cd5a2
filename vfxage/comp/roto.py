"""Artists' own pictures: rotos and hold-outs that shape the mattes, and maps painted over a face's crop."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from vfxage.colour.cicp import LINEAR_709
from vfxage.colour.config import BUILTIN
from vfxage.colour.curves import LUMA_709
from vfxage.comp.stencils import ArtistMattes, Stencil
from vfxage.errors import ReadError, ShotError
from vfxage.fingerprint import digest, file_digest
from vfxage.frames import Pattern, no_file
from vfxage.media import FORMATS, PlateSettings, open_reader
from vfxage.media.base import Reader
from vfxage.pool import prefetch
from vfxage.types import F32, Frame

_MOST = 4.0
"""Largest value of a painted map, the same as of ``intensity:``."""

Use = Literal["file", "hold_out", "map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotoSource:
    """One picture, sequence or movie that a shot names for its mattes."""

    path: str
    use: Use
    face: int | None = None
    """Index of the shot's face that it belongs to; None for the matte of the whole shot."""


class Rotos:
    """Every roto, hold-out and painted map of a shot, open: opened once per run.

    ``shape`` is the plate's display window (width, height). ``first`` is the plate's first number, which a movie's
    first frame gets too. A single picture serves every frame. Raises ReadError for a file that cannot be read,
    ShotError for a roto that does not have the plate's size and for a map that is not square.
    """

    def __init__(self, sources: Sequence[RotoSource], shape: tuple[int, int], first: int) -> None:
        self._stack = ExitStack()
        self._sources: list[_OpenSource] = []
        try:
            for source in sources:
                reader = _opened(source, first)
                self._stack.callback(reader.close)
                self._sources.append(_OpenSource(source, reader))
                _check_shape(source, reader, shape)
        except BaseException:
            self._stack.close()
            raise

    def check(self, numbers: Sequence[int]) -> None:
        """Raise ReadError naming file and frame where one of these frames has no picture."""
        for source in self._sources:
            for number in numbers:
                source.check(number)

    def for_faces(self, crops: Mapping[int, Sequence[tuple[int, int]]]) -> DrawnMattes:
        """Bind the pictures to the faces that were found.

        ``crops`` lists for each face of the shot (by index) its tracks and the sides of their crops, pixels. Pictures
        of a face without a track are left out.
        """
        used = [s for s in self._sources if s.source.face is None or crops.get(s.source.face)]
        return DrawnMattes(used, {face: tuple(found) for face, found in crops.items()})

    def close(self) -> None:
        """Release the files."""
        self._stack.close()


class DrawnMattes:
    """The rotos, hold-outs and painted maps of the faces that were found."""

    def __init__(self, sources: Sequence[_OpenSource], crops: Mapping[int, tuple[tuple[int, int], ...]]) -> None:
        self._sources, self._crops = tuple(sources), crops

    def __bool__(self) -> bool:
        return bool(self._sources)

    def digest(self, number: int) -> str:
        """Digest of this frame's pictures: the content of their files and what each is for; empty without pictures.

        Raises ReadError naming file and frame where one is missing.
        """
        if not self._sources:
            return ""
        return digest([[source.digest(number), self._tracks(source)] for source in self._sources])

    @contextmanager
    def read(self, numbers: Sequence[int]) -> Iterator[Iterator[ArtistMattes]]:
        """Give the pictures of each of these frames (ascending), read ahead in threads. Raises ReadError."""
        with ExitStack() as stack:
            streams = []
            for source in self._sources:
                sizes = {size for _, size in self._crops.get(source.source.face or 0, ())}
                values = stack.enter_context(closing(source.read(numbers, sizes)))
                streams.append(stack.enter_context(prefetch(values)))
            yield (self._mattes(number, [next(stream) for stream in streams]) for number in numbers)

    def _tracks(self, source: _OpenSource) -> list[int] | None:
        face = source.source.face
        return None if face is None else [track for track, _ in self._crops[face]]

    def _mattes(self, number: int, values: Sequence[tuple[int, Stencil | Mapping[int, F32]]]) -> ArtistMattes:
        whole: list[Stencil] = []
        faces: dict[int, list[Stencil]] = {}
        maps: dict[int, F32] = {}
        for source, (found, value) in zip(self._sources, values, strict=True):
            if found != number:
                raise ValueError(f"{source.source.path} gave frame {found} for frame {number}")
            crops = () if source.source.face is None else self._crops[source.source.face]
            if not isinstance(value, Stencil):
                maps |= {track: value[size] for track, size in crops}
            elif source.source.face is None:
                whole.append(value)
            else:
                for track, _ in crops:
                    faces.setdefault(track, []).append(value)
        own = {track: tuple(stencils) for track, stencils in faces.items()}
        return ArtistMattes(number=number, whole=tuple(whole), faces=own, maps=maps)


@dataclass(frozen=True)
class _OpenSource:
    source: RotoSource
    reader: Reader

    @cached_property
    def _present(self) -> frozenset[int]:
        return frozenset(self.reader.info.present or ())

    @property
    def _single(self) -> bool:
        """Whether it is a single picture, used for every frame."""
        return self.reader.info.kind == "sequence" and not Pattern.is_sequence(self.source.path)

    def read(
        self, numbers: Sequence[int], sizes: Collection[int]
    ) -> Generator[tuple[int, Stencil | Mapping[int, F32]], None, None]:
        """Yield each frame's number with its stencil, or with its painted map at every crop size."""
        if self._single:
            with closing(self.reader.read([self.reader.info.first])) as frames:
                only = self._value(next(frames), sizes)
            for number in numbers:
                yield number, only
            return
        with closing(self.reader.read(numbers)) as frames:
            for frame in frames:
                yield frame.number, self._value(frame, sizes)

    def check(self, number: int) -> None:
        info, source = self.reader.info, self.source
        if info.kind == "movie" and not info.first <= number <= info.last:
            raise _lacks(source, Path(source.path), number)
        if info.kind == "sequence" and not self._single and number not in self._present:
            raise _lacks(source, Pattern.parse(source.path).path(number), number)

    def digest(self, number: int) -> str:
        self.check(number)
        info, source = self.reader.info, self.source
        if info.kind == "movie":
            return digest(source.use, self._whole_digest, number - info.first)
        if self._single:
            return digest(source.use, self._whole_digest)
        return digest(source.use, file_digest(Pattern.parse(source.path).path(number), number))

    @cached_property
    def _whole_digest(self) -> str:
        """Digest of a movie or a single picture: one file for every frame."""
        return file_digest(Path(self.source.path))

    def _value(self, frame: Frame, sizes: Collection[int]) -> Stencil | Mapping[int, F32]:
        if self.source.use == "map":
            painted = _clean(_luma(frame.rgb), _MOST)
            return {size: _resized(painted, size) for size in sizes}
        return self._stencil(frame)

    def _stencil(self, frame: Frame) -> Stencil:
        values = frame.alpha if frame.alpha is not None else _luma(frame.rgb)
        values = _clean(values, 1.0)
        if self.source.use == "file":
            return Stencil(window=frame.window, values=values, outside=0.0)
        return Stencil(window=frame.window, values=np.float32(1) - values, outside=1.0)


def _resized(painted: F32, size: int) -> F32:
    shrunk = cv2.INTER_AREA if painted.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(painted, (size, size), interpolation=shrunk), np.float32)


def _luma(rgb: F32) -> F32:
    """Rec.709 luma of the stored values; a grey is itself, to the bit."""
    first = rgb[..., 0]
    if np.array_equal(first, rgb[..., 1], equal_nan=True) and np.array_equal(first, rgb[..., 2], equal_nan=True):
        return first
    with np.errstate(invalid="ignore"):
        return np.asarray(rgb @ LUMA_709, np.float32)


def _clean(values: F32, most: float) -> F32:
    return np.ascontiguousarray(np.clip(np.nan_to_num(values, nan=0.0, posinf=most, neginf=0.0), 0.0, most))


def _opened(item: RotoSource, first: int) -> Reader:
    row = FORMATS.get(Path(item.path).suffix.lower())
    given = PlateSettings(
        colorspace=LINEAR_709,  # a matte is read as its stored numbers
        ocio=BUILTIN,
        first_frame=first if row and row.kind == "movie" else None,
        matte=item.use != "map",
    )
    try:
        return open_reader(item.path, given)
    except ReadError as error:
        raise ReadError(
            f"{_WORDS[item.use]}: {error.what}", path=error.path, frame=error.frame, fix=error.fix
        ) from error


_WORDS: Mapping[Use, str] = {"file": "the roto", "hold_out": "the hold-out", "map": "the painted map"}


def _lacks(item: RotoSource, path: Path, number: int) -> ReadError:
    fix = f"restore it, or leave the frame out of `frames:`; {_WORDS[item.use]} must have every frame that is rendered"
    why = f": its file {no_file(path)}" if path.is_symlink() else ""
    return ReadError(f"{_WORDS[item.use]} has no such frame{why}", path=path, frame=number, fix=fix)


def _check_shape(item: RotoSource, reader: Reader, shape: tuple[int, int]) -> None:
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

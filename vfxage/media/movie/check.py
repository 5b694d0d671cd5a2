"""Checks a written movie: first the header, then each picture."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

from vfxage.errors import ReadError, ShotError
from vfxage.frames import FrameRange
from vfxage.media.base import Flaw
from vfxage.media.movie.reader import MovieReader
from vfxage.media.movie.source import VERSION, container_tags, open_container
from vfxage.types import Frame

FRAMES = "com.vfxage.frames"
"""Key of the header tag that lists the plate frame numbers of the movie, as a frame range."""


def file_tags(path: Path) -> dict[str, str]:
    """The tags in a movie's header, keys in lower case; empty if the file cannot be read."""
    try:
        with open_container(str(path)) as container:
            return container_tags(container)
    except ReadError:
        return {}


def version_of(path: Path) -> str | None:
    """The version of vfxage that wrote a movie; None if another program did, or if it cannot be read."""
    return file_tags(path).get(VERSION)


def held_frames(path: Path) -> tuple[int, ...]:
    """Frame numbers in a movie that vfxage wrote, ascending; empty if there is no such movie."""
    text = file_tags(path).get(FRAMES) if path.exists() else None
    return tuple(FrameRange.parse(text)) if text else ()


class MovieOnDisk:
    """A movie on disk, compared with the stamp, number of pictures and rate that it should have."""

    def __init__(self, path: Path, stamp: str, count: int, rate: Fraction) -> None:
        self._count = count
        self._reader: MovieReader | None = None
        self._pictures: Generator[Frame, None, None] | None = None
        self._next = 0
        self._flaw = self._opened(path, stamp, rate)

    def check(self, place: int) -> Flaw | None:
        """The first flaw of the picture at ``place`` (from 0, ascending between calls) or of the whole movie."""
        if self._flaw or self._reader is None or self._pictures is None:
            return self._flaw
        if place != self._next:
            self._pictures.close()
            self._pictures = self._reader.read(range(place, self._count))
        self._next = place + 1
        try:
            return None if next(self._pictures).number == place else Flaw("wrong", "contains a different picture")
        except ReadError as error:
            self._next = -1  # seek again for the next picture
            return Flaw("unreadable", error.what)

    def close(self) -> None:
        """Release the file."""
        if self._pictures is not None:
            self._pictures.close()
        if self._reader is not None:
            self._reader.close()

    def _opened(self, path: Path, stamp: str, rate: Fraction) -> Flaw | None:
        if not path.exists():
            return Flaw("missing", "does not exist")
        try:
            self._reader = reader = MovieReader(path, first_frame=0)
        except (ReadError, ShotError) as error:
            return Flaw("unreadable", error.what)
        found, pictures = reader.info.tags.fingerprint, reader.info.last + 1
        if found is None:
            return Flaw("foreign", "was not written by vfxage")
        if found != stamp:
            return Flaw("stale", "was made with other settings or frames, another model or another plate")
        if pictures != self._count:
            return Flaw("wrong", f"has {pictures} pictures, not {self._count}")
        if reader.info.rate != rate and self._count > 1:
            return Flaw("wrong", f"plays at {reader.info.rate} frames per second, not {rate}")
        self._pictures = reader.read(range(self._count))
        return None

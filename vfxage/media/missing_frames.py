"""Fills missing and unreadable frames of a plate with black or with a neighbouring frame."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Literal

import numpy as np

from vfxage.errors import ReadError
from vfxage.media.base import Reader
from vfxage.types import ClipInfo, Frame, SourceTags, Window

Filling = Literal["black", "hold"]


def fills(missing: Collection[int], whole: Sequence[int], filling: Filling) -> Mapping[int, int | None]:
    """The frame that fills each of ``missing``: None for black, else the nearest earlier one of ``whole`` that is not
    missing itself, else the nearest later one."""
    if filling == "black":
        return dict.fromkeys(missing)
    return {number: next((n for n in _neighbours(number, whole) if n not in missing), None) for number in missing}


def _neighbours(number: int, whole: Sequence[int]) -> Iterator[int]:
    yield from (n for n in reversed(whole) if n < number)
    yield from (n for n in whole if n > number)


class FilledReader:
    """A plate (media.base.Reader) whose missing and unreadable frames are filled; ``Frame.missing`` marks them.

    ``whole`` is every frame of the shot, ascending; only these fill others. Without ``known``, each frame is tried, and
    ``missing`` collects those that fail. ``known`` are the missing frames that an earlier reader collected: any other
    frame that fails to read is then an error, so that an unreliable disk cannot change the result. The fill of a frame
    does not depend on the range that is read.
    """

    def __init__(
        self, reader: Reader, filling: Filling, whole: Sequence[int], known: Collection[int] | None = None
    ) -> None:
        self.info: ClipInfo = reader.info
        self.missing: set[int] = set()
        """Frames that could not be read so far."""
        self._reader, self._filling, self._whole = reader, filling, tuple(whole)
        self._known: frozenset[int] | None = None if known is None else frozenset(known)
        self._last: Frame | None = None

    def with_missing(self, missing: Collection[int]) -> FilledReader:
        """A reader of the same open plate that knows which frames are missing."""
        return FilledReader(self._reader, self._filling, self._whole, missing)

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield these frames; see media.base.Reader. Raises ReadError if no frame can fill a missing one."""
        left = list(numbers)
        while left:
            if self._known is not None and left[0] in self._known:
                yield self._filled(left.pop(0), None)
                continue
            end = next((i for i, n in enumerate(left) if n in (self._known or ())), len(left))
            done = 0
            try:
                with closing(self._reader.read(left[:end])) as frames:
                    for frame in frames:
                        done += 1
                        self._last = frame
                        yield frame
            except ReadError as error:
                number = left[done]
                if error.frame != number or self._known is not None:
                    raise
                self.missing.add(number)
                yield self._filled(number, error)
                done += 1
            left = left[done:]

    def close(self) -> None:
        """Release the plate."""
        self._reader.close()

    def _filled(self, number: int, error: ReadError | None) -> Frame:
        if self._filling == "black":
            return self._black(number)
        for other in _neighbours(number, self._whole):
            if other in (self._known or ()) or (self._known is None and other in self.missing):
                continue
            frame = self._one(other)
            if frame is not None:
                tags = SourceTags(channels=frame.tags.channels)
                return replace(frame, number=number, tags=tags, missing=f"hold {other}")
        what = "cannot be read, and no other frame of the shot can be held in its place"
        fix = "restore a frame, or set `missing_frames: black`"
        raise ReadError(what, path=self.info.path, frame=number, fix=fix) from error

    def _one(self, number: int) -> Frame | None:
        if self._last is not None and self._last.number == number:
            return self._last
        try:
            with closing(self._reader.read([number])) as frames:
                self._last = next(frames)
                return self._last
        except ReadError:
            if self._known is not None:
                raise
            self.missing.add(number)
            return None

    def _black(self, number: int) -> Frame:
        info = self.info
        window = info.data_window or Window(0, 0, info.width, info.height)
        return Frame(
            number=number,
            window=window,
            rgb=np.zeros((*window.shape, 3), np.float32),
            alpha=np.zeros(window.shape, np.float32) if info.alpha else None,
            missing="black",
        )

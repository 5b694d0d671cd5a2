"""The face in front of the camera: found, followed and steadied from this picture and earlier ones."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.face.detect import FOUND, FaceFinder
from vfxage.types import F32, U8

_SEARCHED = 640
"""Longest side of the picture in which a face is looked for, pixels: a search in a large one takes too long."""
_SLOW = 0.25
"""Weight of a new landmark while the face is still: the rest is the one before, so that noise does not show."""
_FAST = 12.0
"""By how much this weight grows when the face moves by its own size from picture to picture."""
_RAMP = 4
"""Pictures over which the change comes in when a face is found."""


class Person:
    """Follows the largest face from picture to picture.

    Landmarks are mixed with those before them: little while the face moves, much while it is still. ``finder`` is open.
    """

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._points: F32 | None = None
        self._seen = 0

    @property
    def presence(self) -> float:
        """0..1 weight of the change: it comes in over a few pictures."""
        return min(1.0, self._seen / _RAMP)

    def look(self, picture: U8) -> F32 | None:
        """The steadied landmarks (478, 2) in pixels of ``picture`` (H, W, 3) sRGB; None if there is no face."""
        before = self._points
        seen = None if before is None else self._finder.follow(picture, before)
        if before is not None and seen is not None and seen.vote >= FOUND:
            self._points = self._mixed(before, seen.points)
        else:
            self._points, self._seen = self._search(picture), 0
        if self._points is not None:
            self._seen += 1
        return self._points

    def _search(self, picture: U8) -> F32 | None:
        """Find the largest face in a small picture, then its landmarks in the whole one."""
        scale = min(1.0, _SEARCHED / max(picture.shape[:2]))
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        shrunk = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = self._finder.find(shrunk)
        if not found:
            return None
        points = np.asarray(
            found[0].points / np.array([size[0] / picture.shape[1], size[1] / picture.shape[0]]), np.float32
        )
        exact = self._finder.follow(picture, points)
        return None if exact is None else exact.points

    @staticmethod
    def _mixed(before: F32, now: F32) -> F32:
        size = float(np.ptp(now, axis=0).max())
        speed = float(np.median(np.linalg.norm(now - before, axis=1))) / max(size, 1.0)
        weight = np.float32(min(1.0, _SLOW + _FAST * speed))
        return np.asarray(before + weight * (now - before), np.float32)

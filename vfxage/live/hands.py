"""Hands in front of a live face, held out of the change as in a shot, but found from earlier pictures alone."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vfxage.face.detect.hands import Hand, HandFinder
from vfxage.face.track.canvas import Canvas
from vfxage.face.track.hands import found_hands, hand_tracks
from vfxage.types import F32, U8, FaceTrack, HandTrack, Window

_REMEMBERED = 10
"""Pictures in which a hand is followed: a hand that is beyond doubt in some of them is held out in all."""


class Hands:
    """Follows hands near the face from picture to picture. ``finder`` is open."""

    def __init__(self, finder: HandFinder, strength: float) -> None:
        """``strength`` is as for the landmarks of a shot (``tracking.smoothing``)."""
        self._finder, self._strength = finder, strength
        self._seen: deque[tuple[int, list[Hand], F32]] = deque(maxlen=_REMEMBERED)
        self._count = 0

    def look(self, picture: U8, face: FaceTrack) -> tuple[HandTrack, ...]:
        """The hands in front of a face on this picture (H, W, 3) sRGB, as tracks of its one frame."""
        points = face.points[-1]
        self._seen.append((self._count, self._finder.near(picture, [points]), points))
        self._count += 1
        numbers = np.array([number for number, _, _ in self._seen], np.int32)
        found = found_hands([(number, hands) for number, hands, _ in self._seen], [numbers])
        sure = [hand for hand, beyond_doubt in found if beyond_doubt]
        if not sure:
            return ()
        canvas = Canvas(Window(0, 0, picture.shape[1], picture.shape[0]), 1.0)
        tracks = hand_tracks(sure, [numbers], [self._faces(face, numbers)], canvas, self._strength)
        return tuple(_last(track, face.numbers) for track in tracks if track.numbers[-1] == numbers[-1])

    def forget(self) -> None:
        """Begin anew, as when the face was lost."""
        self._seen.clear()

    def _faces(self, face: FaceTrack, numbers: NDArray[np.int32]) -> FaceTrack:
        """The face in the pictures that are remembered."""
        count = len(numbers)
        return replace(
            face,
            numbers=numbers,
            points=np.stack([points for _, _, points in self._seen]),
            neck=np.repeat(face.neck, count, axis=0),
            confidence=np.ones(count, np.float32),
            presence=np.ones(count, np.float32),
            yaw=np.zeros(count, np.float32),
        )


def _last(track: HandTrack, numbers: NDArray[np.int32]) -> HandTrack:
    """The last row of a track, as of these frames."""
    return HandTrack(
        numbers=numbers,
        points=np.ascontiguousarray(track.points[-1:]),
        motion=np.ascontiguousarray(track.motion[-1:]),
        size=track.size[-1:].copy(),
        presence=track.presence[-1:].copy(),
    )

"""Find hands near a face in one picture, with 21 landmarks each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.face.detect.graphs import HAND_SIDE, PALM, BoxNetwork, HandNetwork, OpenNetworks
from vfxage.face.detect.search import best_boxes
from vfxage.face.detect.views import Square, view
from vfxage.geometry import map_points, turn_matrix
from vfxage.types import F32, F64, HAND_POINTS, U8

REACH = 3.0
"""Side of the search square around a face, in face sizes: palms in it are at least a fifth of a tile."""
_PALM_SCORE, _HAND_SCORE = 0.3, 0.5
"""Least scores of the palm detector and of the hand model, low enough for blurred or cropped hands."""
_ROUNDS = 2
"""The hand model runs this often: each time in the crop that its last result asks for."""
_PALM_ROOM, _PALM_SHIFT = 2.6, 0.5
_HAND_ROOM, _HAND_SHIFT = 2.0, 0.1
"""Side of a hand's crop and its shift towards the fingers, in boxes of the palm, as the model was trained."""
_ROOTS = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
"""Points that say where a hand is: fingertips move too much."""
_SAME = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Hand(ArrayData):
    """One detected hand in one picture."""

    points: F32 = field(metadata=shaped(HAND_POINTS, 2))
    """(21, 2) pixels of the picture, centres at +0.5; the wrist, then four of each finger from its root."""
    size: float
    """Pixels from the wrist to the middle finger's root as if the palm faced the camera."""
    palm: float
    """0..1, how sure the palm detector is."""
    score: float
    """0..1, how sure the hand model is: the lower of its two results."""


class HandFinder(OpenNetworks):
    """Finds hands near faces; a context manager, for one thread at a time.

    Pictures are (H, W, 3) uint8 display-referred sRGB. Nothing is remembered between calls. Raises InstallError when
    MediaPipe or a system library it needs is missing or fails.
    """

    def _open(self, stack: ExitStack) -> None:
        self._palm = stack.enter_context(closing(BoxNetwork(PALM, _PALM_SCORE)))
        self._hand = stack.enter_context(closing(HandNetwork()))

    def near(self, picture: U8, faces: Sequence[F32]) -> list[Hand]:
        """Every hand in the squares around faces whose points (478, 2) are known, surest palm first."""
        if not faces:
            return []
        found: list[Hand] = []
        for row in best_boxes(np.concatenate([self._palms(picture, face) for face in faces])):
            hand = self._hand_of(picture, row)
            if hand is not None and not any(same_hand(hand, other) for other in found):
                found.append(hand)
        return found

    def _palms(self, picture: U8, face: F32) -> F32:
        """Boxes (N, 9) in picture pixels, see ``BoxNetwork``."""
        low, high = face.min(0), face.max(0)
        x, y = (low + high) / 2
        around = Square(float(x), float(y), float((high - low).max()) * REACH, 0.0)
        rows = self._palm(view(picture, around, self._palm.side))
        corners = rows[:, :8].reshape(-1, 2)
        rows[:, :8] = map_points(corners, around.to_picture(self._palm.side)).reshape(-1, 8)
        return rows

    def _hand_of(self, picture: U8, row: F32) -> Hand | None:
        square, least = _square_of_palm(row), 1.0
        for _ in range(_ROUNDS):
            marks, score = self._hand(view(picture, square, HAND_SIDE))
            least = min(least, score)
            if least < _HAND_SCORE:
                return None
            scale = square.side / HAND_SIDE
            points = map_points(marks[:, :2], square.to_picture(HAND_SIDE)).astype(np.float32)
            square = _square_of_hand(points)
        return Hand(points=points, size=_size(marks) * scale, palm=float(row[8]), score=least)


def same_hand(one: Hand, other: Hand) -> bool:
    """Whether two finds are of one hand: mean distance of their points under half the palm's length."""
    apart = float(np.linalg.norm(one.points - other.points, axis=1).mean())
    return apart < _SAME * min(one.size, other.size)


def _size(marks: F32) -> float:
    """Length of the palm from points (21, 3), corrected for foreshortening by depth, at least what its width gives."""
    length = float(np.linalg.norm(marks[9] - marks[0]))
    return max(length, 1.3 * float(np.linalg.norm(marks[5] - marks[17])))


def _square_of_palm(row: F32) -> Square:
    """The hand's crop from a palm's box: x0 y0 x1 y1, wrist x y, root of the middle finger x y, score."""
    along = (row[6:8] - row[4:6]).astype(np.float64)
    side = float(max(row[2] - row[0], row[3] - row[1]))
    return _towards((row[:2] + row[2:4]).astype(np.float64) / 2, along, side, _PALM_SHIFT, _PALM_ROOM)


def _square_of_hand(points: F32) -> Square:
    """The hand's crop from its points."""
    along = ((points[5] + points[13]) / 2 + points[9]).astype(np.float64) / 2 - points[0]
    roll = float(np.arctan2(along[0], -along[1]))
    turn = turn_matrix(np.cos(roll), -np.sin(roll))
    upright = points[list(_ROOTS)].astype(np.float64) @ turn.T
    low, high = upright.min(0), upright.max(0)
    return _towards(turn.T @ ((low + high) / 2), along, float((high - low).max()), _HAND_SHIFT, _HAND_ROOM)


def _towards(centre: F64, along: F64, side: float, shift: float, room: float) -> Square:
    """A square with its top in the direction ``along``, moved that way by ``shift`` sides, ``room`` times as large."""
    x, y = centre + along / max(float(np.linalg.norm(along)), 1e-6) * side * shift
    return Square(float(x), float(y), side * room, float(np.arctan2(along[0], -along[1])))

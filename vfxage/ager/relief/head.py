"""Where hair, skin, ears and beard may be on a crop: areas drawn from the landmarks on a small grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.mesh import MESH
from vfxage.ager.relief.sight import blur
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import OVAL, smoothstep
from vfxage.types import F32, F64

BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_FACE_HEIGHT = 256.0
"""Canonical pixels from forehead to chin; heights below are in halves of it, 0 at the face's centre."""
_EARS, _NOSE = ((234, 127), (454, 356)), 1
_LEAST_EAR, _MOST_EAR = 0.7, 1.7
"""Factors of an ear's width on a turned head: the far ear is narrow, the near one is broad."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Head(ArrayData):
    """Areas (n, n), 0..1, of one crop."""

    face: F32 = field(metadata=shaped("n", "n"))
    """Inside the mesh's outline."""
    inner: F32 = field(metadata=shaped("n", "n"))
    """Eyes, nose and mouth with their surroundings: no hair of the head lies there."""
    skin: F32 = field(metadata=shaped("n", "n"))
    """Sure skin: inside the outline, no feature, below the hairline."""
    above: F32 = field(metadata=shaped("n", "n"))
    """Round the forehead, where hair mostly is."""
    beside: F32 = field(metadata=shaped("n", "n"))
    """Beside the face, without the ears."""
    ears: F32 = field(metadata=shaped("n", "n"))
    neck: F32 = field(metadata=shaped("n", "n"))
    brows: F32 = field(metadata=shaped("n", "n"))
    lips: F32 = field(metadata=shaped("n", "n"))
    nose: F32 = field(metadata=shaped("n", "n"))
    beard_zone: F32 = field(metadata=shaped("n", "n"))
    """Inside the outline, below the nose."""
    brow_and_above: F32 = field(metadata=shaped("n", "n"))
    """The face and the forehead up to where a high hairline may be."""
    chin: F32 = field(metadata=shaped("n", "n"))
    """Below the outline, where a beard hangs."""
    height: F32 = field(metadata=shaped("n", "n"))
    """How far up the head a pixel is: 0 at the face's centre, -1 about the chin, 1 about the hairline."""
    person: F32 = field(metadata=shaped("n", "n"))
    unit: float
    """Pixels to a canonical pixel."""


def head_of(points: F32, person: F32, side: int) -> Head:
    """Draw the areas on a grid of ``side`` pixels; ``points`` (478, 2) and ``person`` (S, S) are the crop's."""
    scale = side / len(person)
    marks = np.clip(points[:MESH] * np.float32(scale), -4 * side, 5 * side)
    grid = _Grid(marks, side)
    small = np.asarray(cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    outline = marks[OVAL]
    face = grid.filled(outline)
    rings = {reach: grid.filled(grid.centre + reach * (outline - grid.centre)) for reach in (1.12, 1.35, 1.5, 1.75)}
    features = np.maximum.reduce([grid.dilated(grid.hull(ids), 3) for ids in (*_EYES, *BROWS, _LIPS)])
    ears = grid.ears()
    unit = grid.unit
    inner = np.maximum.reduce([grid.disc(13, 46), grid.disc(4, 30),
                               *(grid.dilated(grid.hull(ids), round(11 * unit)) for ids in _EYES)])  # fmt: skip
    side_of_head = np.abs(grid.sideways) / np.float32(_FACE_HEIGHT / 2 * unit)
    kernel = np.ones((3, 3), np.uint8)
    return Head(
        face=face,
        inner=inner,
        skin=np.asarray(cv2.erode(face, kernel) * (grid.height < 0.62) * (1 - features) * (small + 0.05), np.float32),
        above=_outside(rings[1.75], face) * smoothstep((grid.height - 0.15) / 0.35) * small,
        beside=np.asarray(_outside(rings[1.5], rings[1.12]) * (grid.height > -0.5) * small * (1 - ears), np.float32),
        ears=ears,
        neck=smoothstep((-0.55 - grid.height) / 0.25) * (1 - smoothstep((side_of_head - 0.42) / 0.18)),
        brows=blur(np.maximum.reduce([grid.dilated(grid.hull(ids), 2) for ids in BROWS]), 1.0 * unit),
        lips=grid.dilated(grid.filled(marks[list(_LIPS)]), 1),
        nose=grid.disc(2, 17, lift=4),
        beard_zone=np.asarray(face * (grid.height < -0.1), np.float32),
        brow_and_above=np.maximum(face, rings[1.35] * smoothstep(1 - side_of_head)),
        chin=np.asarray(_outside(rings[1.12], face) * smoothstep((-0.45 - grid.height) / 0.2), np.float32),
        height=grid.height,
        person=small,
        unit=unit,
    )


def _outside(ring: F32, inner: F32) -> F32:
    """The ring without what is inside. In profile the outline folds, so that the inner area can stand out."""
    return np.maximum(ring - inner, 0)


class _Grid:
    """Draws on the small grid of one head."""

    def __init__(self, marks: F32, side: int) -> None:
        self._marks, self._side = marks, side
        self.centre = marks.mean(axis=0)
        up = (marks[10] - marks[152]).astype(np.float64)
        length = max(float(np.hypot(*up)), side / 32)
        self._up: F64 = up / length
        self._across: F64 = np.array([-self._up[1], self._up[0]])
        self.unit = length / _FACE_HEIGHT
        y, x = np.mgrid[:side, :side].astype(np.float32) + np.float32(0.5)
        self._x, self._y = x, y
        self.sideways = self._along(self._across, self.centre)
        self.height = self._along(self._up, self.centre) / np.float32(_FACE_HEIGHT / 2 * self.unit)

    def _along(self, direction: F64, origin: F32 | F64) -> F32:
        x, y = np.float32(direction[0]), np.float32(direction[1])
        return np.asarray((self._x - np.float32(origin[0])) * x + (self._y - np.float32(origin[1])) * y, np.float32)

    def filled(self, outline: F32) -> F32:
        """A polygon, filled."""
        drawn = np.zeros((self._side, self._side), np.uint8)
        cv2.fillPoly(drawn, [np.round((outline - 0.5) * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
        return drawn.astype(np.float32)

    def hull(self, ids: Sequence[int]) -> F32:
        """The convex hull of some landmarks, filled."""
        return self.filled(np.asarray(cv2.convexHull(self._marks[list(ids)])[:, 0], np.float32))

    def disc(self, landmark: int, radius: float, lift: float = 0.0) -> F32:
        """A disc of canonical pixels round a landmark, ``lift`` canonical pixels higher."""
        x, y = self._marks[landmark] + self._up.astype(np.float32) * np.float32(lift * self.unit)
        far = np.square(self._x - x) + np.square(self._y - y)
        return np.asarray(far < (radius * self.unit) ** 2, np.float32)

    def dilated(self, area: F32, pixels: int) -> F32:
        """The area, wider by some pixels."""
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(pixels, 1) + 1,) * 2)
        return np.asarray(cv2.dilate(area, kernel), np.float32)

    def ears(self) -> F32:
        """Two soft boxes beside the face: what lies there is hair only if it is far from any skin."""
        area = np.zeros((self._side, self._side), np.float32)
        left, right = (self._marks[list(pair)].mean(axis=0) for pair in _EARS)
        half = max(abs(float((right - left) @ self._across)) / 2, self.unit)
        turned = float((self._marks[_NOSE] - (left + right) / 2) @ self._across) / half
        for at in (left, right):
            side = float(np.sign((at - self.centre) @ self._across))
            shown = min(max(1 - side * turned, _LEAST_EAR), _MOST_EAR)
            middle = at + 16 * shown * self.unit * side * self._across
            wide = self._along(self._across, middle) / np.float32(21 * shown * self.unit)
            high = (self._along(self._up, middle) + np.float32(9 * self.unit)) / np.float32(33 * self.unit)
            wide, high = np.square(wide), np.square(high)
            area = np.maximum(area, np.exp(-wide * wide - high * high))
        return area

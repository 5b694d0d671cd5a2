"""Old eyes: duller whites, a rim of the iris that dissolves, pink lid margins, thinner lashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.older.canvas import smoothstep
from vfxage.ager.relief.skin_view import blur, luma, spread
from vfxage.types import F32

_UPPER = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
_LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
_IRIS = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
_OPEN = (0.08, 0.18)
"""Height over width of an eye from which it counts as open, and as wholly open."""
_MARGIN = 9.0
"""Canonical pixels around the eye that are worked on."""
_FIXED = 4
"""Bits of a pixel in OpenCV's drawing coordinates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldEyes:
    """Changes of log RGB, or shares of a way, at 35 years of wear; by eye."""

    white: tuple[float, float, float] = (-0.07, -0.10, -0.14)
    limbus: float = 0.30
    """Share by which the dark rim of the iris goes."""
    ring: tuple[float, float, float] = (0.124, 0.13, 0.143)
    """The pale ring inside it."""
    iris_colour: float = 0.15
    """Share of the iris's colour that goes."""
    margin: tuple[float, float, float] = (0.04, -0.02, -0.01)
    """The pink edge of the lower lid."""
    lashes: float = 0.60
    """Share of the lashes' darkness that goes."""


OLD_EYES = OldEyes()


def old_eyes(rgb: F32, points: F32, unit: float, amount: float) -> F32:
    """(h, w, 3) change of log RGB of both eyes; ``points`` (478, 2) in pixels of ``rgb``, ``amount`` 0..1 or more."""
    change = np.zeros_like(rgb)
    height, width = rgb.shape[:2]
    for upper, lower, iris in zip(_UPPER, _LOWER, _IRIS, strict=True):
        ring = np.concatenate([points[list(upper)], points[list(lower)][::-1]])
        low = np.maximum(np.floor(ring.min(0) - _MARGIN * unit), 0).astype(int)
        high = np.minimum(np.ceil(ring.max(0) + _MARGIN * unit), (width, height)).astype(int)
        if (high - low).min() < 8:
            continue
        inside = (slice(low[1], high[1]), slice(low[0], high[0]))
        eye = _Eye(rgb[inside], [points[list(part)] - low for part in (upper, lower, iris)], unit)
        change[inside] += eye.aged(amount)
    return change


class _Eye:
    """One eye, cut out; landmarks are in its own pixels."""

    def __init__(self, rgb: F32, marks: list[F32], unit: float) -> None:
        self._upper, self._lower, iris = marks
        self._shape, self._unit = rgb.shape[:2], unit
        self._log = cast(F32, cv2.log(rgb + np.float32(FLOOR)))
        self._luma = luma(self._log)
        ring = np.concatenate([self._upper, self._lower[::-1]])
        self._opening = self._drawn(ring, 0.0, 0.6)
        radius = max(float(np.hypot(*(iris[1:] - iris[0]).T).mean()), 1.0)
        x, y = np.meshgrid(*(np.arange(count, dtype=np.float32) + np.float32(0.5) for count in self._shape[::-1]))
        self._far = np.hypot(x - iris[0, 0], y - iris[0, 1]) / np.float32(radius)

    def aged(self, amount: float) -> F32:
        """(h, w, 3) change of log RGB."""
        width = float(np.hypot(*(self._upper[0] - self._upper[8]))) + 1e-6
        opened = float(np.hypot(*(self._upper[4] - self._lower[4]))) / width
        share = np.float32(amount * np.clip((opened - _OPEN[0]) / (_OPEN[1] - _OPEN[0]), 0, 1))
        return np.asarray(share * (self._ball() + self._edges()), np.float32)

    def _ball(self) -> F32:
        inside = 1 - smoothstep(self._far, 0.92, 1.12)
        white = self._opening * (1 - inside) * smoothstep(self._luma, -2.4, -1.2)
        change = spread(white, OLD_EYES.white)
        limbus = cv2.exp(-np.square((self._far - np.float32(0.97)) / np.float32(0.16))) * self._opening
        flat = blur(self._log, 1.6 * self._unit)
        change += spread(np.float32(OLD_EYES.limbus) * limbus) * (flat - self._log)
        ring = cv2.exp(-np.square((self._far - np.float32(0.82)) / np.float32(0.15))) * self._opening
        change += spread(ring, OLD_EYES.ring)
        change += spread(self._iris()) * (
            np.float32(OLD_EYES.iris_colour) * (spread(self._luma) - self._log) + np.float32(0.05)
        )
        return np.asarray(change, np.float32)

    def _iris(self) -> F32:
        inside = 1 - smoothstep(self._far, 0.92, 1.12)
        return np.asarray(inside * self._opening * (1 - smoothstep(self._luma, -1.0, -0.4)), np.float32)

    def _edges(self) -> F32:
        margin = self._drawn(self._lower, 1.6, 0.7)
        change = spread(margin, OLD_EYES.margin)
        down = np.array([0, self._unit], np.float32)
        above = self._drawn(self._upper - np.float32(1.2) * down, 5.0, 1.0)
        below = self._drawn(self._lower + np.float32(1.5) * down, 3.5, 1.0)
        lashes = np.maximum(above, 0.8 * below) * (1 - np.float32(0.7) * self._iris())
        darkness = np.clip(blur(self._luma, 5.0 * self._unit) - self._luma, 0, 0.9)
        return np.asarray(change + spread(np.float32(OLD_EYES.lashes) * lashes * darkness), np.float32)

    def _drawn(self, curve: F32, thick: float, soft: float) -> F32:
        """(h, w) 0..1: a line ``thick`` canonical pixels wide, or a filled outline for 0."""
        image = np.zeros(self._shape, np.uint8)
        at = [np.round((curve - 0.5) * (1 << _FIXED)).astype(np.int32)]
        if thick:
            pixels = max(1, round(thick * self._unit))
            cv2.polylines(image, at, False, (255,), pixels, cv2.LINE_AA, _FIXED)
        else:
            cv2.fillPoly(image, at, (255,), cv2.LINE_AA, _FIXED)
        return blur(image.astype(np.float32) / np.float32(255), soft * self._unit)

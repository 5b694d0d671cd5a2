"""The canonical square as a canvas: grids of coordinates, smooth shapes, strokes along splines, noise, and slopes.

Heights and distances are in canonical pixels (``CANON`` of them span the square; one is about 0.75 mm of skin). A
canvas may be denser than that: its pixels are ``1 / density`` canonical pixels wide.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mesh import CANON
from vfxage.types import F32, F64, Window

_HILL = 4.0
"""Half axes from its centre at which a Gaussian hill has no height left (1e-7)."""
_TABLE = 256
"""Side of a noise table, cells: more than a face is wide in any noise used here."""
_NOISE_GAIN = np.float32(1.45)
"""Bicubic lookups average neighbours; this brings the deviation back to about 1."""
_SPLINE_STEPS = 24
"""Samples between two nodes of a spline: less than half a pixel apart for every fold."""


def stream(name: str, feature: str) -> np.random.Generator:
    """The random stream of one feature of one face: an edit of one feature leaves all others as they are."""
    return np.random.default_rng([zlib.crc32(name.encode()), zlib.crc32(feature.encode())])


def smoothstep(value: F32, low: float, high: float) -> F32:
    """Rise from 0 at ``low`` to 1 at ``high`` without a kink; ``high`` below ``low`` falls."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def soften(image: F32, sigma: float) -> F32:
    """Gaussian blur by ``sigma`` pixels; edges are repeated. Broad blurs run on coarser grids: they leave no detail."""
    if sigma < 0.3:
        return image
    if sigma > 6 and min(image.shape[:2]) >= 64:
        half = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
        small = soften(np.asarray(half, np.float32), sigma / 2)
        return cast(F32, cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    return cast(F32, cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """A part of the canonical square on a grid."""

    window: Window
    """The part, in pixels of this grid."""
    density: int
    """Pixels of the grid to one canonical pixel."""

    @staticmethod
    def whole(density: int) -> Canvas:
        """The whole canonical square."""
        return Canvas(window=Window(0, 0, CANON * density, CANON * density), density=density)

    def part(self, x: tuple[float, float], y: tuple[float, float]) -> Canvas:
        """The part of this canvas between canonical coordinates ``x`` and ``y``; even sizes and offsets."""
        box = [2 * math.floor(self.density * low / 2) for low in (x[0], y[0])]
        end = [2 * math.ceil(self.density * high / 2) for high in (x[1], y[1])]
        cut = Window(box[0], box[1], end[0] - box[0], end[1] - box[1]).intersect(self.window)
        return Canvas(window=cut, density=self.density)

    def grid(self) -> tuple[F32, F32]:
        """(h, w) x and y of the pixels' centres, canonical pixels."""
        box, step = self.window, np.float32(1 / self.density)
        x = (np.arange(box.x, box.x + box.width, dtype=np.float32) + np.float32(0.5)) * step
        y = (np.arange(box.y, box.y + box.height, dtype=np.float32) + np.float32(0.5)) * step
        across, down = np.meshgrid(x, y)
        return across, down

    def mound(self, centre: F64, size: tuple[float, float], turn: float = 0.0) -> F32:
        """(h, w) a Gaussian hill of height 1: half axes ``size``, turned by ``turn`` radians; 0 far from it."""
        far = _HILL * max(size)
        part = self.part((centre[0] - far, centre[0] + far), (centre[1] - far, centre[1] + far))
        return self._laid(part, lambda: part._hill(centre, size, turn))

    def _hill(self, centre: F64, size: tuple[float, float], turn: float) -> F32:
        x, y = self.grid()
        dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
        cosine, sine = np.float32(math.cos(turn)), np.float32(math.sin(turn))
        u, v = (cosine * dx + sine * dy) / np.float32(size[0]), (cosine * dy - sine * dx) / np.float32(size[1])
        return np.asarray(np.exp(-(u * u + v * v)), np.float32)

    def stroke(self, curve: F64, weight: F64, sigma: float) -> F32:
        """(h, w) a ridge along a curve (n, 2) whose height is ``weight`` (n,); its profile is a Gaussian of ``sigma``.

        The curve is drawn as a density and blurred, so that bends and ends leave no seams.
        """
        (left, top), (right, bottom) = curve.min(axis=0) - 5 * sigma, curve.max(axis=0) + 5 * sigma
        part = self.part((left, right), (top, bottom))
        return self._laid(part, lambda: part._drawn(curve, weight, sigma))

    def _laid(self, part: Canvas, draw: Callable[[], F32]) -> F32:
        """(h, w) what ``draw`` makes for a part of this canvas, and 0 around it; the part may be off the canvas."""
        laid = np.zeros(self.window.shape, np.float32)
        if not part.window.empty:
            laid[part.window.slices(self.window)] = draw()
        return laid

    def _drawn(self, curve: F64, weight: F64, sigma: float) -> F32:
        box = self.window
        length = np.linalg.norm(np.gradient(curve, axis=0), axis=1) * weight
        at = curve * self.density - 0.5 - (box.x, box.y)
        corner = np.floor(at).astype(int)
        share = at - corner
        image = np.zeros(box.shape, np.float32)
        for dx in (0, 1):
            for dy in (0, 1):
                column, row = corner[:, 0] + dx, corner[:, 1] + dy
                drawn = length * np.abs(1 - dx - share[:, 0]) * np.abs(1 - dy - share[:, 1])
                inside = (column >= 0) & (column < box.width) & (row >= 0) & (row < box.height)
                np.add.at(image, (row[inside], column[inside]), drawn[inside])
        profile = math.sqrt(2 * math.pi) * sigma * self.density**2
        return soften(image, sigma * self.density) * np.float32(profile)


def spline(nodes: Sequence[F64] | F64) -> F64:
    """(n, 2) a Catmull-Rom curve through nodes (k, 2); end tangents point to the neighbours."""
    p = np.asarray(nodes, np.float64)
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, _SPLINE_STEPS, endpoint=False)[:, None]
    pieces = []
    for before, start, end, after in zip(p, p[1:], p[2:], p[3:], strict=False):
        bend = 2 * before - 5 * start + 4 * end - after
        twist = after - before + 3 * (start - end)
        pieces.append(start + 0.5 * t * (end - before + t * (bend + t * twist)))
    return np.vstack([*pieces, p[-2][None]])


def taper(count: int, head: float, tail: float) -> F64:
    """(count,) 0 at both ends and 1 between; ``head`` and ``tail`` are the shares of the length that the ends take."""
    t = np.linspace(0, 1, count, dtype=np.float32)
    return np.asarray(smoothstep(t, 0, head) * (1 - smoothstep(t, 1 - tail, 1)), np.float64)


def noise(draw: np.random.Generator, x: F32, y: F32) -> F32:
    """Smooth noise at coordinates in cells: mean 0, deviation about 1, features about one cell wide."""
    table = draw.standard_normal((_TABLE, _TABLE)).astype(np.float32)
    span = np.float32(_TABLE - 3)
    columns, rows = (value - span * np.floor(value / span) + 1 for value in (x, y))
    drawn = cv2.remap(table, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return cast(F32, _NOISE_GAIN * drawn)


def slopes(height: F32, density: int, scales: Sequence[tuple[float, float]]) -> F32:
    """(h, w, 3) slope to the right, slope downwards, and cavity of a height.

    The cavity is negative in creases: the height less its blur, over the blur's width, for each of the ``scales``
    (width in canonical pixels, weight). Light that is kept out of creases also darkens the sides a little; ridges
    gain less.
    """
    across, down = (cv2.Sobel(height, cv2.CV_32F, *order, ksize=3, scale=density / 8) for order in ((1, 0), (0, 1)))
    cavity = np.zeros_like(height)
    for width, weight in scales:
        above = (height - soften(height, width * density)) / np.float32(width)
        cavity += np.float32(weight) * (np.minimum(above, 0) + np.float32(_RIDGE) * np.maximum(above, 0))
    return cast(F32, cv2.merge([np.asarray(across, np.float32), np.asarray(down, np.float32), cavity]))


_RIDGE = 0.3
"""Share of the cavity that ridges keep: light reaches a ridge from all sides, but never more than all of it."""

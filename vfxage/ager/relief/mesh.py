"""Where each pixel of a crop lies on the mean face: the mesh drawn once per crop, as coordinates.

The mean face lives in a canonical square of ``CANON`` pixels, framed as FFHQ frames a face. Two rings around the mesh's
outline carry what lies beyond it: ears, neck, hairline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import JAW, NECK_RINGS, OVAL
from vfxage.types import F32, F64, Window

CANON = 384
"""Side of the canonical square, pixels: what portraits with a face 256 pixels tall can fill."""
MESH = 468
"""Landmarks that span the face; the irises' ten follow the gaze, not the skin."""
RINGS = NECK_RINGS
"""How far the rings lie out, in distances of the outline from the mesh's centre."""
NODES = MESH + len(RINGS) * len(OVAL)
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""Outline of what the lips open on, in order round it."""
_SHIFT = 4
"""Bits of a pixel in OpenCV's drawing coordinates."""
_DRAWN = 2
"""Triangles are drawn on a grid this much coarser than the crop: positions are linear inside each."""
_GRAZING = (0.12, 0.4)
"""A triangle is seen from 0 to 1 as its area grows from the first to the second share of what the mean face has."""

I32 = NDArray[np.int32]


_NECK = [OVAL.index(landmark) for landmark in JAW]
"""Nodes of a ring that belong to the neck."""
_BESIDE = np.clip((np.arange(len(JAW)) + 1) / 4, 0, 1)
_CARRIED = np.minimum(_BESIDE, _BESIDE[::-1])[:, None]
"""How much they move with the neck: less from the ears on, where the rings follow the head."""
_CLEAR = 1.06
"""Least distance of a ring below the jaw, in distances of the outline: no neck folds over a chin that sinks."""


def nodes(points: F32 | F64, neck: F32 | None = None) -> F32:
    """The mesh and its rings (540, 2) from landmarks (478, 2), and from nodes of the neck (34, 2); same units."""
    mesh = points[:MESH]
    centre = mesh.mean(axis=0)
    out = mesh[OVAL] - centre
    rings = [centre + reach * out for reach in RINGS]
    for ring, own in zip(rings, [] if neck is None else np.split(neck, len(RINGS)), strict=False):
        moved = ring[_NECK] + _CARRIED * (own - ring[_NECK])
        along = out[_NECK] / np.maximum((out[_NECK] ** 2).sum(1, keepdims=True), 1e-6)
        short = np.maximum(_CLEAR - ((moved - centre) * along).sum(1, keepdims=True), 0)
        ring[_NECK] = moved + short * out[_NECK]
    return np.concatenate([mesh, *rings], dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Chart(ArrayData):
    """A crop's pixels on the mean face, over a window of the crop."""

    window: Window
    """Crop pixels that the mesh and its rings cover; its edges are even."""
    at: F32 = field(metadata=shaped("h", "w", 2))
    """(h, w, 2) canonical coordinates as OpenCV counts them (centres at 0); far outside where no triangle lies."""
    half_at: F32 = field(metadata=shaped("h2", "w2", 2))
    """(h / 2, w / 2, 2) the same on the half grid."""
    seen: F32 = field(metadata=shaped("h2", "w2"))
    """Half grid, 0..1: 0 where the skin is turned away from the lens or lies outside, with soft borders."""

    def take(self, image: F32) -> F32:
        """Sample a canonical image, CANON or a share of it wide, at the window's pixels, linearly; 0 outside."""
        return _sampled(image, self.at)

    def take_half(self, image: F32) -> F32:
        """The same on the half grid."""
        return _sampled(image, self.half_at)

    def take_part(self, image: F32, part: tuple[slice, slice]) -> F32:
        """The same at full density on a part of the window: rows and columns."""
        return _sampled(image, self.at[part])

    def take_low(self, image: F32, where: Window, density: int, part: tuple[slice, slice] | None = None) -> F32:
        """Sample an image of ``where``, canonical pixels that may lie below the canonical square; 0 outside it.

        ``density`` is its pixels to a canonical pixel. It is sampled on the half grid, or at full density on a ``part``
        of the window.
        """
        at = self.half_at if part is None else self.at[part]
        right, down = ((density - 1) / 2 - density * first for first in (where.x, where.y))
        onto = np.array([[density, 0, right], [0, density, down]], np.float32)
        return _remapped(image, cast(F32, cv2.transform(at, onto)))


def _sampled(image: F32, at: F32) -> F32:
    ratio = image.shape[0] / CANON
    if ratio != 1:
        at = at * np.float32(ratio) + np.float32((ratio - 1) / 2)
    return _remapped(image, at)


def _remapped(image: F32, at: F32) -> F32:
    taken = cv2.remap(image, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
    return cast(F32, taken)


class Mesh:
    """The mean face's triangles; draws charts."""

    def __init__(self, mean: F32, triangles: NDArray[np.int64] | I32) -> None:
        """``mean`` is (478, 2) canonical pixels; ``triangles`` is (T, 3) into its ``nodes``."""
        self._triangles = triangles.astype(np.int32)
        self._mean = nodes(mean)[self._triangles].astype(np.float64)
        self._area = _areas(self._mean)
        self._unit = float(np.ptp(mean[:MESH, 1]))
        self._points = mean

    def chart(self, points: F32, size: int, scale: int = 1, neck: F32 | None = None) -> Chart:
        """Draw the chart of a crop of ``size`` pixels with landmarks ``points`` (478, 2), ``scale`` times coarser.

        ``neck`` (34, 2) says where the nodes of the neck are; without it they follow the jaw.
        """
        step = _DRAWN * scale
        corners = (nodes(points, neck) / step)[self._triangles].astype(np.float64)
        window = _window(corners, size // step)
        if window.empty:  # a face that left the crop
            none = np.zeros((*window.shape, 2), np.float32)
            return Chart(window=window, at=none, half_at=none, seen=none[..., 0])
        corners -= (window.x, window.y)
        seen = self._facing(corners)
        drawn = _draw(corners, seen, window)
        outside = drawn < 0
        weight = seen.astype(np.float32)[drawn]
        x = np.arange(window.width, dtype=np.float32) + np.float32(0.5)
        y = np.arange(window.height, dtype=np.float32)[:, None] + np.float32(0.5)
        # Coordinate by coordinate: numpy is many times slower where the last axis is two long.
        planes = [by_x[drawn] * x + by_y[drawn] * y + by_1[drawn] - np.float32(0.5)
                  for by_x, by_y, by_1 in self._affine(corners)]  # fmt: skip
        for plane in planes:
            plane[outside] = -CANON
        # Nothing beyond the rings, not even a blurred share: coordinates there lead nowhere.
        within = cv2.erode((~outside).astype(np.float32), np.ones((3, 3), np.uint8), borderValue=(0,))
        weight = cv2.GaussianBlur(weight * within, (0, 0), max(1.0, size / 256 / scale)) * within
        full = (window.width * _DRAWN, window.height * _DRAWN)
        return Chart(
            window=Window(window.x * _DRAWN, window.y * _DRAWN, *full),
            at=np.asarray(cv2.merge([cv2.resize(plane, full) for plane in planes]), np.float32),
            half_at=np.asarray(cv2.merge(planes), np.float32),
            seen=np.asarray(weight, np.float32),
        )

    def unfolded(self, points: F32, size: int) -> Chart:
        """Draw where each pixel of the mean face, ``size`` pixels wide, lies on a crop with landmarks ``points``.

        Its coordinates are pixels of the crop, as OpenCV counts them.
        """
        other = Mesh(points, self._triangles)
        return other.chart(self._points * np.float32(size / CANON), size)

    def _facing(self, corners: F64) -> F64:
        """(T,) 0..1, how much of each triangle the lens sees, against the mean face at the same height."""
        height = float(np.ptp(corners[..., 1])) / float(np.ptp(self._mean[..., 1]))
        share = _areas(corners) / (self._area * max(height, 1e-3) ** 2)
        low, high = _GRAZING
        t = np.clip((share - low) / (high - low), 0, 1)
        return t * t * (3 - 2 * t)

    def _affine(self, corners: F64) -> F32:
        """(2, 3, T), each triangle of the crop to the mean face; a flat triangle maps to its first corner."""
        edges, mean = corners[:, 1:] - corners[:, :1], self._mean[:, 1:] - self._mean[:, :1]
        det = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
        safe = np.where(np.abs(det) < 1e-6, np.inf, det)
        inverse = (
            np.stack(
                [np.stack([edges[:, 1, 1], -edges[:, 0, 1]], -1), np.stack([-edges[:, 1, 0], edges[:, 0, 0]], -1)], 1
            )
            / safe[:, None, None]
        )
        linear = np.einsum("tij,tjk->tki", inverse, mean)
        offset = self._mean[:, 0] - np.einsum("tij,tj->ti", linear, corners[:, 0])
        both = np.concatenate([linear, offset[..., None]], axis=2, dtype=np.float32)
        return np.ascontiguousarray(np.moveaxis(both, 0, -1))


def _areas(corners: F64) -> F64:
    """Signed areas (T,) of triangles (T, 3, 2)."""
    (ax, ay), (bx, by) = (corners[:, k].T - corners[:, 0].T for k in (1, 2))
    return np.asarray(ax * by - ay * bx) / 2


def _window(corners: F64, size: int) -> Window:
    low = np.floor(corners.min(axis=(0, 1))).astype(int) - 1
    high = np.ceil(corners.max(axis=(0, 1))).astype(int) + 1
    box = Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
    return box.intersect(Window(0, 0, size, size))


def _draw(corners: F64, seen: F64, window: Window) -> I32:
    """(h, w) the triangle of each pixel, -1 where there is none; of overlapping ones the one that is seen best."""
    drawn = np.full((window.height, window.width), -1, np.int32)
    fixed = np.round((corners - 0.5) * (1 << _SHIFT)).astype(np.int32)
    order = np.argsort(seen, kind="stable")
    order = order[seen[order] > 0]
    for index, corner in zip(order.tolist(), fixed[order], strict=True):
        cv2.fillConvexPoly(drawn, corner, index, cv2.LINE_8, _SHIFT)
    return drawn

"""How a younger face is lifted: brows and lid hoods up, the jowl back and up, the outline of the jaw firmer.

The movements were placed by hand on the mean face and judged by eye on portraits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from vfxage.ager.prototype.mesh import CANON, MESH, Chart
from vfxage.ager.prototype.sight import parts
from vfxage.ager.relief.younger.ground import smooth
from vfxage.types import F32

_HALF = CANON // 2
_MIDDLE = 1
"""Landmark on the face's middle line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Movement of the skin at one landmark of the picture's left half and at its mirror image, canonical pixels."""

    mark: int
    out: float
    """Away from the middle line."""
    up: float
    reach: float
    """Distance over which it fades."""


def _moves(*rows: tuple[int, float, float, float]) -> tuple[Move, ...]:
    return tuple(Move(mark=mark, out=out, up=up, reach=reach) for mark, out, up, reach in rows)


BROWS = _moves(
    (105, 0.0, 1.5, 14), (63, 0.0, 1.8, 13), (70, -0.1, 2.0, 13), (66, 0.0, 1.2, 12),
)  # fmt: skip
"""The brow, its tail more than its head."""
LIDS = _moves(
    (225, 0.2, 3.2, 8), (224, 0.0, 2.8, 8), (223, 0.0, 2.4, 8), (30, 0.2, 2.8, 7), (29, 0.0, 2.6, 7), (28, 0.0, 2.4, 7),
    (27, 0.0, 2.4, 7), (56, 0.0, 1.6, 7), (247, 0.1, 2.2, 6), (159, 0.0, 0.9, 6), (158, 0.0, 0.8, 6),
    (160, 0.0, 0.9, 6), (246, 0.1, 1.1, 6), (33, 0.4, 0.7, 7),
)  # fmt: skip
"""The hood of the upper lid rises over the lid itself, which is stretched; the lid's edge follows a little."""
CHEEKS = _moves(
    (145, 0.0, -0.25, 6), (144, 0.0, -0.2, 6), (230, 0.0, 1.0, 9), (229, 0.0, 1.0, 9), (119, 0.0, 1.6, 12),
    (50, 0.0, 1.6, 20), (205, 0.2, 1.9, 16),
)  # fmt: skip
"""The cheek fills and rises."""
JAW = _moves(
    (214, -0.9, 2.2, 15), (210, -1.0, 2.0, 14), (135, -1.4, 2.0, 13), (169, -1.6, 1.8, 12), (136, -1.8, 1.8, 13),
    (150, -1.4, 1.6, 12), (149, -0.8, 1.0, 11), (172, -1.2, 0.8, 12), (58, -0.5, 0.0, 12), (176, 0.0, 0.4, 10),
    (32, 0.0, 0.8, 10),
)  # fmt: skip
"""The jowl goes in and up; the jaw's corner and the chin stay."""
MOUTH = _moves(
    (61, 0.2, 1.1, 9), (57, 0.2, 1.1, 10), (40, 0.0, 1.0, 6), (37, 0.0, 1.2, 6), (0, 0.0, 1.1, 6), (17, 0.0, -1.2, 6),
    (84, 0.0, -1.2, 6), (181, 0.0, -0.8, 6), (1, 0.0, 1.2, 12), (98, -0.7, 0.8, 9), (164, 0.0, 1.2, 9),
)  # fmt: skip
"""The corners of the mouth rise, the lips are fuller, the nose is shorter and narrower."""
MOVES = BROWS + LIDS + CHEEKS + JAW + MOUTH
"""All movements, for 35 years back."""
_PINNED = (10, 338, 297, 332, 284, 251, 389, 356, 454, 109, 67, 103, 54, 21, 162, 127, 234, 152, 377, 148)
"""Landmarks of the outline that stay where they are: above the jaw, and the tip of the chin."""
_PIN_REACH = 9.0
"""Canonical pixels around them."""
_LEAST_WEIGHT = 0.75
"""Sum of weights below which a movement is not normalised to its full size: it fades out away from landmarks."""


def lift_field(mean: F32) -> F32:
    """Movement (CANON / 2, CANON / 2, 2) of the skin of the mean face (478, 2), canonical pixels, right and down."""
    y, x = np.mgrid[:_HALF, :_HALF].astype(np.float32) * 2 + 1
    total, weights = np.zeros((_HALF, _HALF, 2), np.float32), np.zeros((_HALF, _HALF), np.float32)
    middle = float(mean[_MIDDLE, 0])
    for move in MOVES:
        centre_x, centre_y = (float(value) for value in mean[move.mark])
        sides = (0,) if abs(centre_x - middle) < 2 else (-1, 1)
        for side in sides:
            place = middle + side * abs(centre_x - middle)
            weight = np.exp(-((x - place) ** 2 + (y - centre_y) ** 2) / np.float32(move.reach**2))
            total += weight[..., None] * np.array([side * move.out, -move.up], np.float32)
            weights += weight
    pinned = np.zeros_like(weights)
    for mark in _PINNED:
        apart = (x - mean[mark, 0]) ** 2 + (y - mean[mark, 1]) ** 2
        pinned = np.maximum(pinned, np.exp(-apart / np.float32(_PIN_REACH**2)))
    field = total / np.maximum(weights, _LEAST_WEIGHT)[..., None] * (1 - pinned)[..., None]
    return np.asarray(cv2.GaussianBlur(field, (0, 0), 1.5), np.float32)


def lifted(points: F32, mean: F32, field: F32, chart: Chart, gain: float) -> F32:
    """Movement (h2, w2, 2) of the skin, crop pixels on the half grid of the chart, turned and squeezed as the head is.

    ``points`` and ``mean`` are (478, 2), crop and canonical pixels; ``field`` is from ``lift_field``.
    """
    known = np.column_stack([mean[:MESH], np.ones(MESH)])
    to_crop = np.linalg.lstsq(known, points[:MESH].astype(np.float64), rcond=None)[0][:2]
    (xx, xy), (yx, yy) = (gain * to_crop).astype(np.float32)
    x, y = parts(chart.take_half(field))
    return cast(F32, cv2.merge([(x * xx + y * yx) * chart.seen, (x * xy + y * yy) * chart.seen]))


def held_still(flow: F32, still: F32, pixel: float, smoothing: float, border: float) -> F32:
    """The movement without what keeps still.

    ``still`` (h2, w2), 0..1, marks hair, spectacles and teeth; ``smoothing`` and ``border`` are sigmas, canonical
    pixels, of the flow and of the border around such things; ``pixel`` is half-grid pixels to a canonical pixel.
    """
    free = 1 - np.clip(1.6 * smooth(still, border * pixel), 0, 1)
    x, y = (smooth(np.asarray(part * free, np.float32), smoothing * pixel) for part in parts(flow))
    return cast(F32, cv2.merge([x, y]))

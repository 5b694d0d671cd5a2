"""How a younger face is lifted: brows and lid hoods up, the jowl back and up, the outline of the jaw firmer.

The movements were placed by hand on the mean face and judged by eye on portraits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mesh import CANON, MESH, Chart
from vfxage.ager.relief.skin_view import parts
from vfxage.ager.relief.younger.ground import smooth
from vfxage.geometry import smoothstep
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
    (105, 0.0, 0.0, 14), (63, 0.0, 0.0, 13), (70, 0.0, 0.3, 13), (66, 0.0, 0.0, 12),
)  # fmt: skip
"""The brow, which the hood below it carries up enough. Brows hardly sink with age: over 201 women of 25 to 86 the tail
keeps its place within a pixel, and the head of old brows is higher (as Matros et al. 2009 found). A lifted brow looks
surprised."""
HOODS = _moves(
    (225, 0.3, 4.6, 8), (224, 0.0, 4.2, 8), (223, 0.0, 3.6, 8), (30, 0.3, 4.0, 7), (29, 0.0, 3.8, 7), (28, 0.0, 3.6, 7),
    (27, 0.0, 3.4, 7), (56, 0.0, 2.0, 7), (247, 0.2, 2.8, 6),
)  # fmt: skip
"""The hood of the upper lid rises over the lid itself, which is stretched."""
LIDS = _moves(
    (159, 0.0, 1.6, 6), (158, 0.0, 1.4, 6), (160, 0.0, 1.5, 6), (161, 0.1, 1.3, 6), (246, 0.2, 1.2, 6),
    (33, 0.4, 0.7, 7),
)  # fmt: skip
"""The edge of the upper lid follows a little."""
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
    (61, 0.2, 3.0, 9), (57, 0.2, 2.6, 10), (40, 0.0, 1.4, 6), (37, 0.0, 1.6, 6), (0, 0.0, 1.6, 6), (17, 0.0, -1.6, 6),
    (84, 0.0, -1.6, 6), (181, 0.0, -0.8, 6), (1, 0.0, 1.2, 12), (98, -0.7, 0.8, 9), (164, 0.0, 1.2, 9),
)  # fmt: skip
"""The corners of the mouth rise, the lips are fuller, the skin above them is shorter (it grows by a fifth over a life:
Iblher et al. 2008), the nose is shorter and narrower. Over 201 women of 25 to 86 the
corners sink by 3.5 pixels in 30 years (standard error 0.7) at the same width of mouth. The rise here
is less, as some of that may be mood."""
_SHUT, _OPEN = 0.10, 0.26
"""Height of an eye over its width: shut, and open; a blink must not be opened."""
_EYES = ((159, 145, 33, 133), (386, 374, 263, 362))
"""Upper and lower lid, outer and inner corner."""
MOVES = BROWS + HOODS + CHEEKS + JAW + MOUTH
"""All movements but those of the lids, for 35 years back."""
_PINNED = (10, 338, 297, 332, 284, 251, 389, 356, 454, 109, 67, 103, 54, 21, 162, 127, 234, 152, 377, 148)
"""Landmarks of the outline that stay where they are: above the jaw, and the tip of the chin."""
_PIN_REACH = 9.0
"""Canonical pixels around them."""
_LEAST_WEIGHT = 0.75
"""Sum of weights below which a movement is not normalised to its full size: it fades out away from landmarks."""


def lift_field(mean: F32) -> F32:
    """Movement (CANON / 2, CANON / 2, 4) of the mean face (478, 2), canonical pixels.

    The channels are: skin right, skin down, lids right, lids down.
    """
    pinned = np.zeros((_HALF, _HALF), np.float32)
    for mark in _PINNED:
        pinned = np.maximum(pinned, _weight(mean[mark], _PIN_REACH))
    skin, lids = _field(mean, MOVES + LIDS, len(MOVES)), _field(mean, LIDS + MOVES, len(LIDS))
    field = np.dstack([skin, lids]) * (1 - pinned)[..., None]
    return np.asarray(cv2.GaussianBlur(field, (0, 0), 1.5), np.float32)


def _weight(place: F32, reach: float) -> F32:
    """A Gaussian round ``place`` on the half grid of the canonical square."""
    y, x = np.mgrid[:_HALF, :_HALF].astype(np.float32) * 2 + 1
    return np.asarray(np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / np.float32(reach**2)), np.float32)


def _field(mean: F32, moves: tuple[Move, ...], moving: int) -> F32:
    """Average of the first ``moving`` moves, the others counting as standing still: (CANON / 2, CANON / 2, 2)."""
    total, weights = np.zeros((_HALF, _HALF, 2), np.float32), np.zeros((_HALF, _HALF), np.float32)
    middle = float(mean[_MIDDLE, 0])
    for index, move in enumerate(moves):
        away = abs(float(mean[move.mark, 0]) - middle)
        for side in (0,) if away < 2 else (-1, 1):
            weight = _weight(np.array([middle + side * away, mean[move.mark, 1]], np.float32), move.reach)
            weights += weight
            if index < moving:
                total += weight[..., None] * np.array([side * move.out, -move.up], np.float32)
    return np.asarray(total / np.maximum(weights, _LEAST_WEIGHT)[..., None], np.float32)


def eyes_open(points: F32) -> float:
    """0 for shut eyes, 1 for open ones; ``points`` is (478, 2)."""
    apart = [[float(np.hypot(*(points[a] - points[b]))) for a, b in ((top, low), (outer, inner))]
             for top, low, outer, inner in _EYES]  # fmt: skip
    height, width = (sum(values) for values in zip(*apart, strict=True))
    return float(smoothstep(np.array((height / max(width, 1e-3) - _SHUT) / (_OPEN - _SHUT))))


def lifted(points: F32, mean: F32, field: F32, chart: Chart, gain: float) -> F32:
    """Movement (h2, w2, 2) of the skin, crop pixels on the half grid of the chart, turned and squeezed as the head is.

    ``points`` and ``mean`` are (478, 2), crop and canonical pixels; ``field`` is from ``lift_field``.
    """
    known = np.column_stack([mean[:MESH], np.ones(MESH)])
    to_crop = np.linalg.lstsq(known, points[:MESH].astype(np.float64), rcond=None)[0][:2]
    (xx, xy), (yx, yy) = (gain * to_crop).astype(np.float32)
    skin_x, skin_y, lids_x, lids_y = parts(chart.take_half(field))
    shown = np.float32(eyes_open(points))
    x, y = skin_x + shown * lids_x, skin_y + shown * lids_y
    return cast(F32, cv2.merge([(x * xx + y * yx) * chart.seen, (x * xy + y * yy) * chart.seen]))


def held_still(flow: F32, still: F32, pixel: float, smoothing: float, border: float) -> F32:
    """The movement without what keeps still.

    ``still`` (h2, w2), 0..1, marks hair, spectacles and teeth; ``smoothing`` and ``border`` are sigmas, canonical
    pixels, of the flow and of the border around such things; ``pixel`` is half-grid pixels to a canonical pixel.
    """
    free = 1 - np.clip(1.6 * smooth(still, border * pixel), 0, 1)
    x, y = (smooth(np.asarray(part * free, np.float32), smoothing * pixel) for part in parts(flow))
    return cast(F32, cv2.merge([x, y]))

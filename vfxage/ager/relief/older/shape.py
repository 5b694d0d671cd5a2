"""How a face sinks with age: movements of landmarks on the mean face, spread over the skin around them.

Rows are a landmark of the left side (and its mirror image), how far it moves to the right (outwards is negative) and
down, and the reach of the movement: canonical pixels, for a wear of 1. The whole brow sinks, its inner end as much as
its tail, and corners of the mouth hardly sink: a brow that slopes outwards and drooping corners read as sad, not as
old. The upper lid's fold hangs over the lid. Jowls hang over the edge of the jaw, and beside the chin the edge is drawn
in: an even jaw is a young one.
"""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.ager.relief.mesh import CANON, MESH, Chart
from vfxage.ager.relief.older.canvas import smoothstep
from vfxage.ager.relief.skin_view import SkinView, blur, morphed, parts
from vfxage.geometry import OVAL
from vfxage.types import F32

_HALF = CANON // 2
_MOVES = (
    (55, 0.0, 1.2, 12), (107, 0.0, 1.2, 13), (105, 0.0, 1.4, 16), (63, -0.1, 1.5, 14), (70, -0.1, 1.5, 14),
    (225, 0.2, 3.8, 8), (30, 0.0, 4.0, 8), (29, 0.0, 3.6, 7), (27, 0.0, 2.7, 7), (159, 0.0, 1.3, 6), (158, 0.0, 1.1, 6),
    (246, 0.2, 1.9, 6), (33, 0.5, 0.5, 6), (145, 0.0, 0.4, 6), (230, 0.0, 0.9, 9), (50, 0.0, 1.4, 20),
    (205, 0.2, 1.8, 16), (214, -0.6, 2.6, 15), (210, -0.8, 2.8, 14), (135, -0.8, 1.8, 13), (61, 0.3, -0.4, 9),
    (57, 0.1, -0.2, 9), (40, 0.0, 1.3, 6), (37, 0.0, 1.5, 6), (0, 0.0, 1.4, 6), (17, 0.0, -1.0, 6), (84, 0.0, -0.9, 6),
    (181, 0.0, -0.6, 6), (1, 0.0, 1.0, 13), (98, -0.3, 0.7, 9), (164, 0.0, 1.2, 10), (187, 0.9, 0.4, 16),
    (71, 0.9, 0.0, 16), (172, -0.7, 1.2, 11), (136, -1.2, 3.0, 11), (150, -0.7, 3.8, 10), (149, 0.0, 1.6, 8),
    (176, 0.7, -1.0, 8),
)  # fmt: skip
_ON_AXIS = 2.0
"""Canonical pixels from the middle of the face within which a landmark has no mirror image."""
_OUTLINE = 0.3
"""Share of the movement that a blurred outline would leave at the edge of the face."""
_JAW_FROM = (58, 136)
"""Landmarks of the outline from whose height on, and below whose height wholly, the edge of the jaw moves."""
_JAW_FADE = 3.5
"""Half-grid pixels over which the movement of the jaw fades on the neck."""
_NEAR = 12.0
"""Canonical pixels around a bare neck within which the edge of the jaw moves."""
_ALONE = 0.75
"""Weight from which movements are averaged; a lone movement fades out with its own weight."""


def sink_field(mean: F32) -> F32:
    """(CANON / 2, CANON / 2, 4) movement of the skin, canonical pixels: of the face, and what the edge of the jaw adds.

    The first two channels move nothing at the outline of the face. The others move the edge of the jaw and the neck
    just below it: they may be used where the neck is bare, as a collar or a wall beside the jaw would bend.
    """
    y, x = np.mgrid[:_HALF, :_HALF].astype(np.float32) * 2 + 1
    total, weights = np.zeros((_HALF, _HALF, 2), np.float32), np.zeros((_HALF, _HALF, 1), np.float32)
    middle = float(mean[1, 0])
    for landmark, right, down, reach in _MOVES:
        own_x, own_y = float(mean[landmark, 0]), float(mean[landmark, 1])
        places = [(own_x, right)]
        if abs(own_x - middle) >= _ON_AXIS:
            places.append((2 * middle - own_x, -right))
        for at, moved in places:
            weight = np.exp(-((x - at) ** 2 + (y - own_y) ** 2) / np.float32(reach**2))[..., None]
            total += weight * np.array([moved, down], np.float32)
            weights += weight
    edge = np.zeros((_HALF, _HALF), np.uint8)
    cv2.fillPoly(edge, [np.round(mean[OVAL] / 2).astype(np.int32)], (1,))
    inner = cv2.GaussianBlur(cv2.erode(edge, np.ones((7, 7), np.uint8)).astype(np.float32), (0, 0), 4.0)
    inner = np.maximum(inner - np.float32(_OUTLINE), 0) / np.float32(1 - _OUTLINE)
    wide = cv2.GaussianBlur(cv2.dilate(edge, np.ones((7, 7), np.uint8)).astype(np.float32), (0, 0), _JAW_FADE)
    jaw = smoothstep(y, *(float(mean[mark, 1]) for mark in _JAW_FROM)) * np.maximum(wide - inner, 0)
    field = cv2.GaussianBlur(total / np.maximum(weights, _ALONE), (0, 0), 1.5)
    return np.ascontiguousarray(np.dstack([field * inner[..., None], field * jaw[..., None]]), np.float32)


def sunk(field: F32, points: F32, mean: F32, chart: Chart, bare: F32) -> F32:
    """(h2, w2, 2) movement on a crop, crop pixels, for a field of ``sink_field``; ``points`` (478, 2) crop pixels.

    ``bare`` (h2, w2) is how much of the jaw's movement is wanted at a pixel, from ``bare_jaw``.
    """
    known = np.column_stack([mean[:MESH], np.ones(MESH)])
    (xx, xy), (yx, yy) = np.linalg.lstsq(known, points[:MESH].astype(np.float64), rcond=None)[0][:2].astype(np.float32)
    x, y, jaw_x, jaw_y = parts(chart.take_half(field))
    x, y = x + bare * jaw_x, y + bare * jaw_y
    return np.asarray(cv2.merge([(x * xx + y * yx) * chart.seen, (x * xy + y * yy) * chart.seen]), np.float32)


def bare_jaw(seen_skin: SkinView, neck: F32, points: F32) -> F32:
    """(h2, w2) 0..1: near a bare ``neck`` (h2, w2), the face and the skin beside it. ``points`` are crop pixels."""
    face = np.zeros(neck.shape, np.uint8)
    cv2.fillPoly(face, [np.round(np.clip(points[OVAL] / 2, -9999, 9999)).astype(np.int32)], (1,))
    near = blur(morphed(cv2.MORPH_DILATE, neck, _NEAR * seen_skin.unit / 2), 0.4 * _NEAR * seen_skin.unit)
    surely = np.clip(2 * seen_skin.bare - 1, 0, 1)  # cloth can have nearly the colour of the skin
    skin = np.maximum.reduce([face, surely, neck])
    return near * morphed(cv2.MORPH_ERODE, np.asarray(skin, np.float32), 2.5 * seen_skin.unit)

"""Draw wrinkle lines and the skin's outline from the 478 landmarks of a face.

Each curve runs through fixed mixtures of landmarks, so it moves with the face. Nothing is searched for in the picture
and nothing is remembered from frame to frame, so the curves add no noise. Left is the picture's left; ``MIRROR`` makes
the right side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.geometry import OVAL
from vfxage.types import F32, POINTS, U8

I32 = NDArray[np.int32]

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
NOSTRIL = (98, 97, 2, 94, 19, 44, 237, 218, 64)
CHEEKS = (50, 101, 36, 205, 207, 187, 118, 280, 330, 266, 425, 427, 411, 347)
SKIN = (*CHEEKS, 151, 108, 337, 69, 299, 9, 6, 195, 199)
"""Landmarks that are most likely bare skin: the face's own colour is fitted to them."""

MIRROR = {
    2: 2, 7: 249, 8: 8, 9: 9, 19: 19, 31: 261, 33: 263, 34: 264, 35: 265, 43: 273, 44: 274, 46: 276, 52: 282,
    53: 283, 55: 285, 57: 287, 61: 291, 63: 293, 64: 294, 65: 295, 66: 296, 70: 300, 92: 322, 94: 94, 97: 326,
    98: 327, 105: 334, 107: 336, 111: 340, 116: 345, 118: 347, 119: 348, 120: 349, 121: 350, 124: 353, 128: 357,
    129: 358, 133: 362, 143: 372, 144: 373, 145: 374, 153: 380, 154: 381, 155: 382, 156: 383, 157: 384, 158: 385,
    159: 386, 160: 387, 161: 388, 163: 390, 173: 398, 186: 410, 202: 422, 203: 423, 204: 424, 206: 426, 210: 430,
    211: 431, 212: 432, 216: 436, 218: 438, 226: 446, 228: 448, 229: 449, 230: 450, 231: 451, 232: 452, 233: 453,
    237: 457, 244: 464, 246: 466,
}  # fmt: skip
"""Each landmark used here and the one opposite (found by reflecting a mean face)."""

Node = tuple[int, int, float]
"""A point on the way from one landmark to another: (from, to, share of the way)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A crease: a smooth curve through its nodes, with soft ends."""

    name: str
    nodes: tuple[Node, ...]
    line: float
    """Strength of the narrow dark line, 0..1."""
    shade: float
    """Strength of the wide shadow around it, 0..1."""
    mirrored: bool = True
    """Whether the other side of the face has the same fold."""


FOLDS = (
    Fold(
        name="nasolabial",
        nodes=((129, 203, 0.15), (203, 98, 0.4), (206, 92, 0.4), (216, 186, 0.6), (57, 212, 0.45)),
        line=0.75,
        shade=1.0,
    ),
    Fold(
        name="marionette",
        nodes=((57, 61, 0.5), (43, 57, 0.3), (202, 43, 0.45), (204, 202, 0.5), (211, 210, 0.45)),
        line=0.6,
        shade=0.7,
    ),
    Fold(
        name="tear trough",
        nodes=((244, 233, 0.6), (128, 233, 0.4), (121, 232, 0.3), (120, 231, 0.3), (119, 230, 0.45), (118, 229, 0.6)),
        line=0.5,
        shade=1.0,
    ),
    Fold(
        name="lower lid",
        nodes=((233, 232, 0.4), (232, 231, 0.2), (231, 230, 0.1), (230, 229, 0.1), (229, 228, 0.2), (228, 31, 0.4)),
        line=0.7,
        shade=0.3,
    ),
    Fold(name="crow's foot, high", nodes=((226, 35, 0.55), (35, 124, 0.5), (143, 156, 0.6)), line=0.75, shade=0.2),
    Fold(name="crow's foot", nodes=((226, 35, 0.6), (35, 143, 0.25), (143, 34, 0.3)), line=0.9, shade=0.2),
    Fold(name="crow's foot, low", nodes=((31, 35, 0.4), (111, 35, 0.5), (111, 143, 0.35), (116, 143, 0.3)),
         line=0.8, shade=0.2),
    Fold(
        name="forehead, low",
        nodes=((104, 105, 0.3), (69, 66, 0.45), (108, 107, 0.6), (151, 9, 0.5),
               (337, 336, 0.55), (299, 296, 0.5), (333, 334, 0.35)),
        line=0.45,
        shade=0.3,
        mirrored=False,
    ),
    Fold(
        name="forehead",
        nodes=((104, 105, 0.1), (69, 66, 0.12), (108, 107, 0.15), (151, 9, 0.1),
               (337, 336, 0.15), (299, 296, 0.1), (333, 334, 0.05)),
        line=0.5,
        shade=0.4,
        mirrored=False,
    ),
    Fold(
        name="forehead, high",
        nodes=((69, 67, 0.2), (108, 109, 0.42), (151, 10, 0.38), (337, 338, 0.45), (299, 297, 0.28)),
        line=0.35,
        shade=0.25,
        mirrored=False,
    ),
    Fold(name="frown", nodes=((107, 9, 0.45), (55, 8, 0.35), (55, 8, 0.6)), line=0.5, shade=0.3),
    Fold(
        name="chin",
        nodes=((182, 181, 0.35), (83, 84, 0.35), (18, 17, 0.3), (313, 314, 0.35), (406, 405, 0.35)),
        line=0.3,
        shade=0.6,
        mirrored=False,
    ),
)  # fmt: skip

_STEPS = 5
"""Segments drawn between two nodes."""
_LEVELS = 8
"""How many strengths a segment can have. Each strength is one call of OpenCV."""
_SHIFT = 4
"""Fractional bits of drawing coordinates: a sixteenth of a pixel."""


def _spline(count: int) -> F32:
    """Make the matrix of a Catmull-Rom curve through ``count`` nodes: (samples, count), each row sums to 1."""
    rows = []
    for k in range(count - 1):
        for step in range(_STEPS + (k == count - 2)):
            t = step / _STEPS
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
            row = np.zeros(count)
            for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
                row[min(max(k + offset, 0), count - 1)] += weight / 2
            rows.append(row)
    return np.array(rows, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strokes:
    """All folds as straight segments between points of their curves."""

    samples: F32
    """(samples, 478): the matrix from landmarks to points of the curves."""
    ends: NDArray[np.intp]
    """(segments, 2): which two points each segment joins."""
    line: U8
    """(segments,) strength of the line, 0.._LEVELS."""
    shade: U8
    """(segments,) strength of the shadow, 0.._LEVELS."""


def _strokes() -> _Strokes:
    """Cut every fold, on both sides where it has two, into segments with their strengths."""
    samples, ends, line, shade = [], [], [], []
    total = 0
    sides = [(fold, side) for fold in FOLDS for side in ((False, True) if fold.mirrored else (False,))]
    for number, (fold, side) in enumerate(sides):
        nodes = np.zeros((len(fold.nodes), POINTS), np.float32)
        for row, (start, end, share) in zip(nodes, fold.nodes, strict=True):
            row[MIRROR[start] if side else start] += 1 - share
            row[MIRROR[end] if side else end] += share
        curve = _spline(len(nodes)) @ nodes
        count = len(curve) - 1
        samples.append(curve)
        for k in range(count):
            t = (k + 0.5) / count
            # The ends are soft. Each fold varies slowly in depth along its way, as real creases do.
            depth = math.sin(math.pi * t) ** 0.6 * (0.75 + 0.25 * math.sin(11 * t + 2.3 * number))
            ends.append((total + k, total + k + 1))
            line.append(round(_LEVELS * fold.line * depth))
            shade.append(round(_LEVELS * fold.shade * depth))
        total += count + 1
    return _Strokes(
        samples=np.concatenate(samples),
        ends=np.array(ends),
        line=np.array(line, np.uint8),
        shade=np.array(shade, np.uint8),
    )


_STROKES = _strokes()


def draw_folds(points: F32, shape: tuple[int, ...]) -> tuple[U8, U8]:
    """Draw the folds one pixel wide, in two pictures (h, w) of 0..255: strengths of the lines, and of the shadows.

    ``points`` is (478, 2) in pixels of a picture of ``shape`` (height, width).
    """
    curve = _STROKES.samples @ points
    segments = _fixed(curve[_STROKES.ends])
    pictures = []
    for levels in (_STROKES.line, _STROKES.shade):
        picture = np.zeros(shape, np.uint8)
        for level in range(1, _LEVELS + 1):
            chosen = segments[levels == level]
            if len(chosen):
                cv2.polylines(picture, list(chosen), False, (255 * level // _LEVELS,), 1, cv2.LINE_AA, _SHIFT)
        pictures.append(picture)
    return pictures[0], pictures[1]


def draw_skin(points: F32, shape: tuple[int, ...]) -> U8:
    """Draw where skin is, (h, w) of 0..255: the face's oval without eyes, brows, lips and nostrils; soft edges."""
    picture = np.zeros(shape, np.uint8)
    cv2.fillPoly(picture, [_fixed(points[list(OVAL)])], (255,), cv2.LINE_AA, _SHIFT)
    for outline, grow in ((EYE, 1.35), (BROW, 1.2), (NOSTRIL, 1.25)):
        for side in (outline, tuple(MIRROR[k] for k in outline)):
            cv2.fillConvexPoly(picture, _grown(points[list(side)], grow), (0,), cv2.LINE_AA, _SHIFT)
    cv2.fillPoly(picture, [_grown(points[list(LIPS)], 1.12)], (0,), cv2.LINE_AA, _SHIFT)
    return picture


def _grown(outline: F32, factor: float) -> I32:
    """The convex outline, enlarged about its centre, in OpenCV's fixed-point coordinates."""
    centre = outline.mean(axis=0)
    return cast(I32, cv2.convexHull(_fixed(centre + factor * (outline - centre))))


def _fixed(points: F32) -> I32:
    """Turn coordinates (pixel centres at +0.5) into OpenCV's fixed-point ones (pixel centres at 0)."""
    return cast(I32, np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32))

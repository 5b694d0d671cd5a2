"""A hand before a face as a soft stencil that holds it out of the matte, drawn from the hand's points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from vfxage.comp.stencils import ArtistMattes, Stencil
from vfxage.geometry import smoothstep
from vfxage.types import F32, F64, HandTrack, Window

_PALM = [0, 1, 2, 5, 9, 13, 17]
_BONES = ((1, 2), (2, 3), (3, 4), *((root + k, root + k + 1) for root in (5, 9, 13, 17) for k in range(3)))
_FLESH = {"palm": 0.17, "thumb": 0.15, "finger": 0.125, "wrist": 0.28}
"""How far a hand reaches around its bones, in lengths of the palm, and a little more."""
_SOFT = 0.12
"""Width of the edge, outside of that."""
_WRIST = 0.3
"""How far beyond its point a wrist goes on, palms."""
_SHUTTER = 0.35
"""Frames before and after over which a moving hand is blurred."""
_MOMENTS = 9
"""Places along the blur, at most, in which the hand is drawn."""
_FINE = 128
"""Pixels of the longer side that are enough to draw it smoothly: larger hands are drawn smaller and enlarged."""


def with_hands(
    mattes: ArtistMattes, hands: Sequence[tuple[HandTrack, int]], pixel_aspect: float, window: Window
) -> ArtistMattes:
    """Add the frame's hands to the artists' mattes, as hold-outs of the whole shot; ``window`` is the data window."""
    stencils = tuple(stencil(hand, row, pixel_aspect, window) for hand, row in hands)
    return replace(mattes, whole=(*mattes.whole, *stencils)) if stencils else mattes


def stencil(hand: HandTrack, row: int, pixel_aspect: float, window: Window) -> Stencil:
    """The factor that a hand applies to mattes: 1 away from it, 1 minus its presence on it, soft at its edge.

    It is a little wider than the hand, and wider along its motion by as much as a shutter blurs it.
    """
    square = np.array([pixel_aspect, 1.0])
    points, motion = hand.points[row] * square, hand.motion[row] * square * _SHUTTER
    size = float(hand.size[row])
    reach = (max(_FLESH.values()) + _WRIST + _SOFT) * size + np.abs(motion).max(0)
    low, high = points.min(0) - reach, points.max(0) + reach
    box = _pixels(low / square, high / square).intersect(window)
    scale = max(1.0, float((high - low).max()) / _FINE)
    width, height = (max(2, math.ceil(side / scale)) for side in high - low)
    held = smoothstep(_depth(points - low, motion, size, scale, (height, width))) * np.float32(hand.presence[row])
    columns = ((np.arange(box.width) + box.x + 0.5) * pixel_aspect - low[0]) / scale - 0.5
    rows = (np.arange(box.height) + box.y + 0.5 - low[1]) / scale - 0.5
    across = _between(held.T, columns).T
    values = np.float32(1) - np.clip(_between(across, rows), 0.0, 1.0)
    return Stencil(window=box, values=np.ascontiguousarray(values), outside=1.0)


def _pixels(low: F64, high: F64) -> Window:
    x, y = (math.floor(value) for value in low)
    return Window(x, y, math.ceil(high[0]) - x, math.ceil(high[1]) - y)


def _between(drawn: F32, at: F64) -> F32:
    """Rows of a picture at places between them; its border is 0, and so is what lies beyond."""
    first = np.clip(np.floor(at).astype(np.int64), 0, len(drawn) - 2)
    share = np.clip(at - first, 0, 1).astype(np.float32)[:, None]
    return np.asarray(drawn[first] * (np.float32(1) - share) + drawn[first + 1] * share, np.float32)


def _depth(points: F64, motion: F64, size: float, scale: float, shape: tuple[int, int]) -> F32:
    """How far inside the edge each pixel lies, in widths of the edge, wherever within the blur the hand is deepest."""
    x = (np.arange(shape[1], dtype=np.float32) + np.float32(0.5))[None, :]
    y = (np.arange(shape[0], dtype=np.float32) + np.float32(0.5))[:, None]
    travel = float(np.linalg.norm(motion, axis=1).max())
    moments = min(_MOMENTS, 1 + 2 * math.ceil(travel / (_FLESH["finger"] * size)))
    deepest = np.full(shape, -np.inf, np.float32)
    for moment in np.linspace(-1, 1, moments) if moments > 1 else (0.0,):
        moved = (points + moment * motion) / scale
        for distance, flesh in _parts(moved, size / scale, x, y):
            np.maximum(deepest, np.float32(flesh * size / scale) - distance, out=deepest)
    return deepest / np.float32(_SOFT * size / scale) + np.float32(1)


def _parts(points: F64, size: float, x: F32, y: F32) -> Iterator[tuple[F32, float]]:
    """Distance of every pixel from each part of the hand's inside, and how far its flesh reaches."""
    yield _from_hull(points[_PALM], x, y), _FLESH["palm"]
    arm = points[0] - points[[5, 9, 13, 17]].mean(0)
    arm *= _WRIST * size / max(float(np.linalg.norm(arm)), 1e-6)
    yield _from_bone(points[0], points[0] + arm, x, y), _FLESH["wrist"]
    for one, other in _BONES:
        yield _from_bone(points[one], points[other], x, y), _FLESH["thumb" if other < 5 else "finger"]


def _from_bone(one: F64, other: F64, x: F32, y: F32) -> F32:
    (x0, y0), (across, down) = one.tolist(), (other - one).tolist()
    u, v = x - np.float32(x0), y - np.float32(y0)
    whole = np.float32(max(across**2 + down**2, 1e-12))
    along = np.clip((u * np.float32(across) + v * np.float32(down)) / whole, 0, 1)
    return np.asarray(np.hypot(u - along * np.float32(across), v - along * np.float32(down)), np.float32)


def _from_hull(corners: F64, x: F32, y: F32) -> F32:
    """Distance from the convex hull, 0 inside."""
    hull = np.asarray(cv2.convexHull(corners.astype(np.float32))[:, 0], np.float64)
    turn = -1.0 if cv2.contourArea(hull.astype(np.float32), oriented=True) < 0 else 1.0
    shape = (y.shape[0], x.shape[1])
    inside, nearest = np.ones(shape, bool), np.full(shape, np.inf, np.float32)
    for one, other in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        across, down = (turn * (other - one)).tolist()
        inside &= np.float32(across) * (y - np.float32(one[1])) >= np.float32(down) * (x - np.float32(one[0]))
        np.minimum(nearest, _from_bone(one, other, x, y), out=nearest)
    nearest[inside] = 0
    return nearest

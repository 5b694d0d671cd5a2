"""The outlines of the lenses of spectacles: rounded rectangles, alike on both sides, fitted to thin lines.

A line that is followed round the eye loses the rim where a brow or a shadow is stronger. A whole outline does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.types import F32, F64, U8

_SAMPLES = 96
"""Corners of an outline."""
_WIDTHS, _ABOVE, _BELOW = range(24, 57, 4), range(14, 37, 4), range(12, 41, 4)
"""Half widths of lenses, and their heights above and below their middle, that are tried, canonical pixels."""
_SQUARE = (2.0, 2.7, 4.0)
"""Powers of the outline (Lamé's curve) that are tried: an ellipse, a rounded rectangle, a rectangle."""
_OUTWARDS, _DOWN = range(-4, 13, 4), range(-4, 9, 4)
"""Places of a lens's middle that are tried, canonical pixels from the eye's."""
_STEPS = (2, 1)
"""Canonical pixels by which the best outline is then moved and stretched as long as it gains."""
_LEAST_ABOVE, _OVER_EYE = 12, 10
"""Least height of a lens above its middle, and of its upper rim above the middle of the eye, canonical pixels."""
_SIDES = ((2, 0.0), (5, 0.25))
"""Distances of a line's sides from its middle, canonical pixels, and contrast taken off: pouches are thick and soft."""
_MOST = 0.40
"""Contrast past which more does not count, log luma."""
_EYE = (20, 13)
"""Half axes of the eye with its lashes, canonical pixels, where no rim is looked for."""
_BROW_SHARE = 0.6
"""Share of the contrast that counts on the brows."""

_Outline = tuple[float, ...]
"""Outwards and down of the eye's middle; half width; heights above and below; power."""


def lens_outlines(level: F32, centres: Sequence[F64], brows: Sequence[F32]) -> list[F64]:
    """(n, 2) canonical positions for each of two eyes, left one first: the outline of the lens before it.

    ``level`` is log luma (CANON, CANON) on the mean face, ``centres`` are (x, y) of the eyes, ``brows`` are (m, 2)
    outlines of the brows.
    """
    lines = _lines(level, centres, brows)
    tried = [(*size, power) for *size, power in product(_WIDTHS, _ABOVE, _BELOW, _SQUARE)]
    curves = np.array([_curve(*shape) for shape in tried])
    weights = _lengths(curves)
    found: list[tuple[float, _Outline]] = []
    for place in product(_OUTWARDS, _DOWN):
        scores = _scores(lines, centres, curves + np.array(place)[:, None], weights)
        best = int(scores.argmax())
        found.append((float(scores[best]), (*place, *tried[best])))
    outline = _climbed(lines, centres, max(found)[1])
    curve = _curve(*outline[2:]) + np.array(outline[:2])[:, None]
    return [np.column_stack([x + side * curve[0], y + curve[1]]) for side, (x, y) in zip((-1, 1), centres, strict=True)]


def _climbed(lines: F32, centres: Sequence[F64], outline: _Outline) -> _Outline:
    """The outline, moved and stretched step by step to where it gathers most."""
    best = _score(lines, centres, outline)
    for step in _STEPS:
        moved = True
        while moved:
            moved = False
            for k, by in product(range(5), (-step, step)):
                other = (*outline[:k], outline[k] + by, *outline[k + 1 :])
                if other[3] < _LEAST_ABOVE or other[3] - other[1] < _OVER_EYE:
                    continue
                score = _score(lines, centres, other)
                if score > best + 1e-6:
                    best, outline, moved = score, other, True
    return outline


def _score(lines: F32, centres: Sequence[F64], outline: _Outline) -> float:
    curve = _curve(*outline[2:])[None]
    return float(_scores(lines, centres, curve + np.array(outline[:2])[:, None], _lengths(curve))[0])


def _scores(lines: F32, centres: Sequence[F64], curves: F64, weights: F64) -> F64:
    """(n): the lines under some curves (n, 2, samples) on both eyes, by their lengths; the left eye's is mirrored."""
    total = np.zeros(len(curves))
    for side, (x, y) in zip((-1, 1), centres, strict=True):
        across, down = (
            np.clip(np.round(at), 0, len(lines) - 1).astype(np.intp)
            for at in (x + side * curves[:, 0], y + curves[:, 1])
        )
        total += (lines[down, across] * weights).sum(axis=1)
    return total


def _curve(width: float, above: float, below: float, power: float) -> F64:
    """(2, samples) outwards and down: a superellipse with a lower and an upper half of their own."""
    angle = (np.arange(_SAMPLES) + 0.5) * 2 * np.pi / _SAMPLES
    out, down = (np.sign(part) * np.abs(part) ** (2 / power) for part in (np.cos(angle), np.sin(angle)))
    return np.stack([width * out, down * np.where(down > 0, below, above)])


def _lengths(curves: F64) -> F64:
    """(n, samples) the share of a curve's length at each of its corners."""
    steps = np.linalg.norm(np.roll(curves, -1, axis=2) - curves, axis=1)
    return cast(F64, steps / steps.sum(axis=1, keepdims=True))


def _lines(level: F32, centres: Sequence[F64], brows: Sequence[F32]) -> F32:
    """(CANON, CANON) contrast of thin lines: how far a place lies below, or above, both of its sides."""
    found = np.zeros_like(level)
    for axis, along in ((1, (1, 5)), (0, (5, 1))):
        smooth = cast(F32, cv2.blur(level, along))
        for apart, less in _SIDES:
            one, other = np.roll(smooth, apart, axis), np.roll(smooth, -apart, axis)
            line = np.maximum(np.minimum(one, other) - smooth, smooth - np.maximum(one, other))
            found = np.maximum(found, line - np.float32(less))
    found = cast(F32, cv2.blur(np.minimum(found, np.float32(_MOST)), (3, 3)))
    found[_filled(level.shape, [np.round(brow).astype(np.int32) for brow in brows]) > 0] *= np.float32(_BROW_SHARE)
    for x, y in centres:
        cv2.ellipse(found, (int(x), int(y)), _EYE, 0, 0, 360, (0.0,), -1)
    return found


def _filled(shape: tuple[int, ...], outlines: Sequence[NDArray[np.int32]]) -> U8:
    drawn = np.zeros(shape, np.uint8)
    for outline in outlines:
        cv2.fillConvexPoly(drawn, cv2.convexHull(outline), (1,))
    return cast(U8, cv2.dilate(drawn, np.ones((5, 5), np.uint8)))


__all__ = ["lens_outlines"]

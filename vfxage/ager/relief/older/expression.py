"""How folds deepen with the expression: a smile the cheeks' folds, raised brows the forehead's, a frown the glabella's.

An expression is measured against the face's own usual one in the shot, so that a long mouth is no smile. It is read
from the smoothed landmarks, and folds follow it without a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfxage.ager.relief.older.canvas import Canvas, smoothstep, spline
from vfxage.types import F32, F64

COUNT = 3
"""Expressions: a smile, raised brows, a frown."""
_LEAST = 1e-3
"""Pixels: the shortest length that others are compared with."""
_NASOLABIAL = ((129, 203), (203, 98), (206, 92), (216, 186), (57, 212))
_CHEEK = ((50, 187), (205, 192), (207, 214))
"""Pairs of landmarks of the mean face; curves run through their middles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How strongly folds follow an expression; by eye on talking and laughing people."""

    change: tuple[float, float, float] = (0.20, 0.22, 0.18)
    """Change of each measure, in shares of the usual one, that is a clear expression."""
    deepen: tuple[float, float, float] = (0.45, 0.50, 0.40)
    """How much deeper the folds are then, in shares of their depth; in the opposite expression so much flatter."""


FOLLOWING = Following()


def expression_of(points: F32) -> F32:
    """The measures (3,) of an expression, larger for more of it; each is a ratio of lengths on the face.

    ``points`` (478, 2) are landmarks in pixels of any size.
    """

    def middle(*ids: int) -> F64:
        return np.asarray(points[list(ids)].astype(np.float64).mean(axis=0))

    def length(first: F64, second: F64) -> float:
        return float(np.hypot(*(first - second)))

    across = max(length(middle(33), middle(263)), _LEAST)
    down = max(length(middle(168), middle(4)), _LEAST)
    smile = length(middle(61), middle(291)) / across
    raised = (length(middle(105), middle(33, 133)) + length(middle(334), middle(263, 362))) / (2 * down)
    apart = max(length(middle(55), middle(285)), _LEAST)
    return np.array([smile, raised, max(length(middle(133), middle(362)), _LEAST) / apart], np.float32)


def expression_maps(mean: F32, canvas: Canvas) -> F32:
    """(h, w, 3) 0..1, together at most 1: where on the mean face (478, 2) the folds of each expression lie."""
    points = mean.astype(np.float64)
    smile = np.zeros(canvas.window.shape, np.float32)
    for pairs, width in ((_NASOLABIAL, 11.0), (_CHEEK, 14.0)):
        for way in (1, -1):
            nodes = np.array([points[list(pair)].mean(axis=0) for pair in pairs])
            nodes[:, 0] = nodes[:, 0] if way == 1 else canvas.window.width / canvas.density - nodes[:, 0]
            curve = spline(nodes)
            smile += canvas.stroke(curve, np.ones(len(curve)), width)
    for corner, way in ((33, -1), (263, 1)):
        smile = np.maximum(smile, canvas.mound(points[corner] + (22 * way, 2), (26, 22)))
    x, y = canvas.grid()
    brows = float(points[[105, 334], 1].mean())
    forehead = smoothstep(np.asarray(brows - y, np.float32), -4, 14)
    forehead *= smoothstep(np.asarray(np.abs(x - np.float32(points[9, 0])), np.float32), 110, 70)
    frown = canvas.mound(points[[9, 8]].mean(axis=0), (26, 30))
    maps = [np.clip(smile, 0, 1), forehead * (1 - frown), np.clip(1.2 * frown, 0, 1)]
    together = np.maximum(np.add.reduce(maps), 1)
    return np.ascontiguousarray(np.dstack([part / together for part in maps]), np.float32)


def expression_gain(maps: F32, now: F32, usual: F32) -> F32:
    """(h, w) the factor of the depth of folds: 1 everywhere at the usual expression.

    ``maps`` (h, w, 3) are those of ``expression_maps`` on the face; ``now`` and ``usual`` (3,) are measures.
    """
    change = (now - usual) / np.maximum(usual, np.float32(_LEAST))
    shares = np.array(FOLLOWING.deepen, np.float32) * np.tanh(change / np.array(FOLLOWING.change, np.float32))
    return np.asarray(1 + maps @ shares.astype(np.float32), np.float32)

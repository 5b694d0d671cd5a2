"""Lines across a forehead: each person has a few of his own, of unlike length, depth and place.

A line runs low over the nose, arches over each brow and sinks towards the temple. Some are broken over the nose, and
short ones lie between the long ones. Evenly spaced, parallel or equally deep lines look embossed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from vfxage.ager.relief.older.canvas import Canvas, stream
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, F64

_STEP = 0.75
"""Canonical pixels between two points of a line."""
_LOWEST, _HIGHEST = 13.0, 4.0
"""Distance of the lowest line from the brows and of the highest from the usual hairline, canonical pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forehead:
    """How lines are drawn at random; lengths in canonical pixels. By eye on portraits of people past 60."""

    counts: tuple[int, int, int] = (2, 3, 4)
    """Numbers of long lines, equally likely."""
    reach: tuple[float, float] = (26.0, 66.0)
    """How far a long line runs to either side of the middle."""
    arch: tuple[float, float] = (2.0, 5.5)
    """How much higher it lies above a brow than over the nose."""
    brow: float = 40.0
    """Distance from the middle to the top of the arch."""
    wander: float = 1.1
    """Deviation of its way over 14 to 30 canonical pixels."""
    broken: float = 0.45
    """Chance that it is broken over the nose, and runs on at another height."""
    off: float = 2.2
    """Deviation of that height."""
    depth: tuple[float, float] = (0.45, 1.25)
    short: tuple[int, int] = (2, 6)
    """Number of short lines: at least, and less than."""
    short_reach: tuple[float, float] = (7.0, 18.0)
    short_depth: tuple[float, float] = (0.2, 0.5)


FOREHEAD = Forehead()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForeheadLine(ArrayData):
    """One line."""

    curve: F64 = field(metadata=shaped("n", 2, dtype=np.float64))
    """Canonical pixels."""
    depth: F64 = field(metadata=shaped("n", dtype=np.float64))
    """At each point, in shares of a full line's; 0 at both ends."""

    def carved(self, canvas: Canvas, width: float) -> F32:
        """(h, w) a valley along the line, 1 deep where the line's depth is 1."""
        return -canvas.stroke(self.curve, self.depth, width)

    def raised(self, canvas: Canvas, width: float, beside: float) -> F32:
        """(h, w) the skin that is pushed up ``beside`` canonical pixels above and below the line."""
        away = np.array([0.0, beside])
        both = (canvas.stroke(self.curve + shift, self.depth, width) for shift in (-away, away))
        return np.asarray(np.float32(0.5) * sum(both), np.float32)


def forehead_lines(mean: F32, name: str) -> tuple[ForeheadLine, ...]:
    """The lines of the face called ``name``; ``mean`` is (478, 2) canonical pixels."""
    draw = stream(name, "forehead lines")
    middle, top = (float(value) for value in mean[10])
    low = float(mean[[66, 105, 296, 334], 1].min()) - _LOWEST
    count = int(draw.choice(FOREHEAD.counts))
    edges = np.linspace(low, top + _HIGHEST, count + 1)
    lines: list[ForeheadLine] = []
    for below, above in pairwise(edges):
        height = float(draw.uniform(min(below, above), max(below, above)))
        lines += _long_line(draw, (middle, height))
    for _ in range(int(draw.integers(*FOREHEAD.short))):
        x, y = middle + draw.uniform(-55, 55), draw.uniform(top + _HIGHEST, low + 4)
        reach = float(draw.uniform(*FOREHEAD.short_reach))
        lines.append(_line(draw, (middle, y), (x - reach, x + reach), draw.uniform(*FOREHEAD.short_depth)))
    return tuple(lines)


def _long_line(draw: np.random.Generator, at: tuple[float, float]) -> list[ForeheadLine]:
    """A line from temple to temple, in two pieces if it is broken over the nose."""
    left, right = draw.uniform(*FOREHEAD.reach, 2)
    depth = draw.uniform(*FOREHEAD.depth)
    if draw.uniform() > FOREHEAD.broken:
        return [_line(draw, at, (at[0] - left, at[0] + right), depth)]
    over, off = draw.uniform(-6.0, 7.0, 2), draw.normal(0, FOREHEAD.off, 2)
    pieces = ((at[0] - left, at[0] + over[0]), (at[0] + over[1], at[0] + right))
    return [_line(draw, (at[0], at[1] + float(down)), piece, depth * draw.uniform(0.6, 1.1))
            for piece, down in zip(pieces, off, strict=True)]  # fmt: skip


def _line(draw: np.random.Generator, at: tuple[float, float], ends: tuple[float, float], depth: float) -> ForeheadLine:
    """A line between two places across the face; ``at`` is where it would cross the middle."""
    middle, height = at
    x = np.arange(ends[0], ends[1], _STEP)
    side = np.abs(x - middle) / FOREHEAD.brow
    arch = draw.uniform(*FOREHEAD.arch, 2)[(x > middle).astype(int)]
    y = height - arch * np.sin(np.pi / 2 * np.minimum(side, 2.2)) ** 2
    for long, share in ((30.0, 1.0), (14.0, 0.4)):
        y += FOREHEAD.wander * share * _wave(draw, x, long)
    way = (x - x[0]) / (x[-1] - x[0])
    head, tail = draw.uniform(0.25, 0.5, 2)
    fade = np.minimum(np.minimum(way / head, (1 - way) / tail), 1)
    uneven = np.clip(0.8 + 0.35 * _wave(draw, x, 16.0), 0.25, 1.3)
    weight = np.square(np.sin(np.pi / 2 * np.maximum(fade, 0))) * uneven
    return ForeheadLine(curve=np.column_stack([x, y]), depth=float(depth) * weight)


def _wave(draw: np.random.Generator, x: F64, long: float) -> F64:
    """(n,) a smooth random wave of deviation about 1 and about ``long`` canonical pixels."""
    lengths = long * draw.uniform(1.4, 3.2, 3)
    phases = draw.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * x[:, None] / lengths + phases).sum(axis=1)
    return np.asarray(np.sqrt(2 / 3) * waves, np.float64)

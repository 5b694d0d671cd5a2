"""Lines across a forehead: each person has a few of his own, of unlike length, depth and place.

A line follows the muscle that raises the brows: it runs from above one brow's tail to above the other's, low over the
nose and arched over each brow, gets weaker and stronger on its way, and fades out beside it. The lines of one person
run nearly alike. Few people fold their foreheads deeply: most have one or two clear lines and some faint ones. Short,
evenly spaced or equally deep lines look stamped.
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

    counts: tuple[int, ...] = (2, 3, 3, 4)
    """Numbers of long lines, equally likely."""
    expressive: tuple[float, float] = (0.40, 1.20)
    """How deep the lines of one person are: the calmest and the liveliest."""
    calm: float = 1.5
    """How much more common calm foreheads are: 1 makes all equally likely."""
    reach: tuple[float, float] = (50.0, 72.0)
    """How far a long line runs to either side of the middle: to above the tails of the brows."""
    arch: tuple[float, float] = (1.0, 5.0)
    """How much higher it lies above a brow than over the nose, the same for all lines of a person within a pixel."""
    brow: float = 40.0
    """Distance from the middle to the top of the arch."""
    wander: float = 1.0
    """Deviation of its way over 44 to 90 canonical pixels."""
    passing: float = 0.30
    """Chance that it is two lines, of which one fades out over the nose while the next begins beside it."""
    off: float = 2.0
    """Deviation of the distance between the two."""
    overlap: tuple[float, float] = (10.0, 26.0)
    """How far the two run beside each other."""
    depths: tuple[float, ...] = (1.15, 0.75, 0.55, 0.40)
    """Depths of the long lines of a forehead, in any order: one of them leads."""
    dip: tuple[float, float] = (0.0, 0.6)
    """How much weaker it is over the nose, between the two halves of the muscle."""
    faint: tuple[int, int] = (3, 7)
    """Number of faint lines between them: at least, and less than."""
    faint_reach: tuple[float, float] = (16.0, 44.0)
    faint_depth: tuple[float, float] = (0.12, 0.30)


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
    middle, top = float(mean[10, 0]), float(mean[10, 1]) + _HIGHEST
    low = float(mean[[66, 105, 296, 334], 1].min()) - _LOWEST
    calmest, liveliest = FOREHEAD.expressive
    lively = calmest + (liveliest - calmest) * draw.uniform() ** FOREHEAD.calm
    arch = draw.uniform(*FOREHEAD.arch, 2)
    count = int(draw.choice(FOREHEAD.counts))
    edges = np.linspace(low, top, count + 1)
    lines: list[ForeheadLine] = []
    for (below, above), share in zip(pairwise(edges), draw.permutation(FOREHEAD.depths[:count]), strict=True):
        at = middle, float(draw.uniform(min(below, above), max(below, above)))
        lines += _long_line(draw, at, arch, float(lively * share * draw.uniform(0.8, 1.2)))
    for _ in range(int(draw.integers(*FOREHEAD.faint))):
        x, y = middle + draw.uniform(-40, 40), draw.uniform(top, low + 4)
        reach = float(draw.uniform(*FOREHEAD.faint_reach))
        depth = float(draw.uniform(*FOREHEAD.faint_depth))
        lines.append(_line(draw, (middle, y), (x - reach, x + reach), (arch, depth)))
    return tuple(lines)


def _long_line(draw: np.random.Generator, at: tuple[float, float], arch: F64, depth: float) -> list[ForeheadLine]:
    """A line from above one brow's tail to above the other's, or two that pass each other over the nose."""
    left, right = draw.uniform(*FOREHEAD.reach, 2)
    whole = at[0] - left, at[0] + right
    if draw.uniform() > FOREHEAD.passing:
        return [_line(draw, at, whole, (arch, depth))]
    half, off = draw.uniform(*FOREHEAD.overlap), draw.normal(0, FOREHEAD.off, 2)
    pieces = (whole[0], at[0] + half), (at[0] - half, whole[1])
    return [_line(draw, (at[0], at[1] + float(down)), piece, (arch, depth * draw.uniform(0.75, 1.1)))
            for piece, down in zip(pieces, off, strict=True)]  # fmt: skip


def _line(
    draw: np.random.Generator, at: tuple[float, float], ends: tuple[float, float], shape: tuple[F64, float]
) -> ForeheadLine:
    """A line between two places across the face; ``at`` is where it would cross the middle.

    ``shape`` is how high it arches on the left and on the right, and its depth.
    """
    (middle, height), (arch, depth) = at, shape
    x = np.arange(ends[0], ends[1], _STEP)
    side = np.abs(x - middle) / FOREHEAD.brow
    own = np.maximum(arch + draw.normal(0, 0.5, 2), 0)[(x > middle).astype(int)]
    y = height - own * np.sin(np.pi / 2 * np.minimum(side, 2.2)) ** 2
    for long, share in ((40.0, 1.0), (20.0, 0.25)):
        y += FOREHEAD.wander * share * _wave(draw, x, long)
    way = (x - x[0]) / (x[-1] - x[0])
    head, tail = draw.uniform(0.2, 0.42, 2)
    fade = np.minimum(np.minimum(way / head, (1 - way) / tail), 1)
    uneven = np.clip(0.85 + 0.3 * _wave(draw, x, 24.0) + 0.12 * _wave(draw, x, 8.0), 0.15, 1.3)
    uneven *= 1 - draw.uniform(*FOREHEAD.dip) * np.exp(-np.square((x - middle) / 13))
    weight = np.square(np.sin(np.pi / 2 * np.maximum(fade, 0))) * uneven
    return ForeheadLine(curve=np.column_stack([x, y]), depth=depth * weight)


def _wave(draw: np.random.Generator, x: F64, long: float) -> F64:
    """(n,) a smooth random wave of deviation about 1 and about ``long`` canonical pixels."""
    lengths = long * draw.uniform(1.4, 3.2, 3)
    phases = draw.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * x[:, None] / lengths + phases).sum(axis=1)
    return np.asarray(np.sqrt(2 / 3) * waves, np.float64)

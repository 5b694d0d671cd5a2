"""Lines across a forehead: each person has a few of his own, of unlike length, depth and place.

A line follows the muscle that raises the brows: it runs from above one brow's tail to above the other's, low over the
nose and arched over each brow, gets weaker and stronger on its way, and fades out beside it. The lines of one person
run nearly alike. People fold their foreheads by habit: some have long parallel waves, some broken lines, some hardly
any line but those of a frown, and some many fine ones. Short, evenly spaced or equally deep lines look stamped.
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
class Habit:
    """How one kind of people folds the forehead; lengths in canonical pixels."""

    share: float
    """Share of people who have it."""
    rows: tuple[int, int]
    """Least and largest number of long lines, one above the other."""
    depth: tuple[float, float]
    pieces: tuple[int, int] = (1, 1)
    """Least and largest number of lines that a row is broken into."""
    overlap: tuple[float, float] = (8.0, 22.0)
    """How far two pieces run beside each other; below 0 a gap."""
    faint: tuple[int, int] = (2, 4)
    """Least and largest number of faint lines between the rows."""
    faint_depth: tuple[float, float] = (0.10, 0.26)
    frown: float = 1.0
    """How much deeper the lines between the brows are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forehead:
    """How lines are drawn at random; lengths in canonical pixels. By eye on portraits of people past 60."""

    habits: tuple[Habit, ...] = (
        Habit(share=0.32, rows=(3, 4), depth=(0.6, 1.1), frown=0.7),
        Habit(share=0.26, rows=(2, 4), depth=(0.5, 1.0), pieces=(2, 3), overlap=(-14.0, 12.0)),
        Habit(share=0.22, rows=(1, 2), depth=(0.18, 0.38), faint=(1, 3), faint_depth=(0.06, 0.16), frown=1.5),
        Habit(share=0.20, rows=(1, 2), depth=(0.25, 0.45), faint=(7, 10), faint_depth=(0.16, 0.34)),
    )
    """Long parallel waves; broken lines; hardly any, but a frown; and many fine ones."""
    lead: tuple[float, float] = (1.0, 1.35)
    """How much deeper one of the rows is than it would be: one leads."""
    reach: tuple[float, float] = (62.0, 86.0)
    """How far a row runs to either side of the middle: past the tails of the brows."""
    arch: tuple[float, float] = (2.0, 7.0)
    """How much higher it lies above a brow than over the nose, the same for all lines of a person within a pixel."""
    brow: float = 40.0
    """Distance from the middle to the top of the arch."""
    wander: float = 0.7
    """Deviation of its way over 63 to 144 canonical pixels."""
    off: float = 1.6
    """Deviation of the height of a piece from its row's."""
    dip: tuple[float, float] = (0.0, 0.6)
    """How much weaker it is over the nose, between the two halves of the muscle."""
    faint_reach: tuple[float, float] = (22.0, 60.0)
    fade: tuple[float, float] = (0.18, 0.34)
    """Share of its length over which a line fades at an end."""
    soonest: float = 16.0
    """Least length of that."""


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
    draw, habit = stream(name, "forehead lines"), forehead_habit(name)
    middle, top = float(mean[10, 0]), float(mean[10, 1]) + _HIGHEST
    low = float(mean[[66, 105, 296, 334], 1].min()) - _LOWEST
    arch = draw.uniform(*FOREHEAD.arch, 2)
    rows = int(draw.integers(*habit.rows, endpoint=True))
    leads = int(draw.integers(rows))
    lines: list[ForeheadLine] = []
    for row, (below, above) in enumerate(pairwise(np.linspace(low, top, rows + 1))):
        at = middle, float(draw.uniform(above, below))
        more = float(draw.uniform(*FOREHEAD.lead)) if row == leads else 1.0
        lines += _row(draw, at, (arch, more * float(draw.uniform(*habit.depth))), habit)
    for _ in range(int(draw.integers(*habit.faint, endpoint=True))):
        x, y = middle + draw.uniform(-40, 40), draw.uniform(top, low + 4)
        reach, depth = float(draw.uniform(*FOREHEAD.faint_reach)), float(draw.uniform(*habit.faint_depth))
        lines.append(_line(draw, (middle, y), (x - reach, x + reach), (arch, depth)))
    return tuple(lines)


def forehead_habit(name: str) -> Habit:
    """How the face called ``name`` folds its forehead."""
    shares = np.cumsum([habit.share for habit in FOREHEAD.habits])
    return FOREHEAD.habits[int(np.searchsorted(shares[:-1], stream(name, "forehead habit").uniform()))]


def _row(
    draw: np.random.Generator, at: tuple[float, float], shape: tuple[F64, float], habit: Habit
) -> list[ForeheadLine]:
    """A line from past one brow's tail to past the other's, or pieces of it that pass each other or leave gaps."""
    left, right = draw.uniform(*FOREHEAD.reach, 2)
    pieces, (arch, depth) = int(draw.integers(*habit.pieces, endpoint=True)), shape
    if pieces == 1:
        return [_line(draw, at, (at[0] - left, at[0] + right), shape)]
    cuts = np.linspace(-left, right, pieces + 1)
    cuts[1:-1] += draw.normal(0, 0.12 * (left + right) / pieces, pieces - 1)
    lines = []
    for start, end in pairwise(cuts):
        more, off = float(draw.uniform(*habit.overlap)) / 2, float(draw.normal(0, FOREHEAD.off))
        ends = at[0] + float(start) - more, at[0] + float(end) + more
        lines.append(_line(draw, (at[0], at[1] + off), ends, (arch, depth * float(draw.uniform(0.6, 1.1)))))
    return lines


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
    for long, share in ((45.0, 1.0), (20.0, 0.2)):
        y += FOREHEAD.wander * share * _wave(draw, x, long)
    way = (x - x[0]) / (x[-1] - x[0])
    head, tail = np.clip(draw.uniform(*FOREHEAD.fade, 2), FOREHEAD.soonest / (x[-1] - x[0]), 0.5)
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

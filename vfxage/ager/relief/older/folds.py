"""The broad relief of age as a table: grooves with the skin heaped beside them, rolls of skin, and mounds.

Each entry hangs on landmarks of the mean face. Depths and sizes are canonical pixels for one unit of weight; the
weights by age are in ``growth.py``. They were found by eye on portraits and video frames, against photographs of old
people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vfxage.ager.relief.older.canvas import Canvas, spline, stream, taper
from vfxage.ager.relief.older.forehead import forehead_habit, forehead_lines
from vfxage.ager.wrinkle_lines import Node
from vfxage.types import F32, F64

_EVEN = 0.12
"""Relative deviation between the two sides of a face: more looks ill, none looks made."""
_HEAP_AT = 0.95
"""The heap's crest lies this share of its reach beside the crease."""
_HEAP_WIDTH = 0.62
"""Its width, in shares of the reach."""
_HEAP_ENDS = (0.35, 0.40)
"""It ends more softly than the crease."""
_NARROW, _WIDE = (0.55, 0.45), (0.45, 1.10)
"""A crease is two strokes: (share of depth, share of width) of its floor, and of its flanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groove:
    """A crease along a curve, and the skin that is heaped up on one side of it."""

    part: str
    nodes: tuple[Node, ...]
    depth: float
    width: float
    heap: float = 0.0
    """Height of the heap."""
    reach: float = 10.0
    """How far the heap reaches."""
    towards: int = 0
    """Landmark on the side of the heap."""
    ends: tuple[float, float] = (0.3, 0.3)
    """Shares of the length over which the crease begins and ends."""
    floor: float = 1.0
    """Width of the floor: below 1 a fold, 1 a dent."""
    mirrored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A smooth ridge along a curve."""

    part: str
    nodes: tuple[Node, ...]
    height: float
    width: float
    ends: tuple[float, float]
    shift: tuple[float, float] = (0.0, 0.0)
    """Canonical pixels, outwards on the left side of the picture, and down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mound:
    """A Gaussian fullness, or a hollow where the height is negative."""

    part: str
    centre: tuple[tuple[int, float], ...]
    """Landmarks and their weights, which sum to 1."""
    height: float
    size: tuple[float, float]
    turn: float = 0.0
    """Radians."""


_UPPER, _UPPER_RING = (246, 161, 160, 159, 158, 157), (247, 30, 29, 27, 28, 56)
_LOWER, _LOWER_RING = (7, 163, 144, 145, 153, 154), (31, 228, 229, 230, 231, 232)

SHAPES: tuple[Groove | Roll | Mound, ...] = (
    Groove(part="nasolabial", depth=1.55, width=4.2, heap=2.0, reach=15, towards=50, ends=(0.30, 0.62), floor=0.55,
           nodes=((102, 142, 0.6), (129, 203, 0.4), (203, 206, 0.35), (206, 216, 0.25), (216, 186, 0.25),
                  (57, 212, 0.6))),
    Groove(part="marionette", depth=0.80, width=4.6, heap=0.7, reach=14, towards=214, ends=(0.55, 0.45), floor=0.7,
           nodes=((61, 57, 0.3), (43, 57, 0.6), (202, 210, 0.3), (204, 210, 0.72), (211, 169, 0.6), (170, 149, 0.6))),
    Groove(part="cheek fold", depth=0.75, width=3.4, heap=0.6, reach=12, towards=147, ends=(0.45, 0.45), floor=0.9,
           nodes=((205, 207, 0.15), (207, 187, 0.25), (214, 192, 0.4), (210, 135, 0.3), (169, 136, 0.35))),
    Groove(part="bags", depth=1.0, width=4.6, heap=2.2, reach=7.5, towards=145, ends=(0.15, 0.45),
           nodes=((244, 233, 0.6), (128, 233, 0.4), (121, 232, 0.3), (120, 231, 0.3), (119, 230, 0.45),
                  (118, 229, 0.6))),
    Roll(part="bags", height=1.2, width=3.6, ends=(0.35, 0.25),
         nodes=tuple((a, b, 0.55) for a, b in zip(_LOWER, _LOWER_RING, strict=True))),
    Groove(part="lids", depth=0.8, width=2.4, ends=(0.25, 0.35),
           nodes=tuple((a, b, 0.34) for a, b in zip(_UPPER, _UPPER_RING, strict=True))),
    Roll(part="lids", height=2.1, width=4.0, ends=(0.2, 0.6), shift=(0, -1.5),
         nodes=((226, 35, 0.4), *((a, b, 0.75) for a, b in zip(_UPPER, _UPPER_RING, strict=True)))),
    Mound(part="lids", centre=((225, 0.6), (46, 0.4)), height=2.4, size=(14, 6.5), turn=0.35),
    Mound(part="jowl", centre=((214, 0.50), (210, 0.32), (135, 0.18)), height=3.0, size=(16, 18), turn=0.4),
    Mound(part="jowl", centre=((176, 0.4), (150, 0.2), (211, 0.4)), height=-0.2, size=(12, 16), turn=0.3),
    Roll(part="bags", height=1.5, width=6.0, ends=(0.45, 0.45),
         nodes=((121, 47, 0.75), (120, 100, 0.75), (119, 101, 0.7), (118, 117, 0.7), (117, 111, 0.3))),
    Mound(part="hollows", centre=((187, 0.6), (147, 0.4)), height=-2.6, size=(20, 30), turn=-0.45),
    Mound(part="hollows", centre=((139, 0.6), (71, 0.4)), height=-3.0, size=(15, 26), turn=0.1),
    Groove(part="frown", depth=0.7, width=3.2, ends=(0.4, 0.45), nodes=((107, 9, 0.45), (55, 8, 0.35), (55, 8, 0.6))),
    Groove(part="chin", depth=0.8, width=4.0, mirrored=False,
           nodes=((182, 181, 0.35), (83, 84, 0.35), (18, 17, 0.3), (313, 314, 0.35), (406, 405, 0.35))),
)  # fmt: skip
PARTS = ("nasolabial", "marionette", "cheek fold", "bags", "lids", "jowl", "hollows", "frown", "chin", "forehead")
_LINE_DEPTH, _LINE_WIDTHS = 0.65, ((0.45, 1.4), (0.55, 3.4))
"""Depth of a full line of the forehead; shares of the depth and widths of its floor and flanks."""
_LINE_ROLL = (0.55, 3.0, 5.0)
"""Height of the skin pushed up beside such a line, its width, and its distance from the line."""
_OWN = 0.25
"""Deviation of how much more of a part one person has than another, as a power of e."""


def broad_heights(mean: F32, name: str, canvas: Canvas) -> dict[str, F32]:
    """(h, w) by part: the broad relief of the face called ``name``. ``mean`` is (478, 2) canonical pixels."""
    heights = {part: np.zeros(canvas.window.shape, np.float32) for part in PARTS}
    at = mean.astype(np.float64)
    numbers = Counter[str]()
    for shape in SHAPES:
        numbers[shape.part] += 1  # counted by part, so that a new shape leaves the other parts as they are
        draw = stream(name, f"{shape.part} {numbers[shape.part]}")
        heights[shape.part] += _both_sides(lambda side, s=shape: _drawn(s, canvas, side(at)), shape, draw)
    heights["forehead"] += _forehead(mean, name, canvas)
    heights["frown"] *= np.float32(forehead_habit(name).frown)
    return {part: _own_share(name, part) * height for part, height in heights.items()}


def _own_share(name: str, part: str) -> np.float32:
    """How much of a part the face called ``name`` has, around 1: no two people have all folds alike."""
    return np.float32(np.exp(_OWN * np.clip(stream(name, f"share of {part}").standard_normal(), -1.5, 1.5)))


def _forehead(mean: F32, name: str, canvas: Canvas) -> F32:
    """The lines across the forehead, with the skin pushed up beside them."""
    height = np.zeros(canvas.window.shape, np.float32)
    roll, width, away = _LINE_ROLL
    for line in forehead_lines(mean, name):
        for share, floor in _LINE_WIDTHS:
            height += np.float32(_LINE_DEPTH * share) * line.carved(canvas, floor)
        height += np.float32(_LINE_DEPTH * roll) * line.raised(canvas, width, away)
    return height


def _both_sides(make: Callable[..., F32], shape: Groove | Roll | Mound, draw: np.random.Generator) -> F32:
    """A shape of the left side and its mirror image, unlike by a little."""
    left, right = 1 + _EVEN * draw.standard_normal(2)
    drawn = make(lambda at: at)
    if isinstance(shape, Groove) and not shape.mirrored:
        return np.asarray(np.float32(left) * drawn, np.float32)
    return np.asarray(np.float32(left) * drawn + np.float32(right) * drawn[:, ::-1], np.float32)


def _drawn(shape: Groove | Roll | Mound, canvas: Canvas, at: F64) -> F32:
    if isinstance(shape, Mound):
        centre = np.sum([weight * at[k] for k, weight in shape.centre], axis=0)
        return np.float32(shape.height) * canvas.mound(centre, shape.size, shape.turn)
    curve = fold_curve(at, shape.nodes)
    if isinstance(shape, Roll):
        weight = taper(len(curve), *shape.ends)
        return np.float32(shape.height) * canvas.stroke(curve + shape.shift, weight, shape.width)
    return _groove(shape, canvas, curve, at[shape.towards])


def _groove(shape: Groove, canvas: Canvas, curve: F64, towards: F64) -> F32:
    weight = taper(len(curve), *shape.ends)
    widths = (shape.width * shape.floor * _WIDE[0], shape.width * _WIDE[1])
    crease = sum(np.float32(share) * canvas.stroke(curve, weight, width)
                 for share, width in zip(_NARROW, widths, strict=True))  # fmt: skip
    height = np.float32(-shape.depth) * np.asarray(crease, np.float32)
    if not shape.heap:
        return height
    head, tail = (max(own, least) for own, least in zip(shape.ends, _HEAP_ENDS, strict=True))
    crest = beside(curve, towards, _HEAP_AT * shape.reach)
    ridge = canvas.stroke(crest, taper(len(curve), head, tail), _HEAP_WIDTH * shape.reach)
    return np.asarray(height + np.float32(shape.heap) * ridge, np.float32)


def fold_curve(at: F64, nodes: Sequence[Node]) -> F64:
    """(n, 2) a smooth curve through points on the way between two landmarks each."""
    return spline(np.array([at[start] + share * (at[end] - at[start]) for start, end, share in nodes]))


def beside(curve: F64, towards: F64, distance: float) -> F64:
    """The curve moved by ``distance`` to the side on which the point ``towards`` lies."""
    tangent = np.gradient(curve, axis=0)
    smooth = np.ones(25) / 25
    tangent = np.column_stack([np.convolve(np.pad(axis, 12, "edge"), smooth, "valid") for axis in tangent.T])
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    nearest = int(np.hypot(*(curve - towards).T).argmin())
    side = np.sign(normal[nearest] @ (towards - curve[nearest]))
    return np.asarray(curve + side * distance * normal, np.float64)

"""The relief of an old neck and of old ears, drawn once per face: slack skin, cords, rings, folds and crepe.

They lie on a canvas of their own, because a neck goes on below the canonical square. Sizes and heights are canonical
pixels for one unit of weight; the weights by age are in ``growth.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vfxage.ager.relief.neck import LOW
from vfxage.ager.relief.older.canvas import Canvas, noise, smoothstep, spline, stream, taper
from vfxage.ager.relief.older.lines import Wrinkle, creases
from vfxage.ager.relief.older.pigment import BLOOD, MELANIN
from vfxage.geometry import JAW
from vfxage.types import F32, F64, Window

PARTS = ("neck slack", "neck cords", "neck rings", "neck folds", "neck lines", "neck crepe", "ear folds")
"""By the table ``neck`` of ``growth.py``."""
_DENSITY = 2
_CANVAS = Canvas(window=Window(_DENSITY * LOW.x, _DENSITY * LOW.y, _DENSITY * LOW.width, _DENSITY * LOW.height),
                 density=_DENSITY)  # fmt: skip
_FLOOR, _FLANKS = (0.55, 1.0), (0.45, 2.6)
"""A crease is two strokes: (share of depth, share of width) of its floor and of its flanks."""
_CORDED = 0.8
"""A neck has cords or rings: how much more of the one, and less of the other. Both at once make a grid."""
_UNLIKE = 0.3
"""Relative deviation of a fold's depth from one to the next: alike, they look stamped."""


_SPOTS = 45
"""Age spots on neck and ears."""
_RED, _BROWN, _SPOT = 0.065, 0.026, 0.13
"""Amounts of redness, brown mottling and spots at 35 years of wear, by eye."""
_EAR_RED = 1.2
"""How much redder ears get than necks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throat:
    """Sizes of the folds, by eye on portraits of people of 62 to 86 whose necks are bare."""

    slack: tuple[tuple[float, float, float], ...] = ((1.11, 2.0, 6.0), (1.31, 1.1, 8.0))
    """Rolls of slack skin along the jaw: distance from the face's middle in shares of the jaw's, height, width."""
    under: tuple[tuple[float, float, float], ...] = ((1.19, 0.6, 2.6),)
    """The creases below the rolls: distance, depth, width."""
    cords: tuple[tuple[float, float, float, float], ...] = ((11, 20, 1.3, 6.5), (44, 58, 1.2, 9.0))
    """Cords on each side: distance from the middle at the top and at the bottom, height, width. Wide apart: a row of
    cords with hollows between them reads as a row of stains."""
    cords_begin: float = 16.0
    """How far below the chin they begin: what is higher is the roof of the throat."""
    rings: tuple[tuple[float, float], ...] = ((33, 0.5), (50, 0.8), (67, 0.7))
    """Rings: how far below the chin, and depth."""
    folds: int = 2
    """Folds on each side that hang from behind the jaw towards the middle."""
    lines: Wrinkle = field(default=Wrinkle(long=60, apart=5.0, sharp=0.55))
    crepe: Wrinkle = field(default=Wrinkle(long=12, apart=3.0, sharp=0.6))


THROAT = Throat()


def throat_heights(mean: F32, name: str) -> Mapping[str, F32]:
    """(2 LOW.height, 2 LOW.width) by part, on ``LOW``, of the face called ``name``.

    ``mean`` is (478, 2) canonical pixels.
    """
    at = mean.astype(np.float64)
    corded = np.float32(stream(name, "corded neck").uniform(-1, 1))
    return {
        "neck slack": _slack(at, stream(name, "neck slack")),
        "neck cords": (1 + np.float32(_CORDED) * corded) * _cords(at[152], stream(name, "neck cords")),
        "neck rings": (1 - np.float32(_CORDED) * corded) * _rings(at[152], stream(name, "neck rings")),
        "neck folds": _folds(at, stream(name, "neck folds")),
        "neck lines": _lines(at[152], stream(name, "neck lines")),
        "neck crepe": _crepe(at[152], stream(name, "neck crepe")),
        "ear folds": _ears(at, stream(name, "ear folds")),
    }


def _crease(curve: F64, depth: float, width: float, ends: tuple[float, float], uneven: F64 | None = None) -> F32:
    weight = taper(len(curve), *ends) * (1.0 if uneven is None else uneven)
    return np.asarray(sum(np.float32(-depth * share) * _CANVAS.stroke(curve, weight, wide * width)
                          for share, wide in (_FLOOR, _FLANKS)), np.float32)  # fmt: skip


def _uneven(draw: np.random.Generator, count: int) -> F64:
    """(count,) how a crease gets deeper and shallower on its way, 0.5 to 1.25."""
    share = np.linspace(0, 1, count)
    waves = sum(
        draw.uniform(0.1, 0.3) * np.sin(2 * np.pi * turns * share + draw.uniform(0, 6)) for turns in (1.3, 3, 5)
    )
    return np.asarray(np.clip(0.85 + 0.5 * waves, 0.5, 1.25), np.float64)


def _along_jaw(at: F64, reach: float, draw: np.random.Generator) -> F64:
    """(n, 2) a curve below the jaw, whose two sides hang unlike."""
    jaw = at[JAW[3:-3]]
    middle = at[:468].mean(axis=0)
    low = middle + (reach + 0.015 * draw.standard_normal(len(jaw)))[:, None] * (jaw - middle)
    return spline(low)


def _slack(at: F64, draw: np.random.Generator) -> F32:
    """Skin that hangs between chin and throat: rolls along the jaw, and the creases below them."""
    height = np.zeros(_CANVAS.window.shape, np.float32)
    for reach, high, width in THROAT.slack:
        curve = _along_jaw(at, reach, draw)
        high *= 1 + _UNLIKE * draw.standard_normal()
        height += np.float32(high) * _CANVAS.stroke(curve, taper(len(curve), 0.35, 0.35), width)
    for reach, depth, width in THROAT.under:
        ends = draw.uniform(0.2, 0.42, 2)
        curve = _along_jaw(at, reach, draw)
        height += _crease(curve, depth, width, (ends[0], ends[1]), _uneven(draw, len(curve)))
    return height


def _cords(chin: F64, draw: np.random.Generator) -> F32:
    """Bands of muscle from the chin to the collarbones, with the hollow between them."""
    height = np.zeros(_CANVAS.window.shape, np.float32)
    y = np.linspace(0, 1, 160)
    for top, bottom, high, width in THROAT.cords:
        for side in (-1, 1):
            own = 1 + _UNLIKE * draw.standard_normal()
            sway = draw.uniform(1, 3) * np.sin(3 * y + draw.uniform(0, 6))
            shifted = draw.normal(0, 3.0, 2)
            x = side * (top + shifted[0] + (bottom + shifted[1] - top - shifted[0]) * y**1.3 + sway)
            cord = chin + np.column_stack([x, THROAT.cords_begin + draw.normal(0, 6) + 78 * y])
            weight = taper(len(y), draw.uniform(0.35, 0.6), 0.35)
            height += np.float32(high * own) * _CANVAS.stroke(cord, weight, width)
    return height


def _rings(chin: F64, draw: np.random.Generator) -> F32:
    """Creases round the neck, which hang in the middle and break off unlike, with skin heaped above each."""
    height = np.zeros(_CANVAS.window.shape, np.float32)
    for drop, depth in THROAT.rings:
        own = depth * (1 + _UNLIKE * draw.standard_normal())
        x = np.linspace(draw.uniform(-82, -58), draw.uniform(58, 82), 200)
        y = drop + draw.normal(0, 3) - 0.0024 * x**2 + 1.3 * np.sin(x / 15 + draw.uniform(0, 6))
        y += 0.5 * np.sin(x / 4.5 + draw.uniform(0, 6))
        y += 0.04 * draw.standard_normal() * x
        ring, ends = chin + np.column_stack([x, y]), draw.uniform(0.15, 0.45, 2)
        height += _crease(ring, own, 1.3, (ends[0], ends[1]), _uneven(draw, len(ring)))
        heap = _CANVAS.stroke(ring - np.array([0, 4.5]), taper(len(x), 0.4, 0.4), 3.2)
        height += np.float32(0.5 * own) * heap
    return height


def _folds(at: F64, draw: np.random.Generator) -> F32:
    """Folds that hang from behind the jaw, down and inwards."""
    height, chin = np.zeros(_CANVAS.window.shape, np.float32), at[152]
    for side in (-1, 1):
        for number in range(THROAT.folds):
            start = np.array([side * (66 - 13 * number + draw.normal(0, 2)), -28 + 17 * number + draw.normal(0, 2)])
            end = np.array([side * (33 - 9 * number + draw.normal(0, 3)), 44 + 7 * number + draw.normal(0, 5)])
            sag = (start + end) / 2 + np.array([side * draw.uniform(2, 7), 0])
            curve = chin + spline(np.array([start, sag, end]))
            own = 1 + _UNLIKE * draw.standard_normal()
            height += _crease(curve, 0.30 * own, 1.5, (0.4, 0.5), _uneven(draw, len(curve)))
            roll = _CANVAS.stroke(curve + np.array([side * 4.0, 0]), taper(len(curve), 0.4, 0.5), 3.0)
            height += np.float32(0.5 * own) * roll
    return height


def _below(chin: F64, x: F32, y: F32) -> F32:
    """0..1: where the fine lines of a neck are."""
    return smoothstep(y, float(chin[1]) + 4, float(chin[1]) + 24) * smoothstep(np.abs(x - chin[0]), 96, 60)


def _lines(chin: F64, draw: np.random.Generator) -> F32:
    """Fine lines across the neck, which hang as the rings do."""
    x, y = _CANVAS.grid()
    right = x - np.float32(chin[0])
    across = y + np.float32(0.0024) * right * right + np.float32(1.2) * noise(draw, x / 24, y / 24)
    return np.asarray(0.40 * _below(chin, x, y) * creases(draw, x, across, THROAT.lines), np.float32)


def _crepe(chin: F64, draw: np.random.Generator) -> F32:
    """Thin skin in ripples, crossed by the finest creases; more of it on the sides of the neck."""
    x, y = _CANVAS.grid()
    right, down = x - np.float32(chin[0]), y - np.float32(chin[1])
    side = np.abs(right)
    out = np.tanh(right / 60)  # from one slant to the other over the whole throat: quicker, and lines crowd there
    steep, flat = right - np.float32(0.45) * out * down, down + np.float32(0.5) * out * right
    net = creases(draw, flat, steep, THROAT.crepe) + np.float32(0.7) * creases(draw, steep, flat, THROAT.crepe)
    ripples = noise(draw, steep / np.float32(5.5), y / 11)
    where = _below(chin, x, y) * (np.float32(0.55) + np.float32(0.45) * smoothstep(side, 8, 40))
    patches = np.float32(0.8) + np.float32(0.25) * noise(draw, x / 24, y / 24)
    return np.asarray(where * np.clip(patches, 0.3, 1.2) * (0.24 * net + 0.06 * ripples), np.float32)


def _ears(at: F64, draw: np.random.Generator) -> F32:
    """Creases before each ear, and one across its lobe."""
    height = np.zeros(_CANVAS.window.shape, np.float32)
    for side, ear in ((-1, 234), (1, 454)):
        corner = at[ear]
        for inwards in (1.0, 6.5, 11.5):
            right, down = side * -(inwards + draw.normal(0, 0.7)), draw.normal(0, 3)
            line = corner + np.array(
                [[right + side * 1.5, down - 14], [right, down + 4], [right + side * 0.5, down + 24]]
            )
            height += _crease(spline(line), draw.uniform(0.4, 0.9), 1.2, (0.4, 0.45))
        lobe = corner + np.array([[side * 8, 34 + draw.normal(0, 2)], [side * 15, 46 + draw.normal(0, 2)]])
        height += _crease(spline(lobe), draw.uniform(0.7, 1.2), 1.3, (0.3, 0.3))
    x, y = _CANVAS.grid()
    out = np.abs(x - np.float32(at[:468, 0].mean()))
    where = smoothstep(out, 92, 104) * smoothstep(out, 160, 140) * smoothstep(y, 280, 255) * smoothstep(y, 160, 180)
    return np.asarray(height + np.float32(0.30) * where * noise(draw, x / 5, y / 7), np.float32)


def mottled(mean: F32, name: str) -> F32:
    """(LOW.height, LOW.width, 3) change of log RGB: red and brown mottling where the sun falls, not below the chin."""
    canvas = Canvas(window=LOW, density=1)
    draw, (x, y) = stream(name, "mottled neck"), canvas.grid()
    chin = mean[152]
    right, down = (x - chin[0]) / np.float32(44), (y - chin[1]) / np.float32(40)
    shaded = np.exp(-np.square(right) - np.square(np.maximum(down, 0)) * (down > 0)) * smoothstep(down, -0.8, 0)
    blotch = 0.6 * noise(draw, x / 13, y / 10) + 0.5 * noise(draw, x / 5, y / 4)
    fine = noise(draw, x / np.float32(2.2), y / np.float32(2.2))
    ears = 1 + np.float32(_EAR_RED) * smoothstep(y, 275, 250)
    red = ears * (1 - np.float32(0.85) * shaded) * np.clip(np.float32(0.75) + np.float32(0.28) * blotch, 0, 2)
    spots = np.zeros(canvas.window.shape, np.float32)
    for _ in range(_SPOTS):
        centre, size = draw.uniform((70, 170), (314, 440)), draw.uniform(0.7, 2.0)
        spot = canvas.mound(centre, (size * draw.uniform(0.8, 1.5), size), draw.uniform(0, 3))
        spots += np.float32(draw.uniform(0.3, 1.0)) * smoothstep(spot, 0.15, 0.75)
    brown = (1 - np.float32(0.8) * shaded) * (
        _BROWN * np.maximum(blotch + np.float32(0.5) * fine, -0.5) + _SPOT * spots
    )
    return np.asarray(
        np.float32(_RED) * red[..., None] * BLOOD + brown[..., None].astype(np.float32) * MELANIN, np.float32
    )

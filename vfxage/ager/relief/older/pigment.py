"""Uneven colour of old skin, and the streaks by which hairs of a brow turn grey, drawn once per face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vfxage.ager.relief.mattes import BROWS
from vfxage.ager.relief.older.canvas import Canvas, noise, smoothstep, stream, taper
from vfxage.ager.wrinkle_lines import EYE, MIRROR
from vfxage.types import F32

MELANIN = np.array([-0.30, -0.55, -0.80], np.float32)
"""Log RGB that brown pigment takes away."""
BLOOD = np.array([0.02, -0.34, -0.26], np.float32)
"""Log RGB of redness."""
_SALLOW = np.array([-0.05, -0.075, -0.06], np.float32)
"""Log RGB of tired lids."""


_EDGE = (0.15, 0.75)
"""Heights of a Gaussian hill between which a spot begins: an age spot has an edge."""
_VEINS = 12
"""Fine veins at each wing of the nose and on each cheek."""
_BROW_ROOM = 22.0
"""Canonical pixels around the landmarks of the brows within which their hairs lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pigment:
    """Amounts at 35 years of wear, by eye; positions and sizes in canonical pixels."""

    patches: float = 0.006
    """Brown unevenness; more of it looks dirty, because it is of no light."""
    spots: float = 0.17
    redness: float = 0.05
    uneven: float = 0.25
    """How unevenly the redness is spread."""
    veins: float = 0.05
    """Fine veins beside the nose and on the cheeks."""
    count: tuple[int, int] = (14, 64)
    """Age spots on a face: at least, and less than."""
    smallest: float = 0.55
    largest: float = 2.1
    rare: float = 2.2
    """How much rarer large spots are: 1 makes all sizes equally likely."""


PIGMENT = Pigment()


def pigment_map(mean: F32, masks: Mapping[str, F32], name: str, canvas: Canvas) -> F32:
    """(h, w, 3) change of log RGB for one unit of wear: spots, redness, sallow lids. Its mean over the skin is 0."""
    draw, (x, y) = stream(name, "pigment"), canvas.grid()
    blood = stream(name, "redness")
    patch = 0.6 * noise(draw, x / 22, y / 22) + 0.5 * noise(draw, x / 9, y / 9)
    spots = _spots(stream(name, "age spots"), mean, canvas)
    brown = np.float32(PIGMENT.patches) * patch + np.float32(PIGMENT.spots) * spots
    uneven = 1 + np.float32(PIGMENT.uneven) * (noise(blood, x / 14, y / 14) + noise(blood, x / 5, y / 5))
    red = np.float32(PIGMENT.redness) * _redness(mean, canvas) * uneven
    red += np.float32(PIGMENT.veins) * _veins(stream(name, "veins"), mean, canvas)
    colour = brown[..., None] * MELANIN + red[..., None] * BLOOD
    colour += _lids(mean, canvas)[..., None] * _SALLOW
    skin = masks["texture"][..., None]
    colour -= (colour * skin).sum((0, 1)) / skin.sum()
    return np.asarray(colour, np.float32)


def _spots(draw: np.random.Generator, mean: F32, canvas: Canvas) -> F32:
    """Spots where the sun falls: on the temples, the sides of the forehead and the cheekbones, hardly at the mouth.

    One person has many and another few; most are small and pale.
    """
    spots = np.zeros(canvas.window.shape, np.float32)
    sun = _sunny(mean, canvas)
    for _ in range(int(draw.integers(*PIGMENT.count))):
        centre, rank, lot = draw.uniform((90, 60), (294, 320)), draw.uniform(), draw.uniform()
        size = PIGMENT.smallest + (PIGMENT.largest - PIGMENT.smallest) * rank**PIGMENT.rare
        axes, turn, deep = (size * draw.uniform(0.8, 1.6), size), draw.uniform(0, 3), draw.uniform(0.25, 1.0)
        column, row = (int(at * canvas.density) for at in centre)
        if lot < sun[row, column]:
            spots += np.float32(deep) * smoothstep(canvas.mound(centre, axes, turn), *_EDGE)
    return np.minimum(spots, 1.2)


def _sunny(mean: F32, canvas: Canvas) -> F32:
    """0..1: the chance of a spot."""
    at = mean.astype(np.float64)
    sides = sum(canvas.mound(at[mark], (34, 40)) for mark in (71, 301, 116, 345, 54, 284))
    return np.minimum(np.float32(0.12) + np.asarray(sides, np.float32), 1)


def _veins(draw: np.random.Generator, mean: F32, canvas: Canvas) -> F32:
    """Short, bent threads around the wings of the nose and on the cheeks."""
    veins = np.zeros(canvas.window.shape, np.float32)
    for mark, spread in ((102, 7.0), (331, 7.0), (50, 15.0), (280, 15.0)):
        for _ in range(_VEINS):
            start = mean[mark] + draw.normal(0, spread, 2)
            way = draw.uniform(0, 2 * np.pi) + np.cumsum(draw.normal(0, 0.45, 12))
            curve = start + np.cumsum(0.7 * np.column_stack([np.cos(way), np.sin(way)]), axis=0)
            veins += canvas.stroke(curve, taper(len(curve), 0.4, 0.4), 0.5)
    return np.minimum(veins, 1)


def _redness(mean: F32, canvas: Canvas) -> F32:
    """Cheeks, the tip of the nose, and the chin."""
    at = mean.astype(np.float64)
    red = canvas.mound(at[50], (24, 20)) + canvas.mound(at[280], (24, 20))
    return np.asarray(red + 0.9 * canvas.mound(at[4], (12, 14)) + 0.5 * canvas.mound(at[199], (16, 10)), np.float32)


def _lids(mean: F32, canvas: Canvas) -> F32:
    """Below both eyes, and their inner corners."""
    at = mean.astype(np.float64)
    eyes = (list(EYE), [MIRROR[k] for k in EYE])
    down = np.array([0.0, 13.0])
    below = sum(canvas.mound(at[eye].mean(axis=0) + down, (20, 9)) for eye in eyes)
    corners = canvas.mound(at[244], (7, 10)) + canvas.mound(at[464], (7, 10))
    return np.asarray(below + 0.8 * corners, np.float32)


def brow_streaks(mean: F32, name: str, canvas: Canvas) -> F32:
    """(h, w) -1..1: short streaks along the hairs of the brows, which stand at the nose and lie at the temple."""
    streaks = np.zeros(canvas.window.shape, np.float32)
    marks = mean[[mark for brow in BROWS for mark in brow]]
    (left, top), (right, bottom) = (marks.min(axis=0) - _BROW_ROOM).tolist(), (marks.max(axis=0) + _BROW_ROOM).tolist()
    part = canvas.part((left, right), (top, bottom))
    where = part.window.slices(canvas.window)
    x, y = part.grid()
    for index, (inner, side) in enumerate(((55, -1.0), (285, 1.0))):
        draw = stream(name, f"brow {index}")
        far = np.clip((x - mean[inner, 0]) * np.float32(side / 44), 0, 1)
        angle = np.deg2rad(62 - 50 * np.sqrt(far))
        along = x * np.float32(side) * np.cos(angle) - y * np.sin(angle)
        across = x * np.float32(side) * np.sin(angle) + y * np.cos(angle)
        hairs = 0.9 * noise(draw, along / 8, across) + 0.25 * noise(draw, along / 12, across / np.float32(1.8))
        here = (x - mean[168, 0]) * side > 0
        streaks[where][here] = np.tanh(np.float32(0.8) * hairs[here])
    return streaks


def around_eyes(mean: F32, canvas: Canvas) -> F32:
    """(h, w) 0..1: lids and the skin around both eyes, where relief may be printed up to the lashes."""
    at = mean.astype(np.float64)
    eyes = (list(EYE), [MIRROR[k] for k in EYE])
    orbit = sum(np.square(canvas.mound(at[eye].mean(axis=0), (30, 19))) for eye in eyes)
    return smoothstep(np.asarray(orbit, np.float32), 0.05, 0.5)

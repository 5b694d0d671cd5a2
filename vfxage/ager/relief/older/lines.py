"""Fine relief of age: furrows with rolls of skin between them, creases that break up, slack and dry skin, by part.

Lines are noise in coordinates that run along the skin: across the forehead, out from the corners of the eyes, round the
eyes and the mouth. A furrow is narrow and the skin between two furrows is rounded: without the roll, lines look penned.
All sizes are canonical pixels; heights are for one unit of weight (``growth.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vfxage.ager.relief.older.canvas import Canvas, noise, smoothstep, stream
from vfxage.ager.relief.older.forehead import forehead_lines
from vfxage.ager.wrinkle_lines import EYE, LIPS, MIRROR
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

PARTS = ("furrows", "crow", "under", "cheek", "lip lines", "slack", "dry")
Height = tuple[Canvas, F32]
"""A part of the canvas, and the height (h, w) on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrinkle:
    """How the lines of one kind run."""

    long: float
    """Length over which a line keeps its way."""
    apart: float
    """Distance between lines."""
    sharp: float = 0.35
    """Width of a crease, in shares of the noise's deviation: below 0.3 it looks cut, above 0.6 it is a dent."""
    wander: float = 1.1
    """How far a furrow leaves its way, radians of the distance between two: much of it makes lines meet and part."""


_FURROW, _FURROW_UNLIKE = 0.75, 0.30
"""Mean depth of the furrows of one area, and its deviation from one to the next: alike, they look embossed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Kinds of lines: their spacing on photographs of old skin, and the strengths at which they look like them."""

    floors: float = 0.45
    """Depth of the narrow floors of the forehead's lines."""
    floor: float = 0.85
    """Their width."""
    near: float = 5.0
    """How far around a line of the forehead finer creases are found."""
    forehead_fine: Wrinkle = Wrinkle(long=34, apart=5.5, sharp=0.4)
    crow: Wrinkle = Wrinkle(long=26, apart=8.0)
    crow_fine: Wrinkle = Wrinkle(long=14, apart=3.6)
    under: Wrinkle = Wrinkle(long=16, apart=6.0, sharp=0.5)
    under_fine: Wrinkle = Wrinkle(long=10, apart=2.8, sharp=0.4)
    cheek: Wrinkle = Wrinkle(long=34, apart=8.0)
    cheek_fine: Wrinkle = Wrinkle(long=16, apart=4.0)
    lip: Wrinkle = Wrinkle(long=18, apart=4.2)
    net: Wrinkle = Wrinkle(long=5, apart=2.1, sharp=0.45)


LINES = Lines()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ground(ArrayData):
    """What lines are laid on: the canvas, the mean face's landmarks, its masks, and the face's name."""

    canvas: Canvas
    mean: F32 = field(metadata=shaped(478, 2))
    """(478, 2) canonical pixels."""
    masks: dict[str, F32] = field(metadata=shaped("n", "n"))
    """Each over the whole canvas, 0..1."""
    name: str

    def mask(self, key: str, part: Canvas) -> F32:
        """A mask's values on a part of the canvas."""
        return self.masks[key][part.window.slices(self.canvas.window)]


def fine_heights(ground: Ground) -> dict[str, list[Height]]:
    """The fine relief by part."""
    return {
        "furrows": [_forehead(ground)],
        "crow": [_crow(ground, side) for side in (0, 1)],
        "under": [_under(ground, side) for side in (0, 1)],
        "cheek": [_cheek(ground, side) for side in (0, 1)],
        "lip lines": [_lip_lines(ground)],
        "slack": [_slack(ground)],
        "dry": [_dry(ground)],
    }


def creases(draw: np.random.Generator, along: F32, across: F32, kind: Wrinkle) -> F32:
    """Narrow valleys where a smooth noise crosses 0, broken off here and there by another."""
    wave = noise(draw, along / np.float32(kind.long), across / np.float32(kind.apart))
    broken = noise(draw, along / np.float32(0.9 * kind.long), across / np.float32(1.7 * kind.apart))
    return np.asarray(-np.exp(-np.abs(wave) / np.float32(kind.sharp)) * smoothstep(broken, -0.5, 1.1), np.float32)


def furrows(draw: np.random.Generator, along: F32, across: F32, kind: Wrinkle) -> F32:
    """About evenly spaced folds with rounded skin between them: what a muscle folds."""
    wander = noise(draw, along / np.float32(kind.long), across / np.float32(2.6 * kind.apart))
    phase = np.float32(np.pi / kind.apart) * across + np.float32(kind.wander) * wander
    wave = np.sin(phase)
    valley = np.exp(-np.abs(1.3 * wave) / np.float32(kind.sharp))
    line = np.floor(phase / np.float32(np.pi) + np.float32(0.5))
    coarse = noise(draw, along / np.float32(0.7 * kind.long), line * np.float32(3.7))
    fine = noise(draw, along / np.float32(0.25 * kind.long), line * np.float32(5.1))
    whole = smoothstep(coarse + np.float32(0.5) * fine, -0.7, 1.2)
    own = noise(draw, np.zeros_like(along), line * np.float32(6.3))
    depth = np.clip(np.float32(_FURROW) + np.float32(_FURROW_UNLIKE) * own, np.float32(0.15), np.float32(1.2))
    roll = np.abs(wave) - np.float32(0.64)
    return np.asarray((0.8 * roll - 0.36 * valley) * depth * (0.25 + 0.75 * whole), np.float32)


def _wobble(draw: np.random.Generator, x: F32, y: F32, cell: float) -> F32:
    return noise(draw, x / np.float32(cell), y / np.float32(cell))


def _forehead(ground: Ground) -> Height:
    """The narrow floors of the lines across the forehead, and finer creases near them."""
    mean, draw = ground.mean, stream(ground.name, "forehead creases")
    top, brow = float(mean[10, 1]) - 26, float(mean[[66, 105, 296, 334], 1].min())
    middle = float(mean[9, 0])
    part = ground.canvas.part((middle - 98, middle + 98), (top - 1, brow + 4))
    x, y = part.grid()
    across = y + 5 * np.cos((x - middle) / 34) + 2.2 * noise(draw, x / np.float32(55), y / np.float32(30))
    band = smoothstep(y, top, top + 22) * smoothstep(y, brow + 2, brow - 8) * smoothstep(np.abs(x - middle), 97, 72)
    floors, near = np.zeros_like(x), np.zeros_like(x)
    for line in forehead_lines(mean, ground.name):
        floors += line.carved(part, LINES.floor)
        near -= line.carved(part, LINES.near)
    fine = creases(draw, x, across, LINES.forehead_fine) * (np.float32(0.3) + np.minimum(near, 1))
    return part, band * (np.float32(LINES.floors) * floors + np.float32(0.10) * fine)


def _eye(ground: Ground, side: int) -> tuple[F32, F32, float]:
    """Middle and outer corner of an eye, and the direction outwards (-1 or 1)."""
    ring = list(EYE) if side == 0 else [MIRROR[k] for k in EYE]
    return ground.mean[ring].mean(axis=0), ground.mean[33 if side == 0 else 263], (-1.0, 1.0)[side]


def _crow(ground: Ground, side: int) -> Height:
    """Crow's feet: they run out from the corner like the spokes of a wheel."""
    _, corner, out = _eye(ground, side)
    draw = stream(ground.name, f"crow's feet {side}")
    low, high = sorted((float(corner[0]) - 6 * out, float(corner[0]) + 46 * out))
    part = ground.canvas.part((low, high), (float(corner[1]) - 46, float(corner[1]) + 46))
    x, y = part.grid()
    right, down = (x - corner[0]) * np.float32(out) + 4, y - corner[1]
    angle, far = np.arctan2(down - np.float32(1.5), right), np.hypot(right, down)
    where = (
        smoothstep(right, 2, 12) * smoothstep(far, 42, 14) * smoothstep(np.abs(angle - np.float32(0.05)), 1.05, 0.45)
    )
    across = 30 * (angle + np.float32(0.006) * far + np.float32(0.07) * _wobble(draw, x, y, 14))
    lines = 0.85 * furrows(draw, far, across, LINES.crow) + 0.35 * creases(draw, far, across, LINES.crow_fine)
    return part, np.asarray(where * lines, np.float32)


def _under(ground: Ground, side: int) -> Height:
    """Lines under the eye, round it, and the crepe between them."""
    eye, _, out = _eye(ground, side)
    draw = stream(ground.name, f"under the eye {side}")
    part = ground.canvas.part((float(eye[0]) - 36, float(eye[0]) + 36), (float(eye[1]) + 2, float(eye[1]) + 32))
    x, y = part.grid()
    dx, dy = x - eye[0], y - eye[1]
    ring = np.hypot(dx / np.float32(1.25), dy + 5)
    where = smoothstep(dy, 3, 10) * smoothstep(ring, 34, 20) * smoothstep(np.abs(dx), 34, 20)
    across = ring + np.float32(0.10 * out) * dx + _wobble(draw, x, y, 12)
    lines = 0.50 * furrows(draw, x, across, LINES.under) + 0.34 * creases(draw, x, across, LINES.under_fine)
    return part, np.asarray(where * lines, np.float32)


def _cheek(ground: Ground, side: int) -> Height:
    """Long soft lines that run down and out on the side of a cheek, with finer ones between."""
    out, nose = (-1.0, 1.0)[side], ground.mean[4]
    draw = stream(ground.name, f"cheek lines {side}")
    low, high = sorted((float(nose[0]) + 32 * out, float(nose[0]) + 130 * out))
    part = ground.canvas.part((low, high), (110, 330))
    x, y = part.grid()
    outwards = (x - nose[0]) * np.float32(out)
    along = np.float32(0.35) * outwards + y
    across = outwards - np.float32(0.22) * (y - nose[1]) + np.float32(2.5) * _wobble(draw, x, y, 22)
    where = ground.mask(("cheek_left", "cheek_right")[side], part) * ground.mask("soft", part)
    lines = 0.26 * creases(draw, along, across, LINES.cheek) + 0.18 * creases(draw, along, across, LINES.cheek_fine)
    return part, np.asarray(where * smoothstep(outwards, 34, 62) * lines, np.float32)


def _lip_lines(ground: Ground) -> Height:
    """Short lines across the edge of the lips, more above than below."""
    mouth, draw = ground.mean[list(LIPS)].mean(axis=0), stream(ground.name, "lip lines")
    part = ground.canvas.part(
        (float(mouth[0]) - 36, float(mouth[0]) + 36), (float(mouth[1]) - 32, float(mouth[1]) + 32)
    )
    x, y = part.grid()
    dx, dy = x - mouth[0], y - mouth[1]
    angle, far = np.arctan2(dy, np.float32(0.55) * dx), np.hypot(np.float32(0.62) * dx, dy)
    where = smoothstep(np.abs(far - 15), 9.5, 2.5) * smoothstep(np.abs(dx), 34, 22) * np.where(dy < 0, 1.0, 0.55)
    where *= np.where(dy < 0, smoothstep(np.abs(dx), 2, 9), 1)  # the groove below the nose has no lines
    across = angle * 24 + np.float32(0.7) * _wobble(draw, x, y, 9)
    return part, np.asarray(0.75 * where * creases(draw, far, across, LINES.lip), np.float32)


def _slack(ground: Ground) -> Height:
    """Skin that has lost its tension is uneven, the more the lower; the chin is pebbled."""
    draw, mean = stream(ground.name, "slack skin"), ground.mean
    part = ground.canvas.part((60, 324), (30, 384))
    x, y = part.grid()
    low = np.float32(0.35) + np.float32(0.65) * smoothstep(y, float(mean[5, 1]), float(mean[17, 1]) + 10)
    cheeks = ground.mask("cheek_left", part) + ground.mask("cheek_right", part)
    where = (cheeks + np.float32(0.35) * ground.mask("mouth", part)) * ground.mask("soft", part) * low
    waves = 0.24 * noise(draw, x / 9.5, y / 14) + 0.07 * noise(draw, x / 4.2, y / 6.5)
    chin = 0.05 * part.mound(0.6 * mean[199] + 0.4 * mean[200], (20, 12)) * noise(draw, x / 5, y / np.float32(4.2))
    return part, np.asarray(where * waves + chin, np.float32)


def _dry(ground: Ground) -> Height:
    """Everywhere: coarser pores and a crossed net of the finest lines."""
    draw = stream(ground.name, "dry skin")
    part = ground.canvas.part((60, 324), (30, 384))
    x, y = part.grid()
    half, more = np.float32(0.5), np.float32(0.6)
    net = creases(draw, x + half * y, y - half * x, LINES.net) + creases(draw, x - more * y, y + more * x, LINES.net)
    pores = noise(draw, x / np.float32(1.9), y / np.float32(1.7)) + np.float32(0.5) * noise(draw, x / 3, y / 3)
    return part, np.asarray((0.05 * net + 0.022 * pores) * ground.mask("texture", part), np.float32)

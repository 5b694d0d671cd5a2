"""What age does to the face's own skin: its lines deepen, it gets dull and dry, lips pale, ears and neck follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.ager.relief.older.canvas import smoothstep
from vfxage.ager.relief.skin_view import SkinView, beyond_luma, blur, creases_only, halve, luma, morphed, parts, spread
from vfxage.ager.relief.working import Box
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSkin:
    """Amounts for a wear of 1, log units; by eye on portraits and video frames."""

    bands: tuple[tuple[float, float, float], ...] = ((0.8, 0.14, 3.0), (0.7, 0.2, 6.0), (0.1, 0.22, 12.0))
    """The face's own lines: gain, log luma above which a line is a feature, and width of the band, canonical pixels."""
    own: float = 1.2
    """Gain of all of them."""
    own_most: float = 0.7
    beyond: float = 1.5
    """How much more the hairline shows its own lines: nothing else is printed there."""
    bright: float = 0.4
    """Share of a line's bright side."""
    gloss: float = 0.8
    """Share of the broad highlights that goes: old skin is dry."""
    gloss_from: float = 0.04
    """Log luma above the fitted skin at which gloss begins."""
    around: tuple[float, float, float] = (-0.030, -0.060, -0.055)
    """Change of log RGB of ears and neck."""
    lips: float = 0.26
    """Share of the lips' colour and contrast that goes."""
    lips_most: float = 0.34


OLD_SKIN = OldSkin()


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnFold:
    """What counts as a fold of the face's own: canonical pixels, and log luma below its banks."""

    half_width: float = 4.0
    reach: float = 7.0
    """How far from it no other fold is laid."""
    shallow: float = 0.05
    deep: float = 0.16


_FOLD = _OwnFold()


def own_lines(seen_skin: SkinView, free: F32, skin: F32) -> F32:
    """(h2, w2) change of log luma by the face's own lines, for a gain of 1; ``skin`` is where they may deepen."""
    where = cv2.erode(
        seen_skin.bare * free * np.maximum(seen_skin.masks["texture"], seen_skin.beyond), np.ones((3, 3), np.uint8)
    )
    base, pixel = luma(seen_skin.light), seen_skin.unit / 2
    level = base + where * np.clip(seen_skin.smooth - base, -0.6, 0.4)
    total, before, so_far = np.zeros_like(level), level, 0.0
    for gain, depth, width in OLD_SKIN.bands:
        after = blur(before, math.sqrt(width**2 - so_far**2) * pixel)
        so_far = width
        band = before - after
        total += np.float32(gain) * band / (1 + np.square(band / np.float32(depth)))
        before = after
    total *= creases_only(total, blur(seen_skin.smooth, 2.0 * seen_skin.unit))
    return np.asarray((np.minimum(total, 0) + np.float32(OLD_SKIN.bright) * np.maximum(total, 0)) * skin, np.float32)


def folded(seen_skin: SkinView) -> F32:
    """(h2, w2) 0..1: near folds of the face's own, by how far a morphological closing fills them."""
    pixel = seen_skin.unit / 2
    depth = morphed(cv2.MORPH_CLOSE, seen_skin.smooth, _FOLD.half_width * pixel) - seen_skin.smooth
    fold = np.clip((depth - np.float32(_FOLD.shallow)) / np.float32(_FOLD.deep - _FOLD.shallow), 0, 1)
    near = morphed(cv2.MORPH_DILATE, np.asarray(fold * seen_skin.bare, np.float32), _FOLD.reach * pixel)
    return blur(near, 0.5 * _FOLD.reach * pixel)


def roughness(seen_skin: SkinView, skin: F32) -> float:
    """Detail of the skin in log luma, 1 to 4 canonical pixels wide: 0.004 on smooth skin, 0.02 on rough skin."""
    fine = cv2.resize(np.square(seen_skin.fine), skin.shape[::-1], interpolation=cv2.INTER_AREA) + np.square(
        seen_skin.bands[0]
    )
    where = skin > 0.6
    return math.sqrt(float(np.percentile(fine[where], 60))) if where.sum() > 50 else 0.02


def darkness(seen_skin: SkinView) -> float:
    """0..1: how dark the skin is in the picture. Dark skin keeps its highlights and shows folds less."""
    skin = seen_skin.masks["texture"] * seen_skin.bare
    level = float((luma(seen_skin.light) * skin).sum() / max(float(skin.sum()), 1))
    return float(np.clip((-0.8 - level) / 0.6, 0, 1))


def dull(seen_skin: SkinView, free: F32, hairline: F32, dark: float) -> F32:
    """(h2, w2, 3) change of log RGB that takes broad highlights away, for an amount of 1.

    A forehead shines up to its ``hairline``: ended below, the highlight has an edge.
    """
    skin = np.maximum(seen_skin.masks["texture"], hairline)
    shine = np.clip(seen_skin.darker - np.float32(OLD_SKIN.gloss_from), 0, 0.5) * skin
    shine = np.minimum(shine * np.clip(2 * seen_skin.bare - 0.6, 0, 1) * free / np.float32(0.12), 1)
    share = blur(np.asarray(shine, np.float32), seen_skin.unit) * np.float32(OLD_SKIN.gloss * (1 - 0.6 * dark))
    return np.asarray(
        spread(share) * np.minimum(seen_skin.light - seen_skin.colour + np.float32(0.03), 0.1), np.float32
    )


def pale_lips(seen_skin: SkinView, amount: float) -> F32:
    """(h2, w2, 3) change of log RGB: lips lose colour, contrast with the skin, and gloss; their border fades."""
    pale = np.zeros_like(seen_skin.light)
    area = blur(seen_skin.masks["lips"], 0.4 * seen_skin.unit) * seen_skin.seen
    box = Box.around(area, margin=12.0 * seen_skin.unit)
    if box is None:
        return pale
    share = np.float32(min(OLD_SKIN.lips * amount, OLD_SKIN.lips_most))
    lips, light, colour, smooth = (
        image[box.half] for image in (area, seen_skin.light, seen_skin.colour, seen_skin.smooth)
    )
    change = spread(share * lips) * (beyond_luma(light) - beyond_luma(colour))
    towards = np.clip(luma(light) - luma(colour), -0.3, 0.5)
    gloss = np.clip(smooth - blur(smooth, 4.0 * seen_skin.unit), 0, 0.3)
    grey = np.float32(0.22) * share * lips * towards - np.float32(0.8) * share * lips * gloss
    pale[box.half] = cv2.merge([part + grey for part in parts(change)])
    return pale


def gentleness(rough: float) -> float:
    """0..1: 1 for smooth skin in soft light, on which hard creases read as pen lines; from ``roughness``."""
    return float(1 - smoothstep(np.array(rough, np.float32), 0.004, 0.0155))


def broad_shade(change: F32, unit: float) -> F32:
    """The broad part (h4, w4) of a darkening (h, w): shade keeps the skin's colour, only creases are redder."""
    quarter = halve(halve(change))
    return np.minimum(blur(np.asarray(quarter, np.float32), 1.4 * unit), 0)

"""Grey hair back towards the colour of the strands that are still dark; white hair is left alone.

The same method serves the hair of the head, the beard and the brows, each with a matte and a measured tone of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import beyond_luma, blur, grow, halve, luma, morphed, parts, spread
from vfxage.ager.relief.younger.ground import smooth
from vfxage.ager.relief.younger.hair_colour import HairColour
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32

HAIR_FLOOR = np.float32(0.012)
"""Added to sRGB before the logarithm, as for skin."""
_BROWN = np.array([0.23, -0.055, -0.36], np.float32)
"""Log RGB beyond luma of brown hair. Dark strands are placed between black and it, so that a blue wall that shines
through, or a cast in the shadows, does not dye the hair."""
_SURE = 0.7
"""Matte from which a pixel counts in the measurement."""
_RIM = 5
"""Pixels: kernel by which that is narrowed, as light from behind has its own colour at the outline."""
_DENT = (0.05, 0.20)
"""Matte from which a dent may be hair, and surely is."""
_SURER = 4.0
"""Power of the matte as weight of averages over hair: what lies behind must not count."""
_GLINT = 0.4
"""Log luma over which a strand becomes a glint."""
_FEWEST = 60
"""Pixels below which nothing is measured and hair keeps its colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HairTone:
    """What one kind of hair (head, beard, brows) looks like where it still has its pigment."""

    brown: float
    """Colour of the dark strands: 0 is black, 1 is brown."""
    level: float
    """Log luma of the dark strands."""
    pigment: float
    """0..1, how surely there are strands with pigment; 0 for white hair, which keeps its colour."""
    sheen: float
    """Log luma up to which a bright strand may be the sheen of dark hair."""
    usual: float
    """Mean log luma of the hair, which is that of its usual lock."""

    @staticmethod
    def none() -> HairTone:
        """Hair that keeps its colour."""
        return HairTone(brown=0.0, level=0.0, pigment=0.0, sheen=0.0, usual=0.0)

    def packed(self) -> F32:
        """As one array (5,) for a study."""
        return np.array([self.brown, self.level, self.pigment, self.sheen, self.usual], np.float32)

    @staticmethod
    def unpacked(values: F32) -> HairTone:
        """From ``packed``."""
        brown, level, pigment, sheen, usual = (float(value) for value in values)
        return HairTone(brown=brown, level=level, pigment=pigment, sheen=sheen, usual=usual)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GreyHair(ArrayData):
    """One kind of hair of one crop, and how much of its greying goes."""

    matte: F32 = field(metadata=shaped("H", "W"))
    """0..1."""
    tone: HairTone
    share: float
    """0..1."""


def hair_tone(rgb: F32, matte: F32, skin: tuple[float, float], settings: HairColour) -> HairTone:
    """Measure the dark strands of the hair in ``matte`` (H, W), 0..1, on a crop (H, W, 3), display-referred sRGB.

    ``skin`` is the log luma of the face's skin in the same light, and its log of red over blue: hair whose darkest
    strands are hardly darker than skin is white, and hair whose bright strands have much colour is fair.
    """
    skin_level, skin_chroma = skin
    sure = cv2.erode(np.asarray(matte > _SURE, np.uint8), np.ones((_RIM, _RIM), np.uint8)) > 0
    if int(sure.sum()) < _FEWEST:
        return HairTone.none()
    log = np.log(rgb[sure] + HAIR_FLOOR)[None]
    level, tint = luma(log)[0], beyond_luma(log)[0]
    low, high = np.percentile(level, settings.dark_percentiles)
    dark = (level >= low) & (level <= high)
    darker = skin_level - float(high)
    pigment = float(smoothstep(np.array((darker - settings.white) / (settings.grey - settings.white))))
    bright = tint[level >= np.median(level)]
    chroma = float(np.median(bright[:, 0] - bright[:, 2])) / max(skin_chroma, 1e-3)
    low_chroma, fair = settings.fair_chroma
    pigment *= float(smoothstep(np.array((fair - chroma) / (fair - low_chroma))))
    own = float(np.median(tint[dark], axis=0) @ _BROWN / (_BROWN @ _BROWN))
    first, last = settings.sheen_dark
    black = float(np.clip((skin_level - float(np.median(level)) - first) / (last - first), 0, 1))
    return HairTone(
        brown=min(max(own, settings.least_brown), 1.0),
        level=float(high),
        pigment=pigment,
        sheen=skin_level - settings.sheen + black * (settings.sheen - settings.sheen_black),
        usual=float(level.mean()),
    )


def recoloured(rgb: F32, hair: GreyHair, skin_chroma: float, unit: float, settings: HairColour) -> F32:
    """Change of log RGB (H, W, 3) that takes the grey strands of ``hair`` on ``rgb`` (H, W, 3) towards its tone.

    ``skin_chroma`` is the log of red over blue of the face's skin; ``unit`` is pixels to a canonical pixel.
    """
    tone, matte = hair.tone, _whole(hair.matte, settings.hole * unit / 2)
    log = cast(F32, cv2.log(rgb + HAIR_FLOOR))
    level, tint = luma(log), beyond_luma(halve(log))
    sure = np.asarray(cv2.pow(halve(matte), _SURER) + np.float32(1e-3), np.float32)
    half = unit / 2
    lock_tint, wide = (_within(part, sure, settings.lock * half) for part in (tint, halve(level)))
    own = _within(tint, sure, settings.tint_reach * half)
    limit = max(settings.grey_chroma * skin_chroma, 1e-3)
    grey = np.minimum(_grey(own, limit, settings), _grey(lock_tint, settings.lock_chroma * limit, settings))
    from_level = np.float32(max(tone.level + settings.dark_margin, settings.black, tone.sheen))
    of_lock = smoothstep((wide - from_level) / np.float32(settings.bright_span))
    fall = _fall(wide, tone, settings)
    lowered = grow(np.asarray(of_lock * np.minimum(fall, np.float32(settings.most)), np.float32), level.shape)
    of_lock = grow(np.asarray(of_lock, np.float32), level.shape)
    of_strand = smoothstep((blur(level, settings.strand * half) - from_level) / np.float32(settings.bright_span))
    excess = level - grow(wide, level.shape)
    of_strand *= np.clip((settings.glint - excess) / np.float32(_GLINT), 0, 1)
    bright = np.maximum(of_lock, of_strand)
    alike = 1 / (1 + np.square(np.square(excess / np.float32(settings.glossy_most))))
    calmer = np.float32(settings.calmer) * np.where(excess > 0, bright, of_lock)
    lowered += (calmer - alike * (calmer + np.float32(settings.glossy) * lowered)) * excess
    weight = cv2.pow(matte, settings.edge) * grow(np.asarray(grey, np.float32), level.shape)
    weight *= np.float32(hair.share * tone.pigment)
    colour = parts(grow(np.float32(tone.brown) * _BROWN - own, (*level.shape, 3)))
    grey_lock = smoothstep((wide - from_level + np.float32(settings.tinted)) / np.float32(settings.bright_span))
    dyed = weight * np.maximum(bright, grow(grey_lock, level.shape)) * np.float32(settings.tint_share)
    return cast(F32, cv2.merge([dyed * channel - weight * lowered for channel in colour]))


def _fall(lock: F32, tone: HairTone, settings: HairColour) -> F32:
    """How much a lock (h, w), log luma, darkens: grey locks nearly alike, so that the brighter ones stay brighter."""
    target = tone.level + settings.target_rise
    usual = max(tone.usual - target, 0.0)
    above = np.maximum(lock - np.float32(target), 0)
    alike = np.minimum(above, np.float32(usual))
    return np.asarray(np.float32(settings.fall) * alike + np.float32(settings.highlight) * (above - alike), np.float32)


def _whole(matte: F32, radius: float) -> F32:
    """The matte (h, w) without dents of up to ``radius`` half-grid pixels: bright strands look like skin to it.

    A hole that goes down to nothing is an earring or an ear, and stays.
    """
    closed = grow(morphed(cv2.MORPH_CLOSE, halve(matte), radius), matte.shape)
    low, high = _DENT
    dented = np.clip((matte - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(matte + np.maximum(closed - matte, 0) * dented, np.float32)


def _within(image: F32, sure: F32, sigma: float) -> F32:
    """The average of an image (h, w) or (h, w, 3) over the hair within ``sigma`` pixels; ``sure`` (h, w) weighs it."""
    weights = sure if image.ndim == 2 else spread(sure)
    return np.asarray(smooth(image * weights, sigma) / smooth(weights, sigma), np.float32)


def _grey(tint: F32, limit: float, settings: HairColour) -> F32:
    """0..1, how surely a colour (h, w, 3) is that of grey hair, with less chroma than ``limit``."""
    red, _, blue = parts(tint)
    grey = smoothstep((np.float32(limit) - (red - blue)) / np.float32(0.5 * limit))
    return np.asarray(grey * smoothstep((red - blue - np.float32(settings.coldest)) / settings.cold_span), np.float32)

"""Grey hair back towards the colour of the strands that are still dark; white hair is left alone.

The same method serves the hair of the head, the beard and the brows, each with a matte and a measured tone of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.sight import beyond_luma, blur, grow, halve, luma, parts
from vfxage.ager.relief.younger.ground import smooth
from vfxage.ager.relief.younger.settings import HairColour
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

    @staticmethod
    def none() -> HairTone:
        """Hair that keeps its colour."""
        return HairTone(brown=0.0, level=0.0, pigment=0.0, sheen=0.0)

    def packed(self) -> F32:
        """As one array (4,) for a study."""
        return np.array([self.brown, self.level, self.pigment, self.sheen], np.float32)

    @staticmethod
    def unpacked(values: F32) -> HairTone:
        """From ``packed``."""
        brown, level, pigment, sheen = (float(value) for value in values)
        return HairTone(brown=brown, level=level, pigment=pigment, sheen=sheen)


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
    sure = matte > _SURE
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
    return HairTone(
        brown=min(max(own, settings.least_brown), 1.0),
        level=float(high),
        pigment=pigment,
        sheen=skin_level - settings.sheen,
    )


def recoloured(rgb: F32, hair: GreyHair, skin_chroma: float, unit: float, settings: HairColour) -> F32:
    """Change of log RGB (H, W, 3) that takes the grey strands of ``hair`` on ``rgb`` (H, W, 3) towards its tone.

    ``skin_chroma`` is the log of red over blue of the face's skin; ``unit`` is pixels to a canonical pixel.
    """
    tone = hair.tone
    log = cast(F32, cv2.log(rgb + HAIR_FLOOR))
    level, tint = luma(log), beyond_luma(halve(log))
    tint = smooth(tint, settings.strand * unit / 2)
    red, _, blue = parts(tint)
    limit = np.float32(max(settings.grey_chroma * skin_chroma, 1e-3))
    grey = smoothstep((limit - (red - blue)) / (np.float32(0.5) * limit))
    grey *= smoothstep((red - blue - np.float32(settings.coldest)) / np.float32(settings.cold_span))
    wide = grow(smooth(halve(level), settings.lock * unit / 2), level.shape)
    strand = blur(level, settings.strand * unit / 2)
    from_level = max(tone.level + settings.dark_margin, settings.black, tone.sheen)
    bright = smoothstep((np.maximum(strand, wide) - np.float32(from_level)) / np.float32(settings.bright_span))
    fall = np.float32(settings.fall) * np.maximum(wide - np.float32(tone.level + settings.target_rise), 0)
    weight = hair.matte * grow(np.asarray(grey, np.float32), level.shape) * bright
    weight *= np.float32(hair.share * tone.pigment)
    darker = -weight * np.minimum(fall, np.float32(settings.most))
    colour = parts(grow(np.float32(tone.brown) * _BROWN - tint, (*level.shape, 3)))
    weight *= np.float32(settings.tint_share)
    return cast(F32, cv2.merge([weight * channel + darker for channel in colour]))

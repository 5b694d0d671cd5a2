"""What the younger step knows of one crop: its skin on the half grid, and where that skin may change.

All images are on the half grid of the chart: one pixel there is two of the crop's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.sight import Sight, blur, grow, halve, luma
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, U8

_FOLD = 9.0
"""Canonical pixels: what is dark and narrower than twice this amid bare skin is a fold in it."""
_SHADE = 0.25
"""Depth, log luma below the fitted skin, at which what lies where a smile folds the cheek surely is skin in shadow."""
_WALL = 1.2
"""Log luma by which non-skin is set below the fitted skin: a closing then finds no bank there, so that nothing glows
along an outline."""
_WALL_EDGE = (0.60, 0.35)
"""Domain at which changes begin, and the range over which they come in: near a wall depths are made up."""
_LARGE = 4.0
"""Pixels of sigma from which a blur is worked out at half the density: nothing is lost, and it is four times faster."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Worn(ArrayData):
    """What lies on the skin of one crop, half grid, 0..1."""

    hair: F32 = field(metadata=shaped("h2", "w2"))
    """Hair of the head."""
    beard: F32 = field(metadata=shaped("h2", "w2"))
    """Hair of cheeks, lips and chin."""
    brows: F32 = field(metadata=shaped("h2", "w2"))
    """Hair of the brows."""
    person: F32 = field(metadata=shaped("h2", "w2"))
    """The person, against what lies behind."""
    glasses: F32 = field(metadata=shaped("h2", "w2"))
    """Rims of spectacles."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ground(ArrayData):
    """The skin that may grow younger."""

    level: F32 = field(metadata=shaped("h2", "w2"))
    """Log luma without fine detail."""
    walled: F32 = field(metadata=shaped("h2", "w2"))
    """The same, with everything that is no skin walled off dark."""
    inside: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, weight of skin in averages over it."""
    skin: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, how far skin may change here."""
    bare: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, skin without hair, rims, glare or deep shadow."""
    away: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, 0 where a wall is near, 1 where depths can be trusted."""
    matt: F32 = field(metadata=shaped("h2", "w2"))
    """1 on skin, falling to 0 on gloss."""
    apart: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, 0 on and beside the brows: a bright band beside a brow reads as a painted brow."""
    zone: dict[str, F32] = field(metadata=shaped("h2", "w2"))
    """The maps of ``zones.Zones`` on this face."""
    pixel: float
    """Half-grid pixels to a canonical pixel."""
    smile: float
    """0..1."""

    def blurred(self, image: F32, sigma: float) -> F32:
        """Blur by ``sigma`` canonical pixels."""
        return smooth(image, sigma * self.pixel)

    def among_skin(self, image: F32, sigma: float) -> F32:
        """The average of ``image`` over the skin within ``sigma`` canonical pixels."""
        return self.blurred(image * self.inside, sigma) / (self.blurred(self.inside, sigma) + np.float32(1e-3))


def smooth(image: F32, sigma: float) -> F32:
    """A Gaussian blur of ``sigma`` pixels; a wide one is worked out at half the density."""
    if sigma < _LARGE:
        return blur(image, sigma)
    return grow(smooth(halve(image), sigma / 2), image.shape)


def disc(radius: int) -> U8:
    """The kernel of a morphological operation."""
    return cast(U8, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def morphed(operation: int, image: F32, radius: float) -> F32:
    """A morphological operation at a radius that need not be whole, so that nothing jumps as a face grows."""
    low = max(1, math.floor(radius))
    rest = min(max(radius - low, 0.0), 1.0)
    result = cast(F32, cv2.morphologyEx(image, operation, disc(low)))
    if rest < 0.02:
        return result
    return cast(F32, cv2.addWeighted(result, 1 - rest, cv2.morphologyEx(image, operation, disc(low + 1)), rest, 0))


def wider(zone: F32) -> F32:
    """A soft zone whose borders lie further out."""
    return np.asarray(1 - np.square(1 - zone), np.float32)


def ground_of(sight: Sight, zone: dict[str, F32], worn: Worn, gloss: float, smile: float) -> Ground:
    """Find the skin of a crop that may change.

    ``zone`` holds the maps on this face, ``gloss`` is the brightness above the fitted skin at which gloss begins, and
    ``smile`` is 0..1.
    """
    pixel, masks = sight.unit / 2, sight.masks
    free = 1 - blur(np.clip(1.15 * np.maximum(worn.hair, 0.9 * worn.beard), 0, 1), 2.0 * pixel)
    free *= 1 - worn.glasses
    whole = smooth(morphed(cv2.MORPH_CLOSE, sight.bare, _FOLD * pixel), 2.0 * pixel)
    shadow = blur(np.clip(-sight.darker / np.float32(_SHADE), 0, 1), 2.0 * pixel)
    shadow *= np.clip(3 * smooth(zone["cut"], 6.0 * pixel), 0, 1) * sight.seen * (1 - zone["mouth"])
    whole = np.maximum(whole, shadow)
    domain = _domain(sight, zone, worn, free)
    skin = np.maximum(
        masks["texture"] * whole, zone["orbit"] * (1 - masks["eyes"]) * np.maximum(whole, 0.6) * sight.seen
    )
    skin = np.maximum(skin, sight.beyond * worn.person) * free
    skin *= 1 - np.clip(np.maximum(1.15 * masks["brows"], 1.4 * masks["lips"]), 0, 1)
    skin *= (1 - np.clip(1.6 * zone["nostril"], 0, 1)) * (1 - zone["canthus"])
    low, span = _WALL_EDGE
    away = np.clip((domain - np.float32(low)) / np.float32(span), 0, 1)
    return Ground(
        level=sight.smooth,
        walled=sight.smooth * domain + (1 - domain) * np.minimum(sight.smooth, luma(sight.light) - np.float32(_WALL)),
        inside=np.clip(domain - np.float32(0.05), 0, 1),
        skin=skin * away,
        bare=sight.bare,
        away=away,
        matt=cv2.exp(-np.square(np.maximum(sight.darker, 0) / np.float32(gloss))),
        apart=np.asarray(1 - np.clip(2.5 * smooth(masks["brows"], 10 * pixel), 0, 1), np.float32),
        zone=zone,
        pixel=pixel,
        smile=smile,
    )


def _domain(sight: Sight, zone: dict[str, F32], worn: Worn, free: F32) -> F32:
    """0..1, where a closing may look for banks: not on teeth, eyes, hair, rims, or past the face's outline."""
    pixel, masks = sight.unit / 2, sight.masks
    face = np.maximum(zone["within"] * sight.seen, sight.beyond) * worn.person
    joined = cast(F32, cv2.morphologyEx(face, cv2.MORPH_CLOSE, disc(max(1, round(8 * pixel)))))
    domain = np.clip(1.6 * joined * free - 0.2, 0, 1)
    lips = np.clip(1.5 * masks["lips"] - 0.3, 0, 1)
    openings = np.maximum.reduce([masks["eyes"], zone["mouth"], zone["nostril"], lips])
    return np.asarray(domain * (1 - np.clip(2 * openings, 0, 1)), np.float32)

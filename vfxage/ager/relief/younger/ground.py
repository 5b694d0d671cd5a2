"""What the younger step knows of one crop: its skin on the half grid, and where that skin may change.

All images are on the half grid of the chart: one pixel there is two of the crop's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import SkinView, blur, disc, grow, halve, luma, morphed, spread, strongest
from vfxage.ager.relief.younger.settings import WARMER
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

_FOLD = 9.0
"""Canonical pixels: what is dark and narrower than twice this amid bare skin is a fold in it."""
_SHADE = 0.25
"""Depth, log luma below the fitted skin, at which what lies where a smile folds the cheek surely is skin in shadow."""
_WALL = 1.2
"""Log luma by which non-skin is set below the fitted skin: a closing then finds no bank there, so that nothing glows
along an outline."""
_WALL_EDGE = (0.60, 0.35)
"""Domain at which changes begin, and the range over which they come in: near a wall depths are made up."""
_HUE = (0.09, 0.16)
"""Deviation of hue from the fitted skin, log units, that shaded skin may have, and how far beyond it it fades out."""
_WARMEST = 1.2
"""How much warmer than by ``WARMER`` shaded skin may be."""
_DEPTH = (-0.55, -1.1)
"""Log luma against the fitted skin down to which skin in shade is surely skin, and at which it is none."""
_BRIGHT = 0.30
"""The same above it: white cloth is brighter."""
_ROUGH = (0.065, 0.05)
"""Fine energy, log units, that skin may have, and how far beyond it it fades out; hair has more."""
_SEAM = 5.0
"""Canonical pixels: half width of the seam between the masks of face and neck, which is skin too."""
_BROW_DARK = (0.04, 0.08)
"""Depth, log luma below the skin around it, from which a band over a brow's usual place may be that brow, and the range
over which it surely is."""
_BROW_COLD = (0.05, 0.15)
"""How much colder than skin in shade it is, in shares of ``WARMER``: hair and paint are grey beside skin."""
_BROW_WIDTH = 2.2
"""Canonical pixels: half width of the narrowest such brow; lines on the forehead are narrower."""
_EASED = 7.0
"""Canonical pixels: sigma by which broad changes fade out beside hair."""
_LARGE = 4.0
"""Pixels of sigma from which a blur is worked out at half the density: nothing is lost, and it is four times faster."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OnSkin(ArrayData):
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
    neck: F32 = field(metadata=shaped("h2", "w2"))
    """Bare skin of the neck."""


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
    beyond: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, bare skin of ears, neck and hairline."""
    bare: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, skin without hair, rims, glare or deep shadow."""
    away: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, 0 where a wall is near, 1 where depths can be trusted."""
    matt: F32 = field(metadata=shaped("h2", "w2"))
    """1 on skin, falling to 0 on gloss."""
    apart: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, 0 on and beside the brows: a bright band beside a brow reads as a painted brow."""
    eased: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, less beside hair and outline: broad light that ends there at once draws a border on the skin."""
    clear: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, 0 on rims of spectacles."""
    zone: dict[str, F32] = field(metadata=shaped("h2", "w2"))
    """The maps of ``zones.Zones`` on this face."""
    pixel: float
    """Half-grid pixels to a canonical pixel."""
    smile: float
    """0..1."""
    saturation: float
    """Colour of the plate's skin in shares of what portraits have; 0 in black and white."""

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


def wider(zone: F32) -> F32:
    """A soft zone whose borders lie further out."""
    return np.asarray(1 - np.square(1 - zone), np.float32)


def ground_of(seen_skin: SkinView, zone: dict[str, F32], on_skin: OnSkin, gloss: float, smile: float) -> Ground:
    """Find the skin of a crop that may change.

    ``zone`` holds the maps on this face, ``gloss`` is the brightness above the fitted skin at which gloss begins, and
    ``smile`` is 0..1. A neck is skin only where ``on_skin.neck`` says so: cloth may have the hue of skin.
    """
    pixel, masks = seen_skin.unit / 2, seen_skin.masks
    free = 1 - blur(np.clip(1.15 * np.maximum(on_skin.hair, 0.9 * on_skin.beard), 0, 1), 2.0 * pixel)
    free *= 1 - on_skin.glasses
    shaded = _shaded(seen_skin)
    beyond = seen_skin.beyond * (1 - zone["neck"]) + np.square(shaded) * zone["neck"] * on_skin.neck
    beyond *= on_skin.person
    outline = _outline(seen_skin, zone, beyond, (on_skin, free))
    masks = masks | {"brows": _brows(seen_skin, zone)}
    domain = outline * (1 - _openings(masks, zone))
    away = _above(domain)
    return Ground(
        level=seen_skin.smooth,
        walled=seen_skin.smooth * domain
        + (1 - domain) * np.minimum(seen_skin.smooth, luma(seen_skin.light) - np.float32(_WALL)),
        inside=np.clip(domain - np.float32(0.05), 0, 1),
        skin=_skin(replace(seen_skin, masks=masks), zone, shaded, beyond) * free * away,
        beyond=beyond,
        bare=seen_skin.bare,
        away=away,
        matt=cv2.exp(-np.square(np.maximum(seen_skin.darker, 0) / np.float32(gloss))),
        apart=np.asarray(1 - np.clip(2.5 * smooth(masks["brows"], 10 * pixel), 0, 1), np.float32),
        eased=np.clip(2 * smooth(_above(outline), _EASED * pixel) - 1, 0, 1),
        clear=np.asarray(1 - on_skin.glasses, np.float32),
        zone=zone,
        pixel=pixel,
        smile=smile,
        saturation=seen_skin.saturation,
    )


def _brows(seen_skin: SkinView, zone: dict[str, F32]) -> F32:
    """(h2, w2) 0..1, the brows: at their usual place, and where a plucked or painted brow lies higher.

    Such a brow is a dark band over skin, which a closing would fill as it fills a furrow.
    """
    pixel, warm = seen_skin.unit / 2, np.array(WARMER, np.float32)
    depth = morphed(cv2.MORPH_CLOSE, seen_skin.smooth, _FOLD * pixel) - seen_skin.smooth
    depth = morphed(cv2.MORPH_OPEN, np.asarray(depth, np.float32), _BROW_WIDTH * pixel)
    warmth = cast(F32, cv2.transform(seen_skin.tint, warm[None])) / np.float32(warm @ warm)
    found = zone["over_brows"]
    for value, (low, span) in ((depth, _BROW_DARK), (-warmth, _BROW_COLD)):
        found = found * np.clip((value - np.float32(low)) / np.float32(span), 0, 1)
    return np.maximum(seen_skin.masks["brows"], np.clip(1.5 * blur(found, 2.0 * pixel), 0, 1))


def _above(domain: F32) -> F32:
    """0..1, where changes may be, for a domain (h2, w2) of 0..1."""
    low, span = _WALL_EDGE
    return np.asarray(np.clip((domain - np.float32(low)) / np.float32(span), 0, 1), np.float32)


def _shaded(seen_skin: SkinView) -> F32:
    """(h2, w2) 0..1, skin by its hue and its lack of hair, however deep in shade."""
    free, soft = _HUE
    warm = np.array(WARMER, np.float32)
    warmth = cast(F32, cv2.transform(seen_skin.tint, warm[None])) / np.float32(warm @ warm)
    warmth = np.clip(warmth, 0, np.maximum(_WARMEST * -seen_skin.darker, 0))
    apart = strongest(seen_skin.tint - spread(np.asarray(warmth, np.float32), warm))
    hue = cv2.exp(-np.square(np.maximum(apart - np.float32(free), 0) / np.float32(soft)))
    lightest, darkest = _DEPTH
    lit = np.clip((seen_skin.darker - np.float32(darkest)) / np.float32(lightest - darkest), 0, 1)
    energy = np.sqrt(blur(halve(np.square(seen_skin.fine)), 2.5 * seen_skin.unit))
    free, soft = _ROUGH
    smooth_skin = cv2.exp(-np.square(np.maximum(energy - np.float32(free), 0) / np.float32(soft)))
    bright = cv2.exp(-np.square(np.maximum(seen_skin.darker - np.float32(_BRIGHT), 0) / np.float32(_BRIGHT)))
    return np.asarray(hue * lit * smooth_skin * bright * seen_skin.seen, np.float32)


def _skin(seen_skin: SkinView, zone: dict[str, F32], shaded: F32, beyond: F32) -> F32:
    """(h2, w2) 0..1, bare skin of face, neck and ears, with the folds in it."""
    pixel, masks = seen_skin.unit / 2, seen_skin.masks
    bare = np.maximum(seen_skin.bare, masks["texture"] * shaded)
    whole = smooth(morphed(cv2.MORPH_CLOSE, bare, _FOLD * pixel), 2.0 * pixel)
    shadow = blur(np.clip(-seen_skin.darker / np.float32(_SHADE), 0, 1), 2.0 * pixel)
    shadow *= np.clip(3 * smooth(zone["cut"], 6.0 * pixel), 0, 1) * seen_skin.seen * (1 - zone["mouth"])
    whole = np.maximum(whole, shadow)
    skin = np.maximum(
        masks["texture"] * whole, zone["orbit"] * (1 - masks["eyes"]) * np.maximum(whole, 0.6) * seen_skin.seen
    )
    skin = morphed(cv2.MORPH_CLOSE, np.asarray(np.maximum(skin, beyond), np.float32), _SEAM * pixel)
    skin *= seen_skin.seen * (1 - np.clip(np.maximum(1.15 * masks["brows"], 1.4 * masks["lips"]), 0, 1))
    skin *= (1 - np.clip(1.6 * zone["nostril"], 0, 1)) * (1 - zone["canthus"]) * (1 - masks["eyes"])
    return np.asarray(skin, np.float32)


def _outline(seen_skin: SkinView, zone: dict[str, F32], beyond: F32, cover: tuple[OnSkin, F32]) -> F32:
    """0..1, where skin is, with the openings in it: not on hair, rims, or past the face's outline."""
    (on_skin, free), pixel = cover, seen_skin.unit / 2
    face = np.maximum(zone["within"] * seen_skin.seen * on_skin.person, beyond)
    joined = cast(F32, cv2.morphologyEx(face, cv2.MORPH_CLOSE, disc(max(1, round(8 * pixel)))))
    return np.asarray(np.clip(1.6 * joined * free - 0.2, 0, 1), np.float32)


def _openings(masks: dict[str, F32], zone: dict[str, F32]) -> F32:
    """0..1, where a closing may not look for banks: teeth, eyes, lips, nostrils."""
    lips = np.clip(1.5 * masks["lips"] - 0.3, 0, 1)
    openings = np.maximum.reduce([masks["eyes"], zone["mouth"], zone["nostril"], lips])
    return np.asarray(np.clip(2 * openings, 0, 1), np.float32)

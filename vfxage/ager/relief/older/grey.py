"""Hair, brows and beard turn grey strand by strand, locked to the plate's own strands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.sight import blur, grow, halve, luma, parts
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Greying:
    """How hair greys; by eye on dark, brown and fair hair."""

    gain: float = 1.2
    """Factor of the share of grey hair."""
    strands: float = 0.22
    """How much earlier than others a bright strand turns."""
    beard: float = 1.45
    """How much earlier than the head a beard turns."""
    warmth: float = 0.38
    """Share of the skin's colour that grey hair shows: the light is warm, and neutral grey looks blue."""
    warmest: float = 0.13
    """Largest such colour, log RGB: what dark or flushed skin has beyond it is skin, not light."""
    brightness: float = 0.60
    """Display luma that white hair reaches in the light of a portrait."""
    lift: float = 0.80
    """Share of the way from dark hair to that brightness."""
    most: float = 1.9
    """Largest lift, log units."""
    lock: float = 8.0
    """Sigma within which hair is one lock, canonical pixels."""
    lock_share: float = 0.5
    """Share of the lift that is the same over a lock: so light and shade within it stay."""
    calm: float = 0.25
    """Share of the contrast of strands that goes where hair is lifted by ``calm_lift``: dark hair holds the plate's
    noise, which would be chalk on white hair."""
    calm_lift: float = 1.5
    brows: float = 1.15
    """Factor of the share of grey hair in brows."""
    brows_most: float = 0.9
    """Largest lift of a brow's hair, log units: single bright hairs in a dark brow are dashes, not age."""


GREYING = Greying()
_WARMTH = np.array([0.82, 0.0, -1.1], np.float32)
"""Log RGB of warm light on white hair: more yellow than skin is."""
_STEPS = (-6.0, -4.5, -3.0, -1.5, 1.5, 3.0, 4.5, 6.0)
"""Canonical pixels along a strand over which it is averaged, so that grain is no strand."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HairLight(ArrayData):
    """The light on the face, once per shot."""

    tint: F32 = field(metadata=shaped(3))
    """Log RGB beyond luma of the fitted skin."""
    level: float
    """Log luma of the fitted skin."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HairPlaces(ArrayData):
    """Where hair of one crop may turn, 0..1."""

    mattes: Mattes
    skin_like: F32 = field(metadata=shaped("S", "S"))
    """Likeness to the skin: at the hairline a matte is half skin, which stays."""
    brows: F32 = field(metadata=shaped("S", "S"))
    """Hairs of the brows."""
    streaks: F32 = field(metadata=shaped("S", "S"))
    """-1..1, which hairs of a brow turn first."""
    lead: F32 = field(metadata=shaped("S", "S"))
    """Where hair turns first: above 1 at the temples."""


def greyed(rgb: F32, places: HairPlaces, light: HairLight, grey: float, unit: float) -> F32:
    """(S, S, 3) change of log RGB for a change ``grey`` (0..1) of the share of grey hair; 0 without hair."""
    mattes = places.mattes
    change = np.zeros_like(rgb)
    box = _box(np.maximum.reduce([mattes.hair, mattes.beard, places.brows]))
    if grey <= 0 or box is None:
        return change
    log = cast(F32, cv2.log(rgb[box] + np.float32(FLOOR)))
    level = luma(log)
    strand = np.tanh(np.float32(1.2) * _strands(level, unit))
    share = np.float32(GREYING.gain * grey)
    early = np.float32(GREYING.strands * min(1.0, 4 * grey)) * strand
    hair = mattes.hair[box]
    edge = np.clip(2.5 * (1 - grow(blur(halve(hair), 2.0 * unit), hair.shape)), 0, 1)
    hair = hair * (1 - 0.95 * places.skin_like[box] * edge)
    turned = hair * np.clip(1.25 * share * places.lead[box] + early - np.float32(0.03), 0, 0.96)
    whiskers = np.clip(1.6 * mattes.beard[box] * (1 - places.skin_like[box]), 0, 0.95)
    turned_beard = np.clip(np.float32(GREYING.beard) * share + 1.8 * early - np.float32(0.02), 0, 0.95)
    turned = np.maximum(turned, whiskers * turned_beard)
    target = _target(light)
    fine = blur(level, 1.5 * unit)
    lift = _above_nothing(np.float32(target) - _locks(fine, hair + whiskers, unit))
    lift = np.float32(GREYING.most) * np.tanh(np.float32(GREYING.lift / GREYING.most) * lift)
    calm = np.float32(GREYING.calm) * np.clip(lift / np.float32(GREYING.calm_lift), 0, 1)
    lift = lift - calm * (level - fine)
    grey_of = [level + np.float32(tint) - own for own, tint in zip(parts(log), _warm(light), strict=True)]
    part = cast(F32, cv2.merge([turned * (channel + lift) for channel in grey_of]))
    brows = places.brows[box] * (1 - hair)
    inner = _box(brows)
    if inner is not None:
        hairs = _BrowHairs(brows[inner], places.streaks[box][inner], strand[inner])
        wanted = (share, min(target - 0.10, light.level - 0.05))
        part[inner] += _brows(level[inner], [channel[inner] for channel in grey_of], hairs, wanted)
    change[box] = part
    return change


def _above_nothing(image: F32) -> F32:
    """The image where it is above 0, else 0, with a soft bend between."""
    steep = np.float32(3) * image
    bend = cv2.log(cv2.exp(-np.abs(steep)) + np.float32(1))
    return np.asarray((np.maximum(steep, 0) + bend) / np.float32(3), np.float32)


def _target(light: HairLight) -> float:
    """Log luma of white hair: as bright as the light on the face lets it be."""
    lit = 0.25 * float(np.clip(light.level + 0.55, -0.4, 0.3)) if light.level > -0.9 else 0.0
    return math.log(GREYING.brightness) + lit


def _warm(light: HairLight) -> F32:
    """Log RGB beyond luma of grey hair: warm as the light is, without the red of the skin's blood."""
    warm = GREYING.warmth * float(light.tint[0] - light.tint[2]) / 2
    return np.asarray(np.float32(min(max(warm, -GREYING.warmest), GREYING.warmest)) * _WARMTH, np.float32)


def _locks(level: F32, hair: F32, unit: float) -> F32:
    """The level (h, w) from which hair is lifted.

    It is partly the strand's, partly that of the lock around it, so that shade in a lock stays. A pixel that is
    brighter than its lock counts by itself: at the hairline it is half skin.
    """
    small, weight = halve(halve(level)), np.float32(1e-3) + halve(halve(hair))
    sigma = GREYING.lock * unit / 4
    lock = blur(np.asarray(small * weight, np.float32), sigma) / blur(np.asarray(weight, np.float32), sigma)
    share = np.float32(GREYING.lock_share)
    mixed = (1 - share) * level + share * cv2.resize(lock, level.shape[::-1])
    return np.asarray(np.maximum(mixed, level), np.float32)


@dataclass(frozen=True, slots=True)
class _BrowHairs:
    where: F32
    streaks: F32
    strand: F32


def _brows(level: F32, grey_of: Sequence[F32], hairs: _BrowHairs, wanted: tuple[np.float32, float]) -> F32:
    """Each hair of a brow turns on its own.

    ``grey_of`` is the change of log R, G and B to grey of the same luma; ``wanted`` the share and the log luma of grey
    brows.
    """
    share, target = np.float32(GREYING.brows) * wanted[0], wanted[1]
    each = share + (0.20 + 0.35 * min(float(share), 0.8)) * hairs.streaks + 0.25 * hairs.strand - 0.12
    turned = np.clip(each, 0, 0.85) * hairs.where * np.float32(min(1.0, 8 * float(share)))
    lift = np.clip(np.float32(GREYING.lift) * np.maximum(np.float32(target) - level, 0), 0, GREYING.brows_most)
    return cast(F32, cv2.merge([turned * (np.float32(0.75) * channel + lift) for channel in grey_of]))


def _box(where: F32) -> tuple[slice, slice] | None:
    """The part of the crop with hair, on even pixels; None without hair."""
    rows, columns = (np.flatnonzero(where.max(axis=axis) > 0.01) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return None
    (top, bottom), (left, right) = (
        (int(at[0]) // 2 * 2, min(int(at[-1]) // 2 * 2 + 2, size))
        for at, size in zip((rows, columns), where.shape, strict=True)
    )
    return slice(top, bottom), slice(left, right)


def _strands(level: F32, unit: float) -> F32:
    """(h, w) about -1..1: a strand against its neighbours, averaged along the hair."""
    half, pixel = halve(level), unit / 2
    soft = blur(half, 0.8 * pixel)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (blur(np.asarray(product, np.float32), 2.5 * pixel)
                  for product in (across * across, down * down, across * down))  # fmt: skip
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.float32(np.pi / 2)
    to_x, to_y = np.cos(angle) * np.float32(pixel), np.sin(angle) * np.float32(pixel)
    band = half - blur(half, 3.5 * pixel)
    x, y = np.meshgrid(*(np.arange(count, dtype=np.float32) for count in half.shape[::-1]))
    total = band.copy()
    for step in _STEPS:
        along = np.float32(step)
        total += cv2.remap(band, x + along * to_x, y + along * to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    total /= len(_STEPS) + 1
    total /= blur(np.abs(total), 8 * pixel) + np.float32(0.02)
    return grow(np.asarray(total, np.float32), level.shape)

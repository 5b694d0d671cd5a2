"""Hair, brows and beard turn grey strand by strand, locked to the plate's own strands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.sight import blur, grow, halve, luma, parts, spread
from vfxage.ager.relief.unmixed import unmixed
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Greying:
    """How hair greys; by eye on dark, brown and fair hair."""

    gain: float = 1.2
    """Factor of the share of grey hair."""
    late: float = 0.08
    """Share of grey hair up to which all of it still looks dark."""
    strands: float = 0.30
    """How much earlier than the mean the earliest strands turn, and how much later the last."""
    whole: float = 1.2
    """Share of grey hair towards which strands become alike."""
    white: float = 0.7
    """How different they still are then: white hair keeps dark strands."""
    plate_strands: float = 0.6
    """Weight of the plate's own strands in the order in which strands turn."""
    made_strands: float = 0.32
    """Weight of made strands in it: in black hair the plate shows none."""
    head: float = 1.05
    """Factor of the share of grey hair on the head."""
    head_most: float = 0.96
    """Largest share of grey in a strand of the head: a trace of its colour stays."""
    beard: float = 1.45
    """How much earlier than the head a beard turns."""
    beard_most: float = 0.95
    """Largest share of grey in a beard."""
    warmth: float = 0.28
    """Share of the skin's colour that grey hair shows: the light is warm, and neutral grey looks blue."""
    warmest: float = 0.10
    """Largest such colour, log RGB: what dark or flushed skin has beyond it is skin, not light."""
    brightness: float = 0.60
    """Display luma that white hair reaches in the light of a portrait."""
    lift: float = 0.80
    """Share of the way from dark hair to that brightness."""
    most: float = 1.9
    """Largest lift, log units."""
    lock: float = 8.0
    """Sigma within which hair is one lock, canonical pixels."""
    lock_share: float = 0.8
    """Share of the lift that is the same over a lock: so light and shade within it stay."""
    calm: float = 0.25
    """Share of the contrast of strands that goes where hair is lifted by ``calm_lift``: dark hair holds the plate's
    noise, which would be chalk on white hair."""
    calm_lift: float = 1.5
    thin: float = 2.5
    """Radius, canonical pixels, of the thickest dark strand over skin that counts as a single one."""
    sparse: float = 3.0
    """Sigma, canonical pixels, by which hair is found to be sparse."""
    thin_kept: float = 0.6
    """Share of its contrast with the skin that such a strand keeps, on average."""
    thin_spread: float = 0.5
    """How much more the last strands keep, and how much less the first."""
    thin_shade: float = 0.14
    """Shade between strands over skin, log luma on average."""
    brows: float = 0.75
    """Factor of the share of grey hair in brows: they turn later than the head."""
    brows_most: float = 0.7
    """Largest share of grey in brows."""
    brow_streaks: float = 0.25
    """How much earlier than the mean the earliest hairs of a brow turn."""
    brows_lift: float = 0.75
    """Largest lift of a brow's hair, log units: single bright hairs in a dark brow are dashes, not age."""


GREYING = Greying()
_WARMTH = np.array([0.82, 0.0, -1.1], np.float32)
"""Log RGB of warm light on white hair: more yellow than skin is."""
_DARKEST = -0.95
"""Share of its light that a pixel loses at most."""
_STEPS = (1.0, 2.0, 4.0)
"""Canonical pixels along the hair by which noise is drawn out, one after the other."""
_NO_DIRECTION = 2e-4
"""Energy of the slopes, log luma per pixel squared, of hair without strands: noise alone."""
_FAINT = 0.02
"""Contrast of strands, log luma, that is hardly seen; fainter ones do not count."""
_SEED = 3
"""Of the noise."""


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
    change = np.zeros_like(rgb)
    whiskers = np.clip(1.6 * places.mattes.beard, 0, 0.95)
    box = _box(np.maximum.reduce([places.mattes.hair, whiskers, places.brows]))
    if grey <= 0 or box is None:
        return change
    plate = np.ascontiguousarray(rgb[box])
    kinds = (places.mattes.hair[box], whiskers[box], places.brows[box])
    other = np.maximum(places.skin_like[box], 1 - places.mattes.person[box])
    mixed = unmixed(plate, np.maximum.reduce(kinds), other, unit)
    log = cast(F32, cv2.log(mixed.colour + np.float32(FLOOR)))
    hairs = _single(plate, unit)
    strand = _strands(luma(log) + hairs * (mixed.share < 1), unit)
    lead, streaks = places.lead[box], places.streaks[box]
    turned = _turned(kinds, np.float32(GREYING.gain * grey), strand, (lead, streaks), unit)
    aged = cast(F32, cv2.exp(log + _grey(log, turned, (kinds, mixed.share), light, unit)))
    aged -= mixed.colour + np.float32(FLOOR)
    aged *= spread(mixed.share)
    aged /= plate + np.float32(FLOOR)
    aged = cv2.log(np.maximum(aged, np.float32(_DARKEST)) + np.float32(1))
    change[box] = aged + spread(turned * _sparse(hairs, mixed.share, strand, unit))
    return change


def _single(plate: F32, unit: float) -> F32:
    """(h, w) log luma, at most 0: what is dark and thinner than ``GREYING.thin``, single hairs over skin."""
    level = luma(cast(F32, cv2.log(plate + np.float32(FLOOR))))
    side = 2 * round(GREYING.thin * unit) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(level - cv2.morphologyEx(level, cv2.MORPH_CLOSE, disc), np.float32)


def _sparse(hairs: F32, share: F32, strand: F32, unit: float) -> F32:
    """(h, w) change of log luma, at most 0, of grey hair over skin.

    As bright as that skin, it would be a smooth veil: some of its ``hairs`` stay dark, and there is shade between them.
    """
    cover = grow(blur(halve(share), GREYING.sparse * unit / 2), share.shape)
    late = np.clip(GREYING.thin_kept - GREYING.thin_spread * strand, 0, 1)
    shade = np.float32(GREYING.thin_shade) * share * (1 - strand)
    return np.asarray(np.float32(4) * cover * (1 - cover) * (late * hairs - shade), np.float32)


def _turned(kinds: tuple[F32, F32, F32], share: np.float32, strand: F32, places: tuple[F32, F32], unit: float) -> F32:
    """(h, w) 0..1: how grey hair of the head, beard and brows (``kinds``) has turned, wherever there is any."""
    lead, streaks = places
    mixed = min(1.0, 4 * float(share), max(GREYING.white, 2 * (GREYING.whole - float(share))))
    early, late = np.float32(GREYING.strands * mixed) * strand, np.float32(GREYING.late)
    head = np.clip(np.float32(GREYING.head) * share * lead + early - late, 0, GREYING.head_most)
    beard = np.clip(np.float32(GREYING.beard) * share + early - late, 0, GREYING.beard_most)
    each = (
        np.float32(GREYING.brows) * share + np.float32(GREYING.brow_streaks * min(float(share), 0.8)) * streaks + early
    )
    brows = np.clip(each, 0, GREYING.brows_most)
    weights = [grow(blur(halve(kind), 1.5 * unit), kind.shape) + np.float32(1e-4) for kind in kinds]
    total = np.add.reduce([w * t for w, t in zip(weights, (head, beard, brows), strict=True)])
    return np.asarray(total / np.add.reduce(weights), np.float32)


def _grey(log: F32, turned: F32, hair: tuple[tuple[F32, F32, F32], F32], light: HairLight, unit: float) -> F32:
    """Change of log RGB (h, w, 3) of hair that has turned as far as ``turned`` (h, w) says."""
    kinds, share = hair
    level = luma(log)
    fine = blur(level, 1.5 * unit)
    lift = _above_nothing(np.float32(_target(light)) - _locks(fine, share, unit))
    lift = np.float32(GREYING.most) * np.tanh(np.float32(GREYING.lift / GREYING.most) * lift)
    brow = kinds[2] * (1 - np.maximum(kinds[0], kinds[1]))
    lift = np.minimum(lift, GREYING.most - brow * np.float32(GREYING.most - GREYING.brows_lift))
    calm = np.float32(GREYING.calm) * np.clip(lift / np.float32(GREYING.calm_lift), 0, 1)
    lift = lift - calm * (level - fine)
    grey_of = [level + np.float32(tint) - own for own, tint in zip(parts(log), _warm(light), strict=True)]
    return cast(F32, cv2.merge([turned * (channel + lift) for channel in grey_of]))


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

    It is partly the strand's, partly that of the lock around it, so that shade in a lock stays.
    """
    small, weight = halve(halve(level)), np.float32(1e-3) + halve(halve(hair))
    sigma = GREYING.lock * unit / 4
    lock = blur(np.asarray(small * weight, np.float32), sigma) / blur(np.asarray(weight, np.float32), sigma)
    share = np.float32(GREYING.lock_share)
    return np.asarray((1 - share) * level + share * cv2.resize(lock, level.shape[::-1]), np.float32)


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
    """(h, w) -1..1: which strands turn first, as fine as hair is.

    A strand is where the plate is brighter than its surroundings, and where noise of the crop, drawn out along the
    hair, is high. Black hair shows no strands, so that the plate alone would leave it in clumps. Where no direction is
    seen, as in curls, the noise is not drawn out.
    """
    soft = blur(level, 0.9 * unit)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (grow(blur(halve(np.asarray(product, np.float32)), 2.0 * unit), level.shape)
                  for product in (across * across, down * down, across * down))  # fmt: skip
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.float32(np.pi / 2)
    to_x, to_y = np.cos(angle) * np.float32(unit), np.sin(angle) * np.float32(unit)
    directed = np.sqrt(np.square(xx - yy) + 4 * xy * xy) / (xx + yy + np.float32(_NO_DIRECTION))
    directed = np.clip(2 * directed - np.float32(0.3), 0, 1)
    x, y = np.meshgrid(*(np.arange(count, dtype=np.float32) for count in level.shape[::-1]))
    drawn, plate = _noise(level.shape, 0.4 * unit), level - blur(level, 1.6 * unit)
    curled = _noise(level.shape, 0.7 * unit)
    for step in _STEPS:
        ways = [(x + np.float32(way) * to_x, y + np.float32(way) * to_y) for way in (step, -step)]
        drawn, plate = (_along(image, ways) for image in (drawn, plate))
    drawn /= np.float32(max(float(drawn.std()), 1e-3))
    plate /= grow(blur(halve(np.abs(plate)), 4 * unit), level.shape) + np.float32(_FAINT)
    own = np.float32(GREYING.plate_strands) * (0.5 + 0.5 * directed) * plate
    made = np.float32(GREYING.made_strands) * (directed * drawn + (1 - directed) * curled)
    return np.asarray(np.tanh(own + made), np.float32)


def _along(image: F32, ways: Sequence[tuple[F32, F32]]) -> F32:
    """The mean of an image and of itself along some ways, each a pair of maps for ``cv2.remap``."""
    moved = [cv2.remap(image, *way, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) for way in ways]
    return np.asarray(np.add.reduce([image, *moved]) / np.float32(len(ways) + 1), np.float32)


@lru_cache(maxsize=8)
def _white(side: int) -> F32:
    """White noise (side, side), the same at each call: it is fixed to the crop, and the crop to the head."""
    return np.random.default_rng(_SEED).standard_normal((side, side)).astype(np.float32)


def _noise(shape: tuple[int, ...], sigma: float) -> F32:
    """Noise of a grain of ``sigma`` pixels and a deviation of 1."""
    noise = blur(_white(max(shape))[: shape[0], : shape[1]], sigma)
    return np.asarray(noise / np.float32(max(float(noise.std()), 1e-3)), np.float32)

"""Hair, brows and beard turn grey strand by strand, locked to the plate's own strands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.older.strands import order_of_strands
from vfxage.ager.relief.older.white_hair import HairLight, white_level, white_tint
from vfxage.ager.relief.skin_view import blur, grow, halve, luma, parts, spread
from vfxage.ager.relief.unmixed import unmixed
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Greying:
    """How hair greys; by eye on dark, brown and fair hair."""

    strands: float = 0.40
    """How much greyer than the mean the earliest strands are, and how much less grey the last, where half is grey."""
    most_turned: float = 0.96
    """Largest share of grey in a strand: a trace of its colour stays."""
    fading: float = 0.6
    """How much of its colour hair loses that has not turned yet, where all around has."""
    own_hue: float = 0.09
    """Share of its own hue that white hair keeps: neutral white beside blond or brown strands looks violet."""
    own_hue_most: float = 0.35
    """Most of that hue, log RGB, that counts."""
    gloss: float = -0.02
    """Log luma above that brightness to which skin between hairs is lifted at most."""
    gloss_inside: float = 0.5
    """How much farther gloss inside the hair is."""
    gloss_dark: tuple[float, float] = (0.35, 0.25)
    """Log luma below the skin's from which hair is so dark that skin between would glow, and the range over which."""
    lift: float = 0.76
    """Share of the way from dark hair to that brightness."""
    most: float = 3.2
    """Largest lift, log units."""
    lock: float = 8.0
    """Sigma within which hair is one lock, canonical pixels."""
    relief: float = 0.36
    """Light and shade within a lock of white hair, log luma: the gloss of dark hair would be ropes of white."""
    relief_most: float = 0.65
    """Light and shade of its brightest and darkest strands, at most."""
    relief_lift: float = 0.7
    """Lift, log units, from which that holds: what is white already keeps its own."""
    single: float = 2.5
    """Radius, canonical pixels, of the thickest dark strand over skin that counts as a single one."""
    sparse: float = 3.0
    """Sigma, canonical pixels, by which hair is found to be sparse."""
    single_kept: float = 0.35
    """Share of its contrast with the skin that such a strand keeps, on average."""
    single_spread: float = 0.4
    """How much more the last strands keep, and how much less the first."""
    sparse_shade: float = 0.15
    """Shade between strands over skin, log luma on average."""
    rim: float = 5.0
    """Canonical pixels from which a border takes the brightness that it may have."""
    rim_strands: float = 0.12
    """Log luma by which its bright strands may be above that."""
    border: tuple[float, float] = (0.15, 0.60)
    """Share of hair nearby between which it begins to turn, and turns as hair elsewhere."""
    thin_dark: tuple[float, float] = (0.25, 0.4)
    """Log luma below the skin's up to which hair may be thin, and the range past which it surely is not."""
    thin_rough: tuple[float, float] = (0.06, 0.03)
    """The same for its contrast of strands, log luma."""
    thin_yellow: tuple[float, float] = (-0.02, 0.04)
    """The same for log of green over blue beyond the skin's: fair hair is no darker than skin either."""
    thin_lift: float = 0.33
    """Share of the lift that thin hair gets: skin shows through."""
    thin_turned: float = 0.75
    """Share of thin hair that turns, on average."""
    thin_spread: float = 0.35
    """How much more of its first hairs turn, and how much less of its last."""
    beard: tuple[float, float] = (0.3, 0.5)
    """Matte of a beard from which whiskers turn, and the range over which all do: its border is bare skin."""
    bare: float = 2.5
    """Sigma, canonical pixels, by which bare skin in a beard is found."""
    beard_most: float = 0.95
    """Largest matte of a beard: skin shows between whiskers."""
    brows_lift: float = 0.85
    """Largest lift of a brow's hair, log units: single bright hairs in a dark brow are dashes, not age."""
    brow_white: tuple[float, float, float] = (0.9, 1.2, 0.9)
    """Order of a brow's hairs above which a hair is white where none has turned, how much lower that is where all have,
    and the softness."""
    brow_whitest: float = 0.58
    """Share of the change that those hairs have: a brow is thinner than a lock."""
    brow_pale: float = 0.42
    """Share of the change that the other hairs of a brow have: they pale."""


GREYING = Greying()
_BEND = 5.0
"""Steepness of the bend above which dark hair is lifted: white hair is hardly."""
_DARKEST = -0.95
"""Share of its light that a pixel loses at most."""
_INSIDE, _OTHERS = 0.97, 10.0
"""Share of hair nearby past which a pixel may lie inside the hair; how far skin or backdrop nearby is against it."""


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
    onsets: tuple[F32, F32, F32] = field(metadata=shaped("S", "S"))
    """Log odds by which hair of the head, beard and brows is greyer than hair in general; see ``onset.py``."""
    shade: tuple[F32, F32] = field(metadata=shaped("S", "S"))
    """Log luma of white hair of the head, and of a beard, beyond that in the mean light on the skin."""
    lit: F32 = field(metadata=shaped("S", "S"))
    """Log luma by which bare skin near a place is brighter than the skin's mean, 0 beyond the face: the light on a
    beard."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Known(ArrayData):
    """What is known of hair of a part of a crop before it is parted from the skin."""

    kinds: tuple[F32, F32, F32] = field(metadata=shaped("h", "w"))
    """Mattes of the head's hair, beard and brows."""
    target: F32 = field(metadata=shaped("h", "w"))
    """Log luma of white hair."""
    lit: F32 = field(metadata=shaped("h", "w"))
    """Log luma by which skin around a beard is in more light than usual."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Hair(ArrayData):
    """Hair of a part of a crop."""

    kinds: tuple[F32, F32, F32] = field(metadata=shaped("h", "w"))
    """Mattes of the head's hair, beard and brows."""
    target: F32 = field(metadata=shaped("h", "w"))
    """Log luma of white hair."""
    share: F32 = field(metadata=shaped("h", "w"))
    """0..1, how much of a pixel is hair."""
    cover: F32 = field(metadata=shaped("h", "w"))
    """The mean of that nearby: between none and all, hair is sparse."""
    inside: F32 = field(metadata=shaped("h", "w"))
    """0..1, where nothing but hair is nearby."""
    log: F32 = field(metadata=shaped("h", "w", 3))
    """Log RGB of the hair alone."""
    level: F32 = field(metadata=shaped("h", "w"))
    """Its luma."""
    lock: F32 = field(metadata=shaped("h", "w"))
    """The mean of that over the lock around."""
    hue: F32 = field(metadata=shaped("h4", "w4", 3))
    """Log RGB beyond luma of that mean."""
    thin: F32 = field(metadata=shaped("h", "w"))
    """0..1, how far skin shows through: shaved hair, stubble."""
    plate: F32 = field(metadata=shaped("h", "w"))
    """Log luma of the plate: of hair and what shows between."""
    single: F32 = field(metadata=shaped("h", "w"))
    """Log luma, at most 0, of single hairs."""
    strand: F32 = field(metadata=shaped("h", "w"))
    """-1..1, which strands turn first."""


def greyed(rgb: F32, places: HairPlaces, light: HairLight, grey: float, unit: float) -> F32:
    """(S, S, 3) change of log RGB for a change ``grey`` (0..1) of the share of grey hair; 0 without hair."""
    change = np.zeros_like(rgb)
    whiskers = _whiskers(places, unit)
    box = _box(np.maximum.reduce([places.mattes.hair, whiskers, places.brows]))
    if grey <= 0 or box is None:
        return change
    plate = np.ascontiguousarray(rgb[box])
    other = np.maximum(places.skin_like[box], 1 - places.mattes.person[box])
    head, beard, brows = (np.ascontiguousarray(kind[box]) for kind in (places.mattes.hair, whiskers, places.brows))
    on_head, on_face, lit = (np.ascontiguousarray(shade[box]) for shade in (*places.shade, places.lit))
    known = _Known(
        kinds=(head, beard, brows),
        target=np.asarray(np.float32(white_level(light)) + on_head * head + on_face * beard, np.float32),
        lit=np.asarray(lit * np.clip(2 * _nearby(beard, unit), 0, 1), np.float32),
    )
    hair = _hair(plate, known, np.asarray(other, np.float32), light, unit)
    onsets = tuple(np.ascontiguousarray(onset[box]) for onset in places.onsets)
    turned = _turned(hair, grey, onsets, (places.streaks[box], unit))
    colour = cast(F32, cv2.exp(hair.log))
    aged = _aged(hair, colour, turned, light, unit)
    aged -= colour
    aged *= spread(hair.share * _settled(hair))
    aged /= plate + np.float32(FLOOR)
    aged = cast(F32, cv2.log(np.maximum(aged, np.float32(_DARKEST)) + np.float32(1)))
    brightest = hair.target + np.float32(GREYING.gloss) + np.float32(GREYING.gloss_inside) * hair.inside
    brightest = np.maximum(brightest - hair.plate, 0)
    glow = np.maximum(luma(aged) - brightest, 0)
    aged += spread(turned * _sparse(hair, unit) - glow)
    change[box] = aged - spread(_rim(luma(aged), hair, unit))
    return change


def _whiskers(places: HairPlaces, unit: float) -> F32:
    """(S, S) the beard without the bare skin in it: grey paint on a smooth cheek shows at once."""
    low, span = GREYING.beard
    bare = grow(blur(halve(places.skin_like), GREYING.bare * unit / 2), places.skin_like.shape)
    found = smoothstep((places.mattes.beard - np.float32(low)) / np.float32(span))
    return np.asarray(np.float32(GREYING.beard_most) * found * (1 - bare), np.float32)


def _hair(plate: F32, known: _Known, other: F32, light: HairLight, unit: float) -> _Hair:
    """The hair of a plate (h, w, 3); ``other`` (h, w), 0..1, is no hair.

    A beard is parted from the skin in even light: in light from a side, all skin in the shade would be beard.
    """
    kinds, lit = known.kinds, spread(cast(F32, cv2.exp(known.lit)))
    mixed = unmixed(plate / lit, np.maximum.reduce(kinds), other, unit)
    log = cast(F32, cv2.log(mixed.colour * lit + np.float32(FLOOR)))
    level, seen = luma(log), luma(cast(F32, cv2.log(plate + np.float32(FLOOR))))
    single = _single(seen, unit)
    mean = _mean_of_locks(log, mixed.share, unit)
    lock = cast(F32, cv2.resize(luma(mean), level.shape[::-1]))
    thin = _thin(level, np.float32(light.level) + known.lit - lock, _yellow(log, light, unit) * (1 - kinds[1]), unit)
    strand = order_of_strands(level + single * (mixed.share < 1), thin, unit, light.softness)
    cover = _nearby(mixed.share, unit)
    dark = np.clip((np.float32(light.level - GREYING.gloss_dark[0]) - lock) / np.float32(GREYING.gloss_dark[1]), 0, 1)
    others = dark * np.clip(_OTHERS * _nearby(other, unit), 0, 1)
    inside = np.maximum(1 - dark, np.clip((cover - np.float32(_INSIDE)) / np.float32(1 - _INSIDE), 0, 1)) * (1 - others)
    return _Hair(
        kinds=kinds, target=known.target, share=mixed.share, cover=cover, inside=inside, log=log, level=level,
        lock=lock, hue=np.asarray(mean - spread(luma(mean)), np.float32), thin=thin, plate=seen, single=single,
        strand=strand,
    )  # fmt: skip


def _settled(hair: _Hair) -> F32:
    """(h, w) 0..1: how far hair of the head turns where it ends in skin.

    Between its last hairs there is more skin than a matte can tell, and a veil of grey paint over it shows at once.
    """
    low, high = GREYING.border
    among = smoothstep((hair.cover - np.float32(low)) / np.float32(high - low))
    others = np.minimum(np.maximum(hair.kinds[1], hair.kinds[2]), 1)
    return np.asarray(among + (1 - among) * others, np.float32)


def _rim(lifted: F32, hair: _Hair, unit: float) -> F32:
    """(h, w) log luma, at least 0, by which hair at its border is too bright after a change ``lifted``.

    There it is brighter than the plate, and than the hair further in. Such a rim looks drawn.
    """
    shown = hair.plate + lifted
    inner = halve(hair.share * smoothstep((hair.cover - np.float32(0.6)) / np.float32(0.3)))
    weight = blur(inner, GREYING.rim * unit / 2)
    within = grow(blur(inner * halve(shown), GREYING.rim * unit / 2) / (weight + np.float32(1e-3)), shown.shape)
    known = grow(np.clip(8 * weight, 0, 1), shown.shape)
    bright = np.maximum(within + np.float32(GREYING.rim_strands), hair.plate)
    return np.asarray(known * np.maximum(shown - bright, 0) * (1 - _inner(hair)), np.float32)


def _inner(hair: _Hair) -> F32:
    """(h, w) 0..1: where hair is not at its border."""
    return smoothstep((hair.cover - np.float32(0.75)) / np.float32(0.2))


def _thin(level: F32, darker: F32, yellow: F32, unit: float) -> F32:
    """(h, w) 0..1: thin hair is hardly darker than the skin, by log luma ``darker``, smooth, and no more ``yellow``."""
    fine = halve(np.abs(level - blur(level, 1.6 * unit)))
    smooth = grow(blur(fine, 4 * unit), level.shape)
    dark, rough = (
        np.clip((image - np.float32(low)) / np.float32(span), 0, 1)
        for image, (low, span) in ((darker, GREYING.thin_dark), (smooth, GREYING.thin_rough))
    )
    return np.asarray((1 - dark) * (1 - rough) * (1 - yellow), np.float32)


def _yellow(log: F32, light: HairLight, unit: float) -> F32:
    """(h, w) 0..1, how far hair is fair rather than thin: more yellow than the skin."""
    _, green, blue = parts(halve(halve(log)))
    skin, (low, span) = float(light.tint[2] - light.tint[1]), GREYING.thin_yellow
    more = np.float32(skin - low) - blur(np.asarray(blue - green, np.float32), 2 * unit)
    return grow(np.asarray(np.clip(more / np.float32(span), 0, 1), np.float32), log.shape)


def _single(level: F32, unit: float) -> F32:
    """(h, w) log luma, at most 0: what is dark and thinner than ``GREYING.single``, single hairs over skin."""
    side = 2 * round(GREYING.single * unit) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(level - cv2.morphologyEx(level, cv2.MORPH_CLOSE, disc), np.float32)


def _sparse(hair: _Hair, unit: float) -> F32:
    """(h, w) change of log luma, at most 0, of grey hair over skin.

    As bright as that skin, it would be a smooth veil: some single hairs stay dark, and there is shade between them.
    """
    cover, mixed = hair.cover, _nearby(np.asarray(4 * hair.share * (1 - hair.share), np.float32), unit)
    late = np.clip(GREYING.single_kept - GREYING.single_spread * hair.strand, 0, 1)
    single = np.maximum(4 * cover * (1 - cover), hair.thin * hair.share) * late * hair.single
    shade = np.maximum(mixed, hair.thin) * hair.share * (1 - hair.strand)
    return np.asarray(single - np.float32(GREYING.sparse_shade) * shade, np.float32)


def _nearby(image: F32, unit: float) -> F32:
    """(h, w) the mean of an image where hair may be sparse."""
    return grow(blur(halve(image), GREYING.sparse * unit / 2), image.shape)


def _turned(hair: _Hair, grey: float, onsets: Sequence[F32], brow: tuple[F32, float]) -> F32:
    """(h, w) 0..1: how grey hair has turned, wherever there is any; ``brow`` is the streaks of brows, and the unit."""
    streaks, unit = brow
    odds = np.float32(grey / max(1 - grey, 1e-3))
    head, beard, brows = (share / (1 + share) for share in (odds * cv2.exp(onset) for onset in onsets))
    head, beard = (
        np.clip(mean + np.float32(4 * GREYING.strands) * mean * (1 - mean) * hair.strand, 0, GREYING.most_turned)
        for mean in (head, beard)
    )
    first, lower, soft = (np.float32(value) for value in GREYING.brow_white)
    white = smoothstep((streaks + np.float32(0.5) * hair.strand - first + lower * brows) / soft)
    brows = np.float32(GREYING.brow_pale) * brows + np.float32(GREYING.brow_whitest) * np.minimum(2 * brows, 1) * white
    weights = [grow(blur(halve(kind), 1.5 * unit), kind.shape) + np.float32(1e-4) for kind in hair.kinds]
    total = np.add.reduce([w * t for w, t in zip(weights, (head, beard, brows), strict=True)])
    turned = total / np.add.reduce(weights)
    stubble = np.float32(GREYING.thin_turned) + np.float32(GREYING.thin_spread) * hair.strand
    return np.asarray(turned * (1 - hair.thin * (1 - stubble)), np.float32)


def _aged(hair: _Hair, colour: F32, turned: F32, light: HairLight, unit: float) -> F32:
    """(h, w, 3) the colour of hair that has turned as far as ``turned`` (h, w) says, ``FLOOR`` added.

    A pixel holds many hairs, white and dark ones, so their colours are mixed as light is.
    """
    lift = (
        np.float32(GREYING.most / GREYING.lift)
        * np.tanh(np.float32(GREYING.lift / GREYING.most) * _above_nothing(hair.target - hair.lock))
        * np.float32(GREYING.lift)
    )
    brow = hair.kinds[2] * (1 - np.maximum(hair.kinds[0], hair.kinds[1]))
    lift = np.minimum(lift, GREYING.most - brow * np.float32(GREYING.most - GREYING.brows_lift))
    lift *= 1 - np.float32(1 - GREYING.thin_lift) * hair.thin
    relief = hair.level - hair.lock
    usual = blur(halve(halve(np.square(relief))), GREYING.lock * unit / 4)
    kept = np.float32(GREYING.relief) / np.sqrt(np.float32(GREYING.relief**2) + usual)
    less = (1 - brow) * np.clip(lift / np.float32(GREYING.relief_lift), 0, 1)
    kept = 1 - less * (1 - cv2.resize(kept, relief.shape[::-1]))
    most = np.float32(GREYING.relief_most) + brow
    relief = most * np.tanh(kept * relief / most)
    white = cast(F32, cv2.exp(hair.lock + lift + relief))
    own = cast(F32, cv2.exp(hair.level))
    faded = np.float32(GREYING.fading) * turned * (1 - hair.kinds[1])
    grey = turned * white + (1 - turned) * faded * own
    rest = (1 - turned) * (1 - faded)
    own_hue = np.clip(hair.hue, -GREYING.own_hue_most, GREYING.own_hue_most)
    tint = cv2.exp(white_tint(light) + np.float32(GREYING.own_hue) * own_hue)
    tints = parts(cast(F32, cv2.resize(tint, relief.shape[::-1])))
    return cast(F32, cv2.merge([rest * part + grey * own for part, own in zip(parts(colour), tints, strict=True)]))


def _above_nothing(image: F32) -> F32:
    """The image where it is above 0, else 0, with a soft bend between."""
    steep = np.float32(_BEND) * image
    bend = cv2.log(cv2.exp(-np.abs(steep)) + np.float32(1))
    return np.asarray((np.maximum(steep, 0) + bend) / np.float32(_BEND), np.float32)


def _mean_of_locks(log: F32, share: F32, unit: float) -> F32:
    """(h / 4, w / 4, 3) the mean log RGB of the lock of hair around.

    ``share`` (h, w) is how much of a pixel is hair.
    """
    weight = np.float32(1e-3) + halve(halve(share))
    sigma = GREYING.lock * unit / 4
    total = blur(np.asarray(halve(halve(log)) * spread(weight), np.float32), sigma)
    return np.asarray(total / spread(blur(np.asarray(weight, np.float32), sigma)), np.float32)


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

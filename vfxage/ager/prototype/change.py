"""What age does to skin, in log RGB: old skin laid on, own lines deepened or lifted, tone, lips, hair, eyes.

Everything is a smooth function of both ages and exactly 0 where they are equal; everything is locked to the mesh or to
the face's own detail. After Burt and Perrett 1995 and Tiddeman, Burt and Perrett 2001, with a regression on age in the
place of group averages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.prototype.data import Prototype, age_columns
from vfxage.ager.prototype.mesh import CANON, Chart
from vfxage.ager.prototype.sight import Sight, beyond_luma, blur, grow, halve, luma, parts, spread, strongest
from vfxage.arrays import ArrayData, shaped
from vfxage.colour.curves import LUMA_709
from vfxage.types import F32

_SHINE = np.array([-0.03, 0.0, 0.05], np.float32)
"""R, G and B of a highlight on skin, beyond 1: less saturated than the skin."""
_CREASE = np.array([-0.16, 0.04, 0.14], np.float32)
"""R, G and B of a crease, beyond 1: redder than the skin, whose light falls into it."""
_FLAT = 20.0
"""Canonical pixels past which detail does nothing."""
_BURN = np.float32(0.11)
"""Skin is brightened by less than this, in log units: beyond it, highlights burn."""
_DEEP = np.float32(0.38)
"""Nor is it darkened by more: beyond it, creases look drawn."""
_STILL_SHARP = 0.3
"""Pixels: a blur of less is none on their grid."""
_DULL = np.array([-0.008, -0.010, -0.020], np.float32)
"""Tone of 35 to 70 years, in log RGB: a prior, since photographs of different years differ by more."""
_SCLERA = np.array([-0.05, -0.07, -0.12], np.float32)


def wear(age: float) -> float:
    """How worn skin is at an age: slow before the late thirties, steady after; 1 from 35 to 70."""
    return (0.5 * age + 0.5 * 8 * math.log1p(math.exp((age - 38) / 8))) / 35


def greyness(age: float) -> float:
    """Share of hair that has greyed at an age, 0..1."""
    return 1 / (1 + math.exp(-(age - 58) / 7))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Years(ArrayData):
    """The change of age asked for, in the measures that the change of skin is a function of."""

    worn: float
    """Change of ``wear``: positive when older."""
    columns: F32 = field(metadata=shaped(2))
    """(2,) change of ``age_columns``."""
    grey: float
    """Change of ``greyness``."""

    @staticmethod
    def between(source: float, target: float) -> Years:
        """From ``source`` to ``target`` years; ages are held within 10 and 100."""
        a, b = (min(max(age, 10.0), 100.0) for age in (source, target))
        return Years(worn=wear(b) - wear(a), columns=age_columns(b) - age_columns(a), grey=greyness(b) - greyness(a))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OldSkin(ArrayData):
    """One identity's choice of detail on the canonical square."""

    detail: F32 = field(metadata=shaped(CANON, CANON, 2))
    """(CANON, CANON, 2) log luma: fine, middle."""
    chroma: F32 = field(metadata=shaped(CANON // 2, CANON // 2, 2))
    """(CANON / 2, CANON / 2, 2) log R and log B beyond luma."""


def change(sight: Sight, chart: Chart, prototype: Prototype, skin: OldSkin, years: Years, smile: float) -> F32:
    """The change of log RGB (h, w, 3) over the chart's window. ``smile`` is 0..1."""
    broad = _tone(sight, chart, prototype, years) + _features(sight, years)
    shade = (
        chart.take_half(_mixed(prototype.shade, years)) * sight.masks["soft"] * (0.3 + 0.7 * sight.bare) * sight.seen
    )
    if years.worn > 0:
        broad += spread(np.clip(2.0 * shade, -0.2, 0.045))
        broad += _blotches(sight, chart, skin, years)
        detail = _older(sight, chart, prototype, skin, years, smile)
    else:
        broad += spread(np.clip(1.5 * shade, -0.12, 0.2))
        broad -= _evened(sight, years)
        detail = _younger(sight, chart, prototype, years)
    detail = _flattened(detail, sight)
    rise, fall = _BURN * np.tanh(np.maximum(detail, 0) / _BURN), _DEEP * np.tanh(np.minimum(detail, 0) / _DEEP)
    shine, crease = (1 + sight.saturation * colour for colour in (_SHINE, _CREASE))
    tones = zip(parts(broad), shine, crease, strict=True)
    return cast(F32, cv2.merge([grow(part, detail.shape) + rise * up + fall * down for part, up, down in tones]))


def _mixed(columns: F32, years: Years) -> F32:
    """Change of the two columns into one map."""
    return np.asarray(columns[0] * years.columns[0] + columns[1] * years.columns[1], np.float32)


def _laid_on(years: Years) -> float:
    """How much of the old skin is laid on: 2 for 35 to 70 years, slower beyond."""
    return 5.4 * (1 - math.exp(-0.5 * years.worn))


def _flattened(detail: F32, sight: Sight) -> F32:
    """Detail without what it does to the face as a whole: creases are darker than ridges are bright, faces are not."""
    quarter = halve(halve(detail))
    broad = blur(quarter, _FLAT * sight.unit / 4) * grow(sight.masks["texture"] * sight.seen, quarter.shape)
    return np.asarray(detail - np.float32(0.8) * grow(broad, detail.shape), np.float32)


def _soft(detail: F32, depth: float) -> F32:
    """Detail of less than ``depth`` as it is; stronger detail (moles, edges of features) fades to nothing."""
    return np.asarray(detail / (1 + np.square(detail / np.float32(depth))), np.float32)


def _older(sight: Sight, chart: Chart, prototype: Prototype, skin: OldSkin, years: Years, smile: float) -> F32:
    """Change of log luma: old skin by region, and the face's own lines made deeper."""
    texture = sight.masks["texture"] * sight.bare
    gain = chart.take_half(_mixed(prototype.gain, years))
    own = np.clip(0.6 * gain + 0.45 * years.worn, 0, 1.0) * _soft(sight.bands[0], 0.16)
    own *= creases_only(own, sight.smooth)
    own += min(0.55 * years.worn, 0.9) * _soft(sight.bands[1], 0.2)
    own = (texture + sight.beyond) * np.where(own < 0, 1.25 * own, 0.55 * own)
    # Donors smile; the folds of a smile belong on faces that do.
    cheeks = sight.masks["cheek_left"] + sight.masks["cheek_right"]
    eyes = sight.masks["eye_left"] + sight.masks["eye_right"]
    folds = texture * (1 - 0.2 * cheeks - (1 - smile) * (0.48 * cheeks + 0.30 * eyes))
    amount = _laid_on(years) * _contrast(sight, texture)
    laid = chart.take(skin.detail)
    if sight.softness > _STILL_SHARP:  # new lines are no sharper than the plate
        laid = cast(F32, cv2.GaussianBlur(laid, (0, 0), sight.softness))
    shape = sight.fine.shape
    fine = np.float32(min(0.25 * years.worn, 0.5)) * _soft(sight.fine, 0.1) + np.float32(amount) * laid[..., 0]
    fine *= grow(texture + sight.beyond, shape)
    fine += grow(own, shape)
    fine += grow((folds + sight.beyond) * np.float32(amount), shape) * laid[..., 1]
    return np.asarray(fine, np.float32)


def _contrast(sight: Sight, texture: F32) -> float:
    """What creases need: more on dark skin, where they show less; less where high-key light would fill them."""
    total = float(texture.sum())
    level = float((luma(sight.light) * texture).sum()) / total if total > 1 else -0.6
    dark, high = (min(max(share, 0.0), 1.0) for share in ((-0.95 - level) / 0.7, (level + 0.5) / 0.25))
    return 1 + 0.6 * dark - 0.35 * high


def creases_only(band: F32, source: F32) -> F32:
    """1, falling to 0.2 where a dark detail is as short as it is wide: age deepens lines, not moles.

    By the curvatures of the smoothed picture (the eigenvalues of its Hessian): a line is curved one way only.
    """
    xx, yy, xy = (cv2.Sobel(source, cv2.CV_32F, *order, ksize=5) for order in ((2, 0), (0, 2), (1, 1)))
    mean, split = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
    spot = np.maximum(mean - split, 0) / (np.abs(mean) + split + np.float32(1e-6))
    return np.asarray(1 - np.float32(0.8) * np.sqrt(spot) * (band < 0), np.float32)


def _younger(sight: Sight, chart: Chart, prototype: Prototype, years: Years) -> F32:
    """Change of log luma: what is darker (or, less, brighter) than a young face is lifted; pores stay."""
    amount = np.float32(1 - math.exp(2.8 * years.worn))
    texture = sight.masks["texture"] * sight.bare + sight.beyond
    features = chart.take_half(prototype.young)
    lifted = np.zeros_like(texture)
    for k, (dark, bright, depth) in enumerate(((1.0, 0.75, 0.40), (1.0, 0.75, 0.55), (1.0, 0.5, 0.60))):
        lifted -= _shallow(sight.bands[k] - features[..., k], dark, bright, depth)
    lines, pores = (grow(part, sight.fine.shape) for part in (texture * lifted, texture))
    return np.asarray(amount * (lines - pores * _shallow(sight.fine, 0.78, 0.5, 0.14)), np.float32)


def _shallow(band: F32, dark: float, bright: float, depth: float) -> F32:
    """Shares of a band's dark and bright sides, without what is deeper than ``depth``: features, moles, hairs."""
    kept = cv2.exp(-np.square(band / np.float32(depth)))
    return np.asarray(np.where(band < 0, np.float32(dark), np.float32(bright)) * band * kept, np.float32)


def _tone(sight: Sight, chart: Chart, prototype: Prototype, years: Years) -> F32:
    """Change of log RGB, broad: hollows and fullness, a little of the regressed colour, duller skin."""
    texture = sight.masks["texture"] * sight.bare
    tone = chart.take_half(_mixed(prototype.tone, years))
    mean = np.array(cv2.sumElems(tone * spread(texture))[:3]) / (float(texture.sum()) + 1e-3)
    tone -= spread(np.ones_like(texture), mean)
    level, colour = np.clip(luma(tone), -0.2, 0.2), np.clip(beyond_luma(tone), -0.06, 0.06)
    soft = sight.masks["soft"] * (0.3 + 0.7 * sight.bare) * sight.seen
    dull = spread(soft + sight.beyond, _tinted(_DULL, sight) * np.float32(min(max(years.worn, -1.0), 1.5)))
    colour *= spread(soft * np.float32(0.12 * sight.saturation))
    return np.asarray(spread(0.35 * soft * level) + colour + dull, np.float32)


def _tinted(change: F32, sight: Sight) -> F32:
    """(3,) a change of log RGB, with as much of its colour as the plate's skin has."""
    level = change @ LUMA_709
    return np.asarray(level + sight.saturation * (change - level), np.float32)


def _blotches(sight: Sight, chart: Chart, skin: OldSkin, years: Years) -> F32:
    """A fifth of old skin's own colour: all of it looks dirty."""
    without_luma = np.array([[1, 0], [-LUMA_709[0] / LUMA_709[1], -LUMA_709[2] / LUMA_709[1]], [0, 1]], np.float32)
    colour = cv2.transform(chart.take_half(skin.chroma), without_luma)
    texture = sight.masks["texture"] * sight.bare
    return np.asarray(colour * spread(texture * np.float32(0.2 * sight.saturation * _laid_on(years))))


def _evened(sight: Sight, years: Years) -> F32:
    """The face's own blotches, of which youth has fewer."""
    texture = sight.masks["texture"] * sight.bare
    amount = np.float32(0.55 * (1 - math.exp(1.5 * years.worn)))
    return np.asarray(spread(texture * amount) * np.clip(sight.tint, -0.12, 0.12), np.float32)


def _features(sight: Sight, years: Years) -> F32:
    """Change of log RGB of lips (paler, duller), brows and beard (greyer), sclera (duller, yellower)."""
    masks, colour, light = sight.masks, sight.colour, sight.light
    tint = beyond_luma(colour)
    lips = masks["lips"] * sight.seen
    paler, darker = min(max(0.3 * years.worn, -0.35), 0.4), min(max(-0.03 * years.worn, -0.05), 0.05)
    answer = spread(np.float32(paler) * lips) * (beyond_luma(light) - tint) + spread(np.float32(darker) * lips)
    beard = (masks["cheek_left"] + masks["cheek_right"] + masks["mouth"]) * masks["soft"]  # which leaves out the lips
    hair = np.clip((-sight.darker - 0.25) / 0.5, 0, 1) * sight.seen
    if years.grey > 0:
        hair *= (0.9 * masks["brows"] + 0.8 * beard * (1 - sight.bare)) * np.float32(years.grey)
    else:
        hair *= masks["brows"] * np.float32(0.5 * max(years.grey, -0.6))
    answer += spread(hair) * (0.45 * np.maximum(light - colour, 0) - 0.8 * tint)
    white = np.clip((sight.darker + 0.35) / 0.35, 0, 1) * masks["eyes"]
    white *= cv2.exp(-np.square(strongest(tint) / 0.3))
    answer += spread(white * np.float32(min(max(years.worn, -0.7), 1.2)), _tinted(_SCLERA, sight))
    return np.asarray(answer, np.float32)

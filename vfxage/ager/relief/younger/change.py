"""A face made younger: the change of its skin's log RGB, and how the skin moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mesh import CANON, Chart
from vfxage.ager.relief.neck import Beyond
from vfxage.ager.relief.skin_view import SkinView, beyond_luma, blur, grow, halve, luma, spread
from vfxage.ager.relief.working import Box
from vfxage.ager.relief.younger.colour import coloured
from vfxage.ager.relief.younger.fine_lines import FineBand, fine_band
from vfxage.ager.relief.younger.ground import Ground, OnSkin, ground_of, wider
from vfxage.ager.relief.younger.healing import healed
from vfxage.ager.relief.younger.lifting import held_still, lift_field, lifted
from vfxage.ager.relief.younger.neck import faded_neck
from vfxage.ager.relief.younger.pores import matched, pore_sheet
from vfxage.ager.relief.younger.settings import Closing, Settings
from vfxage.ager.relief.younger.valleys import Filling, filled, softened, without_crests
from vfxage.ager.relief.younger.zones import Zones
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

FLOOR = np.float32(0.012)
"""Added to sRGB before the logarithm. Shading multiplies light; a larger floor would turn dark skin grey as it is
lifted."""
_IRONED = 0.02
"""Change of fine detail, log luma, from which skin counts as ironed."""
_STAIN = 2.5
"""Sigma, canonical pixels, of the skin beside a line whose colour the line takes."""
_NARROW = 0.05
"""Filling of a narrow valley, log luma, from which it surely is a line."""
_LINED = (0.42, 0.65)
"""Share of the finest band that is lines from which skin is lined, and wholly so; among pores it is below 0.3."""
_LINED_LEAST = 0.004
"""Log luma that is grain and counts as no line."""
_LINED_REACH = 4.0
"""Sigma over which that is looked at, canonical pixels."""
_FILLED = 0.10
"""The same for the filling of valleys."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class YoungFace(ArrayData):
    """What is known of the mean young face, made once."""

    mean: F32 = field(metadata=shaped(478, 2))
    """Landmarks, canonical pixels."""
    bands: F32 = field(metadata=shaped(CANON // 2, CANON // 2, 3))
    """The three broadest bands of its log luma: features, which are no age."""
    lift: F32 = field(metadata=shaped(CANON // 2, CANON // 2, 4))
    """Movement of skin and lids, canonical pixels, from ``lift_field``."""
    light: F32 = field(metadata=shaped(CANON // 2, CANON // 2))
    """Log luma that faces lose on average over a unit of wear, 0 where they gain: folds and hollows."""
    pores: F32 = field(metadata=shaped(CANON, CANON))
    """Texture of skin."""
    zones: Zones

    @staticmethod
    def of(mean: F32, bands: F32, light: F32) -> YoungFace:
        """Draw everything else on the mean face."""
        return YoungFace(
            mean=mean, bands=bands, lift=lift_field(mean), light=light, pores=pore_sheet(), zones=Zones(mean)
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class YoungCrop(ArrayData):
    """What the younger step reads of one crop."""

    rgb: F32 = field(metadata=shaped("h", "w", 3))
    """Display-referred sRGB over the chart's window."""
    points: F32 = field(metadata=shaped(478, 2))
    """Landmarks, crop pixels."""
    chart: Chart
    seen_skin: SkinView
    on_skin: OnSkin
    smile: float
    """0..1."""
    softness: float
    """The plate's blur (sigma) over the shot, canonical pixels."""
    beyond: Beyond
    neck: float = 1.0
    """The artist's strength on neck and ears, against that of the face.

    They change at most as far as by the largest change of age.
    """


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class YoungChange(ArrayData):
    """How a crop's skin changes."""

    log: F32 = field(metadata=shaped("h", "w", 3))
    """Change of log RGB (of sRGB + floor), over the chart's window."""
    healed: F32 = field(metadata=shaped("h", "w"))
    """0..1, how far skin of the neighbourhood stands in the place of the plate's."""
    lines: F32 = field(metadata=shaped("h", "w"))
    """0..1, how far lines are filled or ironed here."""
    flow: F32 = field(metadata=shaped("h2", "w2", 2))
    """Movement of the skin, crop pixels on the half grid."""


def strength(wear_change: float, settings: Settings) -> float:
    """Strength of a change of wear (negative when younger): 0 at none, smooth, about 1 at 30 years."""
    return settings.progress.reach * math.tanh(settings.progress.pace * max(-wear_change, 0.0))


def younger(crop: YoungCrop, face: YoungFace, wear_change: float, settings: Settings) -> YoungChange:
    """Work out the change for a change of wear ``wear_change``, negative; exactly 0 where that is 0."""
    seen_skin, chart = crop.seen_skin, crop.chart
    amount = strength(wear_change, settings)
    most, whole = np.float32(min(amount, 1.0)), max(amount, 1.0)
    zone = face.zones.on(chart)
    ground = ground_of(seen_skin, zone, crop.on_skin, settings.softening.gloss, crop.smile)
    filling, fill = _filled(crop, face, ground, settings)
    plate = cast(F32, cv2.log(crop.rgb + FLOOR))
    log_luma = luma(plate)
    band = fine_band(log_luma, ground.skin, seen_skin.unit, settings.fine_lines)
    folds = np.clip(np.abs(fill) / np.float32(_FILLED), 0, 1)
    lined = np.float32(settings.fine_lines.lined) * _lined(band, ground)
    thin = _ironed(ground, seen_skin, band, (folds, lined), settings)
    lines = np.maximum(np.clip(filling.narrow / np.float32(_NARROW), 0, 1), lined) * ground.skin
    lines = grow(np.asarray(lines, np.float32), log_luma.shape)
    hue = coloured(ground, seen_skin, (fill, filling.deep, whole), settings.colour) * spread(ground.eased)
    crease = np.float32(seen_skin.saturation) * (np.array(settings.colour.crease, np.float32) - 1) + np.float32(1)
    shade = np.asarray(ground.skin * _at(ground, fill, filling.narrow, (whole, settings.closing)), np.float32)
    folds_of_neck, lines_of_neck = faded_neck(seen_skin, crop.beyond)
    shade = shade + crop.beyond.neck * (folds_of_neck - shade)
    thin = thin - lines_of_neck * (1 - grow(ground.skin, thin.shape))
    change = grow(hue + spread(shade, crease), log_luma.shape) - spread(thin)
    change -= spread(lines) * _stain(plate + change, seen_skin)
    heal = healed(plate + change, band.sure, ground, fill, settings.healing)
    ironed = np.clip(blur(halve(most * np.abs(thin)), 2 * ground.pixel) / np.float32(_IRONED), 0, 1)
    touched = np.maximum.reduce([most * folds, ironed, most * halve(heal.where)])
    left = (band.whole - most * thin) * (1 - most * heal.where)
    texture = matched(ground, left, touched, _pores(chart, face, ground.skin), settings.pores)
    log = most * (change + heal.log) + spread(texture)
    if crop.neck != 1:
        furthest = max(settings.progress.reach / max(amount, 1e-6), 1.0)
        log = log * spread(grow(crop.beyond.factor(min(crop.neck, furthest)), log_luma.shape))
    flow = lifted(crop.points, face.mean, face.lift, chart, settings.lifting.gain * max(-wear_change, 0.0))
    still = np.maximum.reduce([crop.on_skin.hair, crop.on_skin.glasses, zone["mouth"]])
    flow = held_still(flow, still, ground.pixel, settings.lifting.smoothing, settings.lifting.on_skin)
    if crop.neck < 1:
        flow = np.asarray(flow * crop.beyond.factor(crop.neck)[..., None], np.float32)
    return YoungChange(log=np.asarray(log, np.float32), healed=most * heal.where, lines=most * lines, flow=flow)


def _filled(crop: YoungCrop, face: YoungFace, ground: Ground, settings: Settings) -> tuple[Filling, F32]:
    """The filling of valleys, and with it all the change of log luma (h2, w2), at full strength."""
    filling = filled(ground, crop.seen_skin.darker, crop.softness, settings.closing)
    fill = softened(ground, filling, crop.chart.take_half(face.bands), settings.softening)
    common = crop.chart.take_half(face.light) * (0.3 + 0.7 * crop.seen_skin.bare) * (0.2 + 0.8 * ground.apart)
    common *= np.float32(settings.closing.common) * (1 - filling.deep)
    fill = fill + np.minimum(common, np.float32(settings.closing.common_most))
    kept = np.float32(settings.closing.smile_left) * ground.smile * wider(ground.zone["smile"]) * (1 - filling.deep)
    filled_here = np.maximum(fill, 0)
    fill = fill - np.minimum(kept * ground.blurred(filled_here, settings.closing.smile_soft), filled_here)
    fill = without_crests(ground, np.asarray(fill, np.float32), settings.closing)
    return filling, np.asarray(filling.narrow + (fill - filling.narrow) * ground.eased, np.float32)


def _at(ground: Ground, fill: F32, narrow: F32, strong: tuple[float, Closing]) -> F32:
    """The change of log luma at a strength of 1 and more (``strong``). Past 1 only broad shade is lifted further.

    More filling would turn lines (``narrow``) into ridges, and more darkening would paint shade. What is lifted further
    has no edges of its own: those would be lines beside the folds that are already filled.
    """
    amount, closing = strong
    further = ground.blurred(np.maximum(fill - narrow, 0), closing.further) * np.float32(amount - 1)
    return np.asarray(fill + further, np.float32)


def _pores(chart: Chart, face: YoungFace, skin: F32) -> F32:
    """(h, w) the texture of skin on this face; 0 outside the box of ``skin`` (h2, w2), as it is not seen there."""
    texture = np.zeros(chart.at.shape[:2], np.float32)
    box = Box.around(skin, margin=4)
    if box is not None:
        texture[box.full] = chart.take_part(face.pores, box.full)
    return texture


def _stain(filled: F32, seen_skin: SkinView) -> F32:
    """(h, w, 3) the colour that lines still have in ``filled`` (h, w, 3), log RGB, against the skin beside them.

    A crease is redder than skin, and the hue of folds is worked out on the half grid: it stays as an orange hairline.
    """
    beside = grow(blur(halve(filled), _STAIN * seen_skin.unit / 2), filled.shape)
    return beyond_luma(np.asarray(filled - beside, np.float32))


def _lined(band: FineBand, ground: Ground) -> F32:
    """(h2, w2) 0..1, where the finest band is lines for the most part, so that what is left of them still shows."""
    lines, whole = (np.sqrt(ground.blurred(halve(np.square(part)), _LINED_REACH)) for part in (band.lines, band.whole))
    low, high = _LINED
    share = lines / (whole + np.float32(_LINED_LEAST))
    return np.asarray(np.clip((share - np.float32(low)) / np.float32(high - low), 0, 1), np.float32)


def _ironed(ground: Ground, seen_skin: SkinView, band: FineBand, where: tuple[F32, F32], settings: Settings) -> F32:
    """What goes of the fine detail at full strength, (h, w); ``where`` (h2, w2), 0..1, says where folds are filled, and
    how much goes of what is left.
    """
    (folds, lined), fine = where, settings.fine_lines
    rest = seen_skin.fine - band.lines
    more = np.maximum(np.float32(fine.under_eye) * ground.zone["under"], np.float32(fine.filled) * folds)
    rough = np.float32(fine.rough) + grow(np.asarray(more, np.float32), rest.shape)
    rough = np.minimum(np.float32(fine.texture) * rough, 1)
    gone = np.float32(fine.dark) * np.minimum(band.lines, 0) + np.float32(fine.bright) * np.maximum(band.lines, 0)
    gone += rough * rest
    gone += grow(lined, rest.shape) * (band.whole - gone)
    gone *= cv2.exp(-np.square(seen_skin.fine / np.float32(fine.feature)))
    skin = ground.skin * np.clip(1.5 * seen_skin.bare + ground.zone["orbit"] + folds, 0, 1)
    return np.asarray(gone * grow(np.asarray(skin, np.float32), gone.shape), np.float32)

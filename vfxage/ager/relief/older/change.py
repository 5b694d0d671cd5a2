"""The change of the skin's log RGB that makes a face older: relief, own lines, gloss, pigment, lips and eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.mesh import Chart
from vfxage.ager.relief.neck import LOW, Beyond
from vfxage.ager.relief.older.beyond import LitNeck, neck_and_ears
from vfxage.ager.relief.older.canvas import smoothstep
from vfxage.ager.relief.older.expression import COUNT as EXPRESSIONS
from vfxage.ager.relief.older.expression import expression_gain, expression_of
from vfxage.ager.relief.older.eyes import old_eyes
from vfxage.ager.relief.older.growth import GROWTH, progress, weights
from vfxage.ager.relief.older.light import Pose, Shading, base_light, shaded, steered
from vfxage.ager.relief.older.sculpture import RelativeWeights, Sculpture
from vfxage.ager.relief.older.skin import OLD_SKIN, broad_shade, dull, folded, own_lines, pale_lips
from vfxage.ager.relief.older.white_hair import HairLight
from vfxage.ager.relief.skin_view import SkinView, blur, grow, morphed, parts, spread
from vfxage.ager.relief.working import Box
from vfxage.arrays import ArrayData, shaped
from vfxage.face.look import Look
from vfxage.types import F32, F64, Study

_NAME = "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How strongly the relief shows, by eye."""

    broad: float = 3.2
    broad_shading: Shading = field(default=Shading(slope=0.9, cavity=1.1))
    fine: float = 2.6
    fine_shading: Shading = field(default=Shading(slope=0.55, cavity=0.9))
    bright: float = 0.30
    """Share of the bright sides of broad folds; dark skin shows more of it."""
    bright_dark: float = 0.35
    folded: float = 0.75
    """Share of a fold that is left out beside a fold of the face's own, which deepens instead: two are one too many."""
    lost_mean: float = 0.45
    """Share of the mean change of brightness that is taken back: age is no exposure."""
    brightest: float = 0.10
    """Log luma that skin is brightened by at most: beyond it, highlights burn."""
    deepest: float = 0.44
    """Log luma that skin is darkened by at most: beyond it, creases look drawn."""
    deepest_gentle: float = -0.12
    deepest_dark: float = 0.06
    crease: tuple[float, float, float] = (0.58, 1.08, 1.38)
    """R, G and B of shade in shares of its luma: light that comes out of a fold is red. As the darkest marks of old
    people's skin have it on 192 portraits, in every part of the face and at every width."""
    deepest_broad: float = 0.26
    """The same for broad shade: a cheek that turns darker than this looks stained."""
    shade_tint: float = 0.15
    """Share of the broad shade that keeps the skin's own hue: little, or cheeks look sooty."""
    pigment: float = 1.5
    dim: float = 1.7
    """Severity added where skin is dim on the plate, brown or in little light: it shows the same relief less."""
    dim_from: float = -0.5
    """Log luma of skin below which that begins, between light and brown skin in a studio, and how far below it ends."""
    dim_over: float = 0.7
    soft_plates: float = 0.20
    """Severity added for each canonical pixel of blur: where lines drown, folds must tell."""


DEPTH = Depth()
_BY_JAW = 8.0
"""Canonical pixels between the outline of the face and what is surely beside it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OldStudy(ArrayData):
    """The measurements of one face, the same for every frame of the shot."""

    light: F64 = field(metadata=shaped(4, dtype=np.float64))
    """Even light, and light from the right, below and behind, in shares of the skin's mean."""
    rough: float
    """Detail of the skin, log luma."""
    softness: float
    """The plate's blur (sigma), canonical pixels."""
    saturation: float
    """Colour of the plate's skin in shares of what portraits have."""
    dark: float
    """0..1, dark skin."""
    tint: F32 = field(metadata=shaped(3))
    """Log RGB beyond luma of the skin."""
    level: float
    """Log luma of the skin."""
    expression: F32 = field(metadata=shaped(EXPRESSIONS))
    """The usual expression, from ``expression_of``."""

    @property
    def hair_light(self) -> HairLight:
        """What the greying of hair reads."""
        return HairLight(tint=self.tint, level=self.level, softness=self.softness)

    def severity(self, unit: float) -> float:
        """Factor of the weights of the relief; ``unit`` is crop pixels to a canonical pixel."""
        dim = float(np.clip((DEPTH.dim_from - self.level) / DEPTH.dim_over, 0, 1))
        return 1 + DEPTH.soft_plates * min(self.softness * unit, 2.0) + DEPTH.dim * dim

    @staticmethod
    def usual() -> OldStudy:
        """For a crop that shows no face."""
        light = steered(np.array([0.6, 0.0, -0.15, -0.25]))
        return OldStudy(
            light=light, rough=0.01, softness=0.0, saturation=1.0, dark=0.0, tint=np.zeros(3, np.float32), level=-0.7,
            expression=np.ones(EXPRESSIONS, np.float32),
        )  # fmt: skip

    @staticmethod
    def median(found: Sequence[OldStudy]) -> OldStudy:
        """The middle of each measurement over some crops."""
        return OldStudy.unpacked({_NAME: np.median([one.packed()[_NAME] for one in found], axis=0).astype(np.float32)})

    def packed(self) -> Study:
        """As named arrays."""
        numbers = [self.rough, self.softness, self.saturation, self.dark, self.level]
        return {_NAME: np.concatenate([self.light, numbers, self.tint, self.expression]).astype(np.float32)}

    @staticmethod
    def unpacked(study: Study) -> OldStudy:
        """From the arrays of ``packed``."""
        values = study[_NAME]
        rough, softness, saturation, dark, level = (float(value) for value in values[4:9])
        return OldStudy(
            light=values[:4].astype(np.float64),
            rough=rough,
            softness=softness,
            saturation=saturation,
            dark=dark,
            level=level,
            tint=np.ascontiguousarray(values[9:12], np.float32),
            expression=np.ascontiguousarray(values[12:], np.float32),
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OldCrop(ArrayData):
    """What the older step reads of one crop, over the chart's window."""

    rgb: F32 = field(metadata=shaped("h", "w", 3))
    """Display-referred sRGB."""
    points: F32 = field(metadata=shaped(478, 2))
    """Landmarks, pixels of the window."""
    chart: Chart
    seen_skin: SkinView
    normals: F32 = field(metadata=shaped("h2", "w2", 3))
    pose: Pose
    hair: F32 = field(metadata=shaped("h2", "w2"))
    person: F32 = field(metadata=shaped("h2", "w2"))
    rims: F32 = field(metadata=shaped("h2", "w2"))
    """Rims of spectacles, 0..1."""
    frame: F32 = field(metadata=shaped("h2", "w2"))
    """The same with their lenses."""
    beyond: Beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFace:
    """The face's own relief, and what the artist wants of it."""

    sculpture: Sculpture
    look: Look
    gentle: float
    """0..1, how gently its skin is treated."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Places(ArrayData):
    """Half grid, 0..1: where things may be printed."""

    free: F32 = field(metadata=shaped("h2", "w2"))
    """No hair, and part of the person."""
    skin: F32 = field(metadata=shaped("h2", "w2"))
    """Broad relief."""
    tight: F32 = field(metadata=shaped("h2", "w2"))
    """Fine relief."""
    hairline: F32 = field(metadata=shaped("h2", "w2"))
    """Skin above the landmarks of the forehead; nothing beside the cheeks, where a white collar shines as skin does."""
    own: F32 = field(metadata=shaped("h2", "w2"))
    """The face's own lines; the hairline lives on these alone, so nothing can slide there."""
    beyond: F32 = field(metadata=shaped("h2", "w2"))
    """Ears, neck and hairline."""
    steered: F32 = field(metadata=shaped("h2", "w2"))
    """The artist's amount of neck and ears there, 1 on the face. It is in ``skin``, ``tight``, ``own`` and ``beyond``.
    """


def older(crop: OldCrop, face: OldFace, study: OldStudy, wear_change: float) -> F32:
    """(h, w, 3) change of log RGB for a change of wear, positive; exactly 0 at 0."""
    places = _places(crop, face)
    seen_skin, shape = crop.seen_skin, crop.rgb.shape
    relief = _relief(crop, face, study, wear_change, places)
    lines = own_lines(seen_skin, places.free, places.own)
    gain = np.float32(OLD_SKIN.own * min(1.25 * progress(wear_change, 1.8), 2 * OLD_SKIN.own_most))
    change = relief + gain * grow(lines, shape)
    change = _bounded(change, places, study, face.gentle) + _neck(crop, face, study, wear_change)
    log = _tinted(change, seen_skin.unit, study.saturation)
    coarse = _coarse(crop, face, study, wear_change, places)
    log += grow(coarse, shape)
    log += old_eyes(crop.rgb, crop.points, seen_skin.unit, face.look.eyes * min(progress(wear_change, 2.0), 1.3))
    return log


def _neck(crop: OldCrop, face: OldFace, study: OldStudy, wear_change: float) -> F32:
    """(h, w) change of log luma of neck and ears."""
    lit = LitNeck(
        chart=crop.chart, seen_skin=crop.seen_skin, pose=crop.pose, normals=crop.normals, beyond=crop.beyond,
        light=study.light, softness=study.softness,
    )  # fmt: skip
    amounts = weights(GROWTH.neck, wear_change, face.gentle, study.severity(crop.seen_skin.unit), face.look)
    return neck_and_ears(lit, face.sculpture.mixed_neck(amounts), face.look, wear_change)


def _places(crop: OldCrop, face: OldFace) -> _Places:
    seen_skin, masks, unit = crop.seen_skin, crop.seen_skin.masks, crop.seen_skin.unit
    sure = smoothstep(blur(np.asarray(cv2.erode(crop.person, np.ones((3, 3), np.uint8)), np.float32), unit), 0.75, 0.97)
    look, steered = face.look, crop.beyond.factor(face.look.neck)
    hairline = seen_skin.beyond * sure * (1 - crop.beyond.beside)
    inside = np.maximum(smoothstep(crop.person, 0.3, 0.8), np.clip(1.6 * masks["texture"], 0, 1))
    free = (1 - blur(np.clip(1.15 * crop.hair, 0, 1), unit)) * inside * (1 - crop.rims)
    skin = masks["soft"] * (0.35 + 0.65 * seen_skin.bare) * seen_skin.seen
    eyes = crop.chart.take_half(face.sculpture.around_eyes) * (1 - masks["eyes"])
    skin = np.maximum(skin, eyes * seen_skin.seen * (0.5 + 0.5 * seen_skin.bare))
    tight = masks["texture"] * seen_skin.bare
    own = np.float32(look.texture) * np.maximum(tight, np.float32(OLD_SKIN.beyond) * hairline)
    return _Places(
        free=np.asarray(free, np.float32),
        skin=np.asarray(skin * free * steered, np.float32),
        tight=np.asarray(tight * free * steered, np.float32),
        hairline=hairline * (1 - morphed(cv2.MORPH_DILATE, crop.beyond.beside, _BY_JAW * unit / 2)),
        own=np.asarray(own * free * steered, np.float32),
        beyond=np.maximum.reduce([hairline, crop.beyond.neck * steered, crop.beyond.ears * steered]),
        steered=steered,
    )


def _relief(crop: OldCrop, face: OldFace, study: OldStudy, wear_change: float, places: _Places) -> F32:
    """(h, w) change of log luma by the broad and the fine relief."""
    severity = study.severity(crop.seen_skin.unit)
    fine = {**GROWTH.lines, **GROWTH.donated} if face.sculpture.donated else GROWTH.lines
    sides, creases, lines = (weights(table, wear_change, face.gentle, severity, face.look)
                             for table in (GROWTH.sides, GROWTH.creases, fine))  # fmt: skip
    base, shape = base_light(study.light, crop.normals), crop.rgb.shape
    broad_map, fine_map = face.sculpture.mixed(RelativeWeights(sides, creases, lines))
    broad = crop.chart.take_half(broad_map)
    change = np.float32(DEPTH.broad) * places.skin * shaded(
        broad, crop.pose, study.light, base, DEPTH.broad_shading)  # fmt: skip
    bright = np.float32(DEPTH.bright + DEPTH.bright_dark * study.dark)
    dark = np.minimum(change, 0) * (1 - np.float32(DEPTH.folded) * folded(crop.seen_skin))
    change = grow(dark + bright * np.maximum(change, 0), shape)
    _add_fine(change, crop, study, (fine_map, base), places.tight)
    maps = crop.chart.take_half(face.sculpture.expressions)
    return change * grow(expression_gain(maps, expression_of(crop.points), study.expression), shape)


def _add_fine(change: F32, crop: OldCrop, study: OldStudy, relief: tuple[F32, F32], tight: F32) -> None:
    """Add the fine relief to the change of log luma (h, w), only within the box of ``tight`` (h2, w2).

    ``relief`` is the fine relief on the mean face and the light of the surface under it (h2, w2).
    """
    fine_map, base = relief
    box = Box.around(tight)
    if box is None:
        return
    fine = crop.chart.take_part(fine_map, box.full)
    blurred = study.softness * crop.seen_skin.unit
    if blurred > 0.3:
        fine = blur(fine, blurred)
    calm = np.float32(np.clip(0.75 + study.rough / 0.05, 0.85, 1.15))
    drawn = shaded(fine, crop.pose, study.light, base[box.half], DEPTH.fine_shading)
    change[box.full] += np.float32(DEPTH.fine) * calm * grow(tight[box.half], drawn.shape) * drawn


def _bounded(change: F32, places: _Places, study: OldStudy, gentle: float) -> F32:
    """The change with most of its mean taken back, and held between burnt highlights and drawn creases."""
    whole = grow(places.tight, change.shape)
    mean = float((change * whole).sum() / max(float(whole.sum()), 1.0))
    change = change - np.float32(DEPTH.lost_mean * mean) * grow(places.skin, change.shape)
    bright = np.float32(DEPTH.brightest)
    deep = np.float32(DEPTH.deepest + DEPTH.deepest_gentle * gentle + DEPTH.deepest_dark * study.dark)
    bounded = bright * np.tanh(np.maximum(change, 0) / bright) + deep * np.tanh(np.minimum(change, 0) / deep)
    return np.asarray(bounded, np.float32)


def _tinted(change: F32, unit: float, saturation: float) -> F32:
    """(h, w, 3): creases are redder than the skin, broad shade keeps its colour."""
    broad = broad_shade(change, unit)
    deep = np.float32(DEPTH.deepest_broad)
    past = grow(np.maximum(deep * np.tanh(broad / deep) - broad, 0), change.shape)
    change = change + np.minimum(past, np.maximum(-change, 0))  # what is no darkening stays as it is
    shade = np.maximum(grow(broad, change.shape), change)
    crease = np.minimum(change, 0) - np.float32(DEPTH.shade_tint) * np.minimum(shade, 0)
    return np.asarray(
        cv2.merge([change + np.float32(saturation * (share - 1)) * crease for share in DEPTH.crease]), np.float32
    )


def _coarse(crop: OldCrop, face: OldFace, study: OldStudy, wear_change: float, places: _Places) -> F32:
    """(h2, w2, 3) change of log RGB by pigment, gloss, lips, and the tone of ears and neck."""
    seen_skin, look = crop.seen_skin, face.look
    spots = DEPTH.pigment * (1 - 0.35 * face.gentle) * min(1.17 * progress(wear_change, 1.8), 1.6) * study.saturation
    beyond = places.beyond * places.free
    where = np.maximum(places.tight, 0.5 * beyond) * np.float32(look.pigment * spots)
    around = beyond * np.float32(look.pigment * min(progress(wear_change, 1.6), 1.3))
    pigment = crop.chart.take_half(face.sculpture.pigment)
    grey = float(np.mean(OLD_SKIN.around))
    tones = [grey + study.saturation * (tone - grey) for tone in OLD_SKIN.around]
    log = cv2.merge([part * where + around * np.float32(tone)
                     for part, tone in zip(parts(pigment), tones, strict=True)])  # fmt: skip
    bare = np.maximum(crop.beyond.neck, crop.beyond.ears) * places.steered * np.float32(look.pigment * spots)
    log = log + crop.chart.take_low(face.sculpture.mottled, LOW, 1) * spread(bare)
    dry = np.float32(look.texture * min(progress(wear_change, 2.0), 1.0))
    log = log + dry * dull(seen_skin, places.free, places.hairline, study.dark) * spread(places.steered)
    return np.asarray(log + np.float32(look.lips) * pale_lips(seen_skin, progress(wear_change, 2.0)), np.float32)

"""What age does to neck and ears on a crop: the relief of ``throat.py`` in their light, and their own lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.mesh import Chart
from vfxage.ager.relief.neck import LOW, Beyond, own_light
from vfxage.ager.relief.older.growth import progress
from vfxage.ager.relief.older.light import Pose, Shading, base_light, shaded
from vfxage.ager.relief.older.skin import OLD_SKIN
from vfxage.ager.relief.skin_view import SkinView, blur, grow
from vfxage.ager.relief.working import Box
from vfxage.arrays import ArrayData, shaped
from vfxage.face.look import Look
from vfxage.types import F32, F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """How strongly neck and ears change, by eye; log luma."""

    relief: float = 0.95
    shading: Shading = field(default=Shading(slope=0.55, cavity=1.15))
    soft_jaw: float = 0.45
    """Share of the shade below the jaw that goes at 35 years of wear: slack skin fills the corner."""
    soft_jaw_reach: float = 6.0
    """Canonical pixels over which chin and neck are levelled."""
    lobes: float = 3.2
    """Canonical pixels by which the lobes of the ears get longer then."""
    ear_contrast: float = 3.0
    """How much more ears show their own folds than necks do."""
    own: tuple[tuple[float, float, float], ...] = ((0.9, 0.10, 2.0), (0.8, 0.14, 4.0), (0.5, 0.18, 9.0))
    """Their own lines: gain, log luma above which a line is an edge, and width, canonical pixels."""
    around: float = 9.0
    """Canonical pixels over which their own light is averaged."""
    bright: float = 0.35
    """Share of the bright sides: a neck is in shade, and ridges that glow look painted."""
    brightest: float = 0.10
    deepest: float = 0.24
    lost_mean: float = 0.5
    """Share of the mean change that is taken back: age is no exposure."""


AGED = Aged()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LitNeck(ArrayData):
    """Neck and ears of a crop, over the chart's window, and the light on them."""

    chart: Chart
    seen_skin: SkinView
    pose: Pose
    normals: F32 = field(metadata=shaped("h2", "w2", 3))
    beyond: Beyond
    light: F64 = field(metadata=shaped(4, dtype=np.float64))
    """As in the study of the older side."""
    softness: float
    """The plate's blur (sigma), canonical pixels."""


def relief_beyond(crop: LitNeck, maps: F32) -> F32:
    """(h, w) change of log luma of neck and ears; ``maps`` is their relief from ``Sculpture.mixed_neck``."""
    beyond = crop.beyond
    change = np.zeros_like(crop.seen_skin.fine)
    where = np.maximum(beyond.neck, beyond.ears)
    box = Box.around(where)
    if box is None:
        return change
    fine = crop.chart.take_low(maps, LOW, len(maps) // LOW.height, box.full)
    blurred = crop.softness * crop.seen_skin.unit
    if blurred > 0.3:
        fine = blur(fine, blurred)
    base = base_light(crop.light, crop.normals)[box.half]
    drawn = np.float32(AGED.relief) * shaded(fine, crop.pose, crop.light, base, AGED.shading)
    change[box.full] = drawn * grow(np.ascontiguousarray(where[box.half]), drawn.shape)
    return change


def own_beyond(seen_skin: SkinView, beyond: Beyond) -> F32:
    """(h2, w2) change of log luma by the lines that neck and ears have, for a gain of 1."""
    unit = seen_skin.unit / 2
    skin = np.asarray(cv2.erode(np.maximum(beyond.neck, beyond.ears), np.ones((3, 3), np.uint8)), np.float32)
    mean, around = own_light(skin, seen_skin.smooth, AGED.around * unit)
    before = np.asarray(
        mean + skin * (seen_skin.smooth - mean), np.float32
    )  # collars and hair are as bright as the skin beside them
    total = np.zeros_like(before)
    for gain, depth, width in AGED.own:
        after = blur(before, width * unit)
        band = before - after
        total += np.float32(gain) * band / (1 + np.square(band / np.float32(depth)))
        before = after
    inner = np.maximum(beyond.neck * np.clip(2 * around - 1, 0, 1), np.float32(AGED.ear_contrast) * beyond.ears)
    return np.asarray(inner * (np.minimum(total, 0) + np.float32(OLD_SKIN.bright) * np.maximum(total, 0)), np.float32)


def soft_jaw(seen_skin: SkinView, beyond: Beyond) -> F32:
    """(h2, w2) change of log luma that takes all of the shade away which parts the neck from the jaw."""
    unit, face = seen_skin.unit / 2, seen_skin.masks["texture"]
    skin = np.maximum(face * seen_skin.bare, beyond.neck)
    level, _ = own_light(skin, seen_skin.smooth, AGED.soft_jaw_reach * unit)
    near = np.clip(2 * blur(face, AGED.soft_jaw_reach * unit), 0, 1) * beyond.neck
    return np.asarray(near * np.clip(level - blur(seen_skin.smooth, 2 * unit), 0, 0.3), np.float32)


def longer_lobes(beyond: Beyond, points: F32, unit: float, amount: float) -> F32:
    """(h2, w2, 2) movement of the lobes, crop pixels, where an ear is seen.

    ``points`` (478, 2) are landmarks in crop pixels, of which ``unit`` are a canonical pixel.
    """
    down = points[152] - points[10]
    down = down / max(float(np.hypot(*down)), 1.0) * np.float32(amount * AGED.lobes * unit)
    ear = np.clip(2 * blur(beyond.ears * (beyond.lobes > 0.05), 4.0 * unit), 0, 1) * beyond.lobes
    return np.asarray(cv2.merge([ear * down[0], ear * down[1]]), np.float32)


def neck_and_ears(crop: LitNeck, maps: F32, look: Look, wear_change: float) -> F32:
    """(h, w) change of log luma of neck and ears by their relief and their own lines; exactly 0 elsewhere.

    ``maps`` is their relief from ``Sculpture.mixed_neck``.
    """
    beyond, change = crop.beyond, relief_beyond(crop, maps)
    gain = np.float32(look.texture * look.neck * min(progress(wear_change, 1.6), 1.5))
    change += grow(gain * own_beyond(crop.seen_skin, beyond), change.shape)
    softer = np.float32(look.shape * look.neck * AGED.soft_jaw * min(progress(wear_change, 0.6), 1.3))
    change += grow(softer * soft_jaw(crop.seen_skin, beyond), change.shape)
    whole = grow(np.maximum(beyond.neck, beyond.ears), change.shape)
    mean = float(change.sum()) / max(float(whole.sum()), 1.0)
    change -= np.float32(AGED.lost_mean * mean) * whole
    change = np.minimum(change, 0) + np.float32(AGED.bright) * np.maximum(change, 0)
    bright, deep = np.float32(AGED.brightest), np.float32(AGED.deepest)
    bounded = bright * np.tanh(np.maximum(change, 0) / bright) + deep * np.tanh(np.minimum(change, 0) / deep)
    return np.asarray(bounded, np.float32)

"""What is left of a fold after it is filled: hairlines, slits and ridges, healed from the skin beside them.

A fold is filled on the half grid, by shares and within bounds. The sharp floor of a deep fold stays then as a thin dark
line, and a line that is filled twice becomes a bright one. Both read as drawn. So the filled face is looked at once
more, at full density: a narrow valley or ridge along a filled fold takes light and hue of the skin on both of its
sides. Its texture comes from ``pores``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import beyond_luma, blur, grow, halve, luma, morphed, spread
from vfxage.ager.relief.working import Box
from vfxage.ager.relief.younger.ground import Ground, smooth
from vfxage.ager.relief.younger.settings import Healing
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Healed(ArrayData):
    """The change that heals a filled face, at full strength and at the chart's full density."""

    log: F32 = field(metadata=shaped("h", "w", 3))
    """Change of log RGB."""
    where: F32 = field(metadata=shaped("h", "w"))
    """0..1, how far the skin there is that of its neighbours."""


def healed(filled: F32, sure: F32, ground: Ground, fill: F32, settings: Healing) -> Healed:
    """Heal what is left of folds in ``filled`` (h, w, 3), log RGB of the face at full strength.

    ``sure`` (h, w), 0..1, says that there is one direction, as along a line; ``fill`` (h2, w2) is the change of log
    luma that filled the folds.
    """
    log, where = np.zeros_like(filled), np.zeros_like(sure)
    low, high = settings.filled
    folds = np.clip((np.abs(fill) - np.float32(low)) / np.float32(high - low), 0, 1) * ground.skin
    folds *= ground.zone["narrow"] * (1 - ground.zone["groove"])
    box = Box.around(folds, margin=2 * settings.texture_reach * ground.pixel)
    if box is None:
        return Healed(log=log, where=where)
    level = np.ascontiguousarray(luma(filled[box.full]))
    near = np.clip(2 * blur(folds[box.half], settings.beside * ground.pixel), 0, 1) * ground.skin[box.half]
    low, high = settings.slit
    slit = np.clip((fill[box.half] - np.float32(low)) / np.float32(high - low), 0, 1) * folds[box.half]
    slit *= np.clip(3 * ground.blurred(ground.zone["cut"][box.half], settings.astray), 0, 1)
    rim = morphed(cv2.MORPH_DILATE, slit, settings.rim * ground.pixel) * ground.skin[box.half]
    rim = blur(rim, settings.rim / 2 * ground.pixel)
    left = _left(level, grow(ground.matt[box.half], level.shape), 2 * ground.pixel, settings)
    left *= sure[box.full] * grow(near, level.shape)
    left = np.float32(settings.share) * np.maximum(left, grow(rim, level.shape))
    kept = ground.blurred(np.minimum(fill[box.half], 1) * slit, settings.soft)
    kept *= np.float32(settings.smile_kept * ground.smile)
    beside = _beside(filled[box.full], left, (fill[box.half], kept), (ground, box), settings)
    log[box.full] = spread(left) * (beside - filled[box.full])
    where[box.full] = left
    return Healed(log=log, where=where)


def _left(level: F32, matt: F32, unit: float, settings: Healing) -> F32:
    """(h, w) 0..1, where a narrow valley or ridge is left in ``level`` (h, w).

    It is deeper than the valleys between the pores nearby. ``matt`` (h, w), 0..1, is less where light glosses: that is
    no ridge.
    """
    depth = morphed(cv2.MORPH_CLOSE, level, settings.valley * unit) - level
    height = matt * (level - morphed(cv2.MORPH_OPEN, level, settings.ridge * unit))
    marks = []
    for value, most in ((depth, 1e3), (height, settings.highest)):
        texture = np.float32(settings.texture) * smooth(value, settings.texture_reach * unit)
        share = np.float32(most) / np.maximum(value, np.float32(most))
        marks.append(share * np.clip((value - texture) / np.float32(settings.full), 0, 1))
    mark = cv2.dilate(np.maximum(*marks), np.ones((3, 3), np.uint8))
    return blur(np.asarray(mark, np.float32), 0.5 * unit)


def _beside(filled: F32, left: F32, shade: tuple[F32, F32], place: tuple[Ground, Box], settings: Healing) -> F32:
    """Log RGB (h, w, 3) of the skin beside what is left; ``place`` says which part of the ground this is.

    Its hue is that of skin which was hardly filled. ``shade`` is the change of log luma that filled, and what is kept
    of the depth; both (h2, w2).
    """
    (fill, kept), (ground, box) = shade, place
    low, high = settings.slit
    weight = np.square(1 - np.clip(1.5 * halve(left), 0, 1)) * ground.inside[box.half] * ground.skin[box.half]
    weight *= np.square(1 - np.clip(fill / np.float32(high), 0, 1))
    near = halve(filled)
    level, hue = luma(near), beyond_luma(near)
    total, amount = np.zeros_like(weight), np.full_like(weight, 1e-5)
    for sigma, share in settings.reaches:
        total += np.float32(share) * ground.blurred(np.asarray(weight * level, np.float32), sigma)
        amount += np.float32(share) * ground.blurred(np.asarray(weight, np.float32), sigma)
    weight *= np.square(1 - np.clip(fill / np.float32(low), 0, 1))
    weight = np.asarray(weight + np.float32(1e-4) * ground.skin[box.half], np.float32)
    even = ground.blurred(hue * spread(weight), settings.hue_reach)
    around = ground.blurred(np.asarray(level * weight, np.float32), settings.hue_reach)
    amounts = ground.blurred(weight, settings.hue_reach) + np.float32(1e-6)
    target = total / amount - kept
    darker = np.clip(around / amounts - target, 0, settings.warmed)
    darker *= np.float32(ground.saturation)
    even = even / spread(amounts) + spread(np.asarray(darker, np.float32), settings.warmer)
    return grow(np.asarray(even + spread(target), np.float32), filled.shape)

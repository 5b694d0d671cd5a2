"""Necks made younger: their rings, folds and cords fade, in the neck's own light, which is no light of the face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.ager.relief.neck import Beyond, own_light
from vfxage.ager.relief.skin_view import SkinView, blur, grow, morphed
from vfxage.ager.relief.working import Box
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class NeckFade:
    """What goes of a neck's relief at full strength, by eye on portraits of people of 62 to 86; canonical pixels."""

    fold: float = 11.0
    """Half of the width up to which a dark valley is a fold, not the shade below the chin."""
    filled: float = 0.90
    """Share of a fold's depth that is filled."""
    deepest: float = 0.65
    """Log luma that is filled at most."""
    around: float = 16.0
    """The neck's own light is its mean over so far."""
    margin: float = 24.0
    """What is looked at around the neck."""
    levelled: float = 0.80
    """Share of the relief of cords that goes, bright sides as well as dark ones."""
    cords: tuple[float, float] = (2.0, 12.0)
    """Sigmas of the band that cords are in."""
    fine: float = 0.6
    """Share of the finest lines that goes."""
    rounded: float = 1.5
    """Sigma over which the filling is rounded."""


FADE = NeckFade()


def faded_neck(seen_skin: SkinView, beyond: Beyond) -> tuple[F32, F32]:
    """The change of log luma of a neck at full strength: folds and cords (h2, w2), and finest lines (h, w)."""
    unit = seen_skin.unit / 2
    shade, fine = np.zeros_like(beyond.neck), np.zeros_like(seen_skin.fine)
    box = Box.around(beyond.neck, margin=FADE.margin * unit)
    if box is not None:
        skin = np.asarray(cv2.erode(np.ascontiguousarray(beyond.neck[box.half]), np.ones((3, 3), np.uint8)), np.float32)
        edge = np.clip(3 * blur(skin, 4.0 * unit) - 2, 0, 1) * skin
        shade[box.half] = edge * _evened(skin, np.ascontiguousarray(seen_skin.smooth[box.half]), unit)
        detail = seen_skin.fine[box.full]
        fine[box.full] = -np.float32(FADE.fine) * detail * grow(np.asarray(edge, np.float32), detail.shape)
    return shade, fine


def _evened(skin: F32, smooth: F32, unit: float) -> F32:
    """The change of log luma (h2, w2) that evens the neck's ``skin`` (h2, w2, 0..1), of log luma ``smooth``."""
    mean, _ = own_light(skin, smooth, FADE.around * unit)
    level = np.asarray(mean + skin * (smooth - mean), np.float32)
    closed = morphed(cv2.MORPH_CLOSE, level, FADE.fold * unit)
    depth = blur(np.asarray(closed - level, np.float32), FADE.rounded * unit)
    deepest = np.float32(FADE.deepest)
    filled = deepest * np.tanh(np.float32(FADE.filled) * depth / deepest)
    level = np.asarray(level + filled, np.float32)
    low, high = FADE.cords
    band = blur(level, low * unit) - blur(level, high * unit)
    return np.asarray(filled - np.float32(FADE.levelled) * band, np.float32)

"""The finest detail of a crop: single hairs, for which the features of the mattes are too coarse."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.sight import blur, luma
from vfxage.types import F32

_BEARD = (199, 200, 208, 428, 211, 431, 204, 424, 194, 418, 202, 422)
_CHEEK = (50, 280, 205, 425, 101, 330, 118, 347, 151, 9, 4)
"""Landmarks where beards grow, away from the lips and the jaw, whose outlines are as fine; and on skin where none
grows."""


def bristle(rgb: F32, points: F32) -> float:
    """Finest detail where beards grow, over that of cheeks and brow; ``points`` (478, 2) crop pixels."""
    energy = np.exp(fine_detail(rgb, len(rgb)))
    x, y = np.clip(points.astype(int), 0, len(rgb) - 1).T
    zone, skin = (float(np.median(energy[y[list(ids)], x[list(ids)]])) for ids in (_BEARD, _CHEEK))
    return zone / max(skin, 1e-4)


def fine_detail(rgb: F32, side: int) -> F32:
    """(side, side) log of the finest detail of a crop (S, S, 3)."""
    level = luma(np.log(np.clip(rgb, 0, 1) + np.float32(FLOOR)))
    scale = len(rgb) / 512
    fine = level - blur(level, 2.5 * scale)
    energy = np.sqrt(blur(fine * fine, 4 * scale))
    if side != len(rgb):
        energy = cv2.resize(energy, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(np.log(np.maximum(energy, np.float32(1e-4))), np.float32)


__all__ = ["bristle", "fine_detail"]

"""The mouth by the landmarks: how wide it smiles, and the open area between the lips."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.ager.relief.mesh import INNER_LIPS
from vfxage.ager.relief.skin_view import blur
from vfxage.types import F32

_SMILE = (0.55, 0.68)
"""Width of the mouth, in distances of the outer eye corners: at rest, and smiling broadly."""


def smile_of(points: F32) -> float:
    """0 at rest, 1 for a broad smile, by the width of the mouth over that of the eyes. ``points`` is (478, 2)."""
    eyes, mouth = (float(np.hypot(*(points[a] - points[b]))) for a, b in ((33, 263), (61, 291)))
    low, high = _SMILE
    t = min(max((mouth / max(eyes, 1e-3) - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def mouth_area(points: F32, shape: tuple[int, ...], unit: float) -> F32:
    """(h, w) 0..1: the open area between the lips and their inner edge, because teeth do not move with the skin.

    ``points`` are in its pixels.
    """
    drawn = np.zeros(shape[:2], np.uint8)
    inner = np.clip(np.round(points[list(INNER_LIPS)] * 16 - 8), -(1 << 20), 1 << 20).astype(np.int32)
    cv2.fillPoly(drawn, [inner], (255,), cv2.LINE_AA, 4)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(unit)) + 1,) * 2)
    return blur(np.asarray(cv2.dilate(drawn, disc), np.float32) / np.float32(255), 0.5 * unit)

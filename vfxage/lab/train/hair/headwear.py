"""Drawn hats and scarves: few portraits show any, and what they hide is no hair."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from vfxage.ager.relief.hair_network import SIDE, outline
from vfxage.types import F32

_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_TOP, _CHIN = 10, 152
"""Landmarks: the highest and the lowest of the face's outline."""


def with_headwear(rgb: F32, person: F32, hair: F32, points: F32, rng: Generator) -> tuple[F32, F32, F32]:
    """Picture (SIDE, SIDE, 3), hair and person with a scarf round the face or a hat; ``points`` are in pixels."""
    chin, up = points[_CHIN], points[_TOP] - points[_CHIN]
    height = max(float(np.hypot(*up)), 1.0)
    up = up / height
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) + np.float32(0.5)
    along = ((x - chin[0]) * up[0] + (y - chin[1]) * up[1]) / height
    beside = np.abs((y - chin[1]) * up[0] - (x - chin[0]) * up[1]) / height
    body = cv2.dilate(person, _DISC, iterations=int(rng.integers(0, 3)))
    if rng.random() < 0.5:
        inside = cv2.dilate(outline(points), _DISC, iterations=int(rng.integers(0, 4)))
        worn = body * (1 - inside) * (along > rng.uniform(-0.5, -0.15))
    else:
        edge = rng.uniform(0.72, 1.02) + rng.uniform(-0.3, 0.5) * beside**2
        worn = body * (along > edge)
        if rng.random() < 0.4:
            brim = (np.abs(along - edge - 0.01) < 0.05) & (beside < rng.uniform(0.4, 0.8))
            worn = np.maximum(worn, brim)
    worn = np.asarray(cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 0.7), np.float32)
    cloth = _cloth(rng)
    if rng.random() < 0.5:
        shade = cv2.GaussianBlur(rgb.mean(axis=2), (0, 0), 5)
        cloth = np.clip(cloth * np.sqrt(shade / max(float(shade.mean()), 1e-3))[..., None], 0, 1)
    covered = rgb * (1 - worn[..., None]) + cloth * worn[..., None]
    return np.asarray(covered, np.float32), hair * (1 - worn), np.maximum(person, worn)


def _cloth(rng: Generator) -> F32:
    """(SIDE, SIDE, 3): a colour with folds, weave, and stripes or spots at times."""
    noise = rng.standard_normal((SIDE, SIDE)).astype(np.float32)
    log = np.zeros_like(noise)
    for most, sigma in ((0.06, 1.0), (0.1, 4.0), (0.15, 14.0)):
        log += np.float32(rng.uniform(0, most) * 3 * sigma) * cv2.GaussianBlur(noise, (0, 0), sigma)
    if rng.random() < 0.4:
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
        angle = rng.uniform(0, np.pi)
        across = (x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(20, 150)
        log += np.float32(rng.uniform(0.05, 0.4)) * np.sign(np.sin(across + 6 * log)).astype(np.float32)
    cloth = rng.random(3) * rng.uniform(0.05, 0.9) * np.exp(log)[..., None]
    if rng.random() < 0.3:
        cloth = cloth + rng.random(3) * rng.random() * (log > 0.1)[..., None]
    return np.asarray(np.clip(cloth, 0, 1), np.float32)


__all__ = ["with_headwear"]

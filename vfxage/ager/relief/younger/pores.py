"""Texture for skin that was filled or ironed: as strong as on the skin beside it, locked to the mesh."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.skin_view import blur, grow, halve
from vfxage.ager.relief.younger.ground import Ground
from vfxage.ager.relief.younger.settings import Pores
from vfxage.types import F32

_SEED = 7
"""Of the texture's random numbers: one sheet serves every face, as its strength is the face's own."""
_FINEST, _COARSEST = 0.6, 1.4
"""Sigmas, canonical pixels, between which the texture lies: pores on portraits with a face of 520 pixels."""
_DARK = 0.25
"""Share of the squared noise that is taken away: pores are small dark pits, so the texture is no symmetric noise."""
_FEW = 0.05
"""Share of untouched skin nearby below which the face's whole untouched skin counts more."""
_FULL = 0.6
"""Pixels to a canonical pixel from which all of the texture can be drawn; with fewer pixels it fades out."""


def pore_sheet() -> F32:
    """Texture of skin on the canonical square: (CANON, CANON), mean 0, standard deviation 1. The same at every call."""
    noise = np.random.default_rng(_SEED).standard_normal((CANON, CANON)).astype(np.float32)
    band = cv2.GaussianBlur(noise, (0, 0), _FINEST) - cv2.GaussianBlur(noise, (0, 0), _COARSEST)
    band /= band.std()
    pitted = band - np.float32(_DARK) * (np.square(band) - 1)
    return np.asarray((pitted - pitted.mean()) / pitted.std(), np.float32)


def matched(ground: Ground, left: F32, touched: F32, texture: F32, settings: Pores) -> F32:
    """Texture that is missing in touched skin, log luma at the chart's full density.

    ``left`` (h, w) is the fine detail that the skin still has. ``touched`` (h2, w2), 0..1, is where it was filled or
    ironed; the texture of the skin beside it, where it is 0, is the measure, and that of all such skin where there is
    hardly any nearby. ``texture`` (h, w) is ``pore_sheet`` on
    this face.
    """
    power = halve(np.square(left))
    here = ground.blurred(power, 4.0)
    clean = ground.skin * np.square(1 - touched)
    everywhere = float((power * clean).sum() / max(float(clean.sum()), 1.0))
    near = ground.blurred(power * clean, settings.near) + np.float32(_FEW * everywhere)
    near = near / (ground.blurred(clean, settings.near) + np.float32(_FEW))
    missing = np.sqrt(np.clip(near - here, 0, settings.most**2)) * touched
    fade = min(2 * ground.pixel / _FULL, 1.0)
    amount = np.float32(settings.share * fade) * ground.skin * blur(np.asarray(missing, np.float32), 1.0)
    return np.asarray(grow(np.asarray(amount, np.float32), left.shape) * texture, np.float32)

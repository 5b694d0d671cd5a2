"""The hues of hair and of ears on the features of the mattes: log luma, two colours, and log of the fine detail."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.head import Head
from vfxage.ager.relief.mixture import Mixture
from vfxage.geometry import smoothstep
from vfxage.types import F32

_RUDDY = (0.06, 0.1)
"""Log of red over green above that of skin and hair from which an ear is ruddy, and the range over which it is."""
_RUDDY_DARK = (0.9, 0.4)
"""Log luma below the skin's up to which it is no ear, but hair in shade, and the range up to which it may be."""
_HUE = 0.08
"""Spread of the two colours of one kind of hair, log units."""


def ruddiness(features: F32, head: Head, known: tuple[float, Mixture | None]) -> F32:
    """(n, n) 0..1, how far a pixel is redder than hair and skin: an ear lets light through.

    ``known`` is the log luma of the skin, and the mixture of the hair.
    """
    level, hair = known
    skin = float((features[..., 1] * head.skin).sum() / max(float(head.skin.sum()), 1e-3))
    usual = skin if hair is None else max(skin, float(hair.means[:, 1].mean()))
    red = smoothstep((features[..., 1] - np.float32(usual + _RUDDY[0])) / np.float32(_RUDDY[1]))
    return red * smoothstep((features[..., 0] - np.float32(level - _RUDDY_DARK[0])) / np.float32(_RUDDY_DARK[1]))


def hue_of_hair(features: F32, hair: Mixture | None) -> F32:
    """(n, n) 0..1: the two colours are those of hair, however bright it shines."""
    if hair is None:
        return np.zeros(features.shape[:2], np.float32)
    hues = hair.means[:, 1:3]
    far = [np.square(features[..., 1] - hue[0]) + np.square(features[..., 2] - hue[1]) for hue in hues]
    return cast(F32, cv2.exp(np.minimum.reduce(far) * np.float32(-0.5 / _HUE**2)))


__all__ = ["hue_of_hair", "ruddiness"]

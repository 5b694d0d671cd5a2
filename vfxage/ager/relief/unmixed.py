"""How much of each pixel is hair, and the colour of that hair, where hair meets skin.

A matte that comes from a coarse grid is soft over several pixels of bare skin. Between the hair's colour nearby and the
skin's, the pixel's own colour says how much of it is hair: then a change of the hair leaves the skin beside it alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.sight import blur, halve, luma, parts, spread
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32

_NEAR = 9.0
"""Sigma, canonical pixels, over which the colours of hair and skin are averaged."""
_SURE = (0.55, 0.35)
"""Matte from which a pixel is counted as hair, and the range over which it fully is."""
_TRUST = 0.25
"""How much skin-like pixels inside the matte count as skin: it may lie on a shaded scalp."""
_DEEP = 12.0
"""How much more a dark pixel of hair says of its colour than a bright one: one e-fold at 1 / 12 of display luma."""
_ENOUGH = 0.01
"""Share of hair, or of skin, nearby from which its colour is known."""
_APART = 0.07
"""Distance of the two colours, display-referred, at which they can be told apart: fair hair is like skin."""
_BEYOND = 2.0
"""Sigma, canonical pixels, by which single hairs leave the matte."""
_CORE = (0.85, 0.13)
"""Matte, blurred by ``_INSIDE``, from which a pixel lies inside the hair, and the range over which it surely does."""
_INSIDE = 5.0
"""Sigma, canonical pixels. Inside, a single bright pixel is a shining hair and no skin: only a patch is skin."""
_PURE = (0.08, 0.84)
"""Shares of hair that count as none, and the range up to all: hair and skin are each of more than one colour."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Unmixed(ArrayData):
    """Hair, parted from the skin it is mixed with."""

    share: F32 = field(metadata=shaped("h", "w"))
    """0..1, how much of a pixel is hair."""
    colour: F32 = field(metadata=shaped("h", "w", 3))
    """Display-referred colour of the hair alone."""


def unmixed(rgb: F32, matte: F32, skin: F32, unit: float) -> Unmixed:
    """Part hair from skin on a picture (h, w, 3), display-referred sRGB.

    ``matte`` (h, w), 0..1, is where hair may be, and ``skin`` (h, w), 0..1, how like skin a pixel is, or how surely it
    lies behind the person: hair is parted from that alike. ``unit`` is pixels to a canonical pixel.
    """
    size = rgb.shape[1::-1]
    small, coarse, bare = (halve(halve(image)) for image in (rgb, matte, skin))
    hair = np.clip((coarse - np.float32(_SURE[0])) / np.float32(_SURE[1]), 0, 1) * (1 - bare)
    hair *= cv2.exp(np.float32(-_DEEP) * luma(small))  # hair thins out towards its line, and is half skin there
    bare = np.square(bare) * (np.float32(_TRUST) + (1 - np.float32(_TRUST)) * np.square(1 - coarse))
    sigma = _NEAR * unit / 4
    of_hair, hairs = _average(small, hair, sigma)
    of_skin, skins = _average(small, np.asarray(bare, np.float32), sigma)
    apart = of_hair - of_skin
    length = np.add.reduce([np.square(part) for part in parts(apart)])
    known = hairs / (hairs + np.float32(_ENOUGH)) * skins / (skins + np.float32(_ENOUGH))
    known = np.asarray(known * length / (length + np.float32(_APART**2)), np.float32)
    towards = apart / spread(np.asarray(length + np.float32(1e-4), np.float32))
    of_hair, of_skin, towards = (cast(F32, cv2.resize(image, size)) for image in (of_hair, of_skin, towards))
    own = np.add.reduce([part * to for part, to in zip(parts(rgb - of_skin), parts(towards), strict=True)])
    own = np.clip((own - np.float32(_PURE[0])) / np.float32(_PURE[1]), 0, 1)
    around = blur(halve(matte), _INSIDE * unit / 2)
    core = cv2.resize(np.clip((around - np.float32(_CORE[0])) / np.float32(_CORE[1]), 0, 1), size)
    patch = cv2.resize(smoothstep(2 * blur(halve(np.asarray(own, np.float32)), _INSIDE * unit / 2)), size)
    support = np.clip(2.5 * cv2.resize(blur(halve(matte), _BEYOND * unit / 2), size), 0, 1)
    own = core * np.minimum(patch, matte) + (1 - core) * own * np.maximum(support, matte)
    share = matte + cv2.resize(known, size) * (own - matte)
    share = np.asarray(np.clip(share, 0, 1), np.float32)
    pure = np.asarray(1 - cv2.resize(known, size) * (1 - core), np.float32)
    return Unmixed(share=share, colour=np.asarray(of_hair + spread(pure) * (rgb - of_hair), np.float32))


def _average(image: F32, weight: F32, sigma: float) -> tuple[F32, F32]:
    """The average (h, w, 3) of a colour with weights, and the weight (h, w) near each pixel."""
    near = blur(weight, sigma)
    mean = blur(image * spread(weight), sigma) / spread(near + np.float32(1e-5))
    return np.asarray(mean, np.float32), near


__all__ = ["Unmixed", "unmixed"]

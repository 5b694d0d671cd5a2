"""How much of each pixel is hair, and the colour of that hair, where hair meets skin.

A matte that comes from a coarse grid is soft over several pixels of bare skin. Between the hair's colour nearby and the
skin's, the pixel's own colour says how much of it is hair: then a change of the hair leaves the skin beside it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import blur, halve, luma, parts, spread
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32

_NEAR_SKIN = ((6.0, 1.0), (12.0, 0.2))
"""Sigmas, canonical pixels, over which the skin's colour is averaged, and their weights: skin in the shade of a fringe
is not the skin of the cheek."""
_NEAR_HAIR = ((9.0, 1.0), (16.0, 0.2))
"""The same for hair, which is half skin near its line: its colour comes from farther inside."""
_SHALLOW = 0.03
"""Weight of hair near the hairline in the hair's colour; hair farther inside has the weight 1."""
_SURE = (0.55, 0.35)
"""Matte from which a pixel is counted as hair, and the range over which it fully is."""
_TRUST = 0.02
"""Weight, as skin, of pixels inside the matte that look like skin: the matte may cover a shaded scalp."""
_DEEP = 12.0
"""How much more weight dark pixels have in the hair's colour than bright ones, if hair is much darker than skin: a
factor of e for each 1 / 12 of display luma."""
_DARKER = 0.25
"""Display luma by which hair is that much darker."""
_ENOUGH = (0.002, 0.02)
"""Shares of hair and of skin nearby from which their colours are known."""
_NOISE = 0.015
"""Least deviation of the colours within hair and within skin, display-referred."""
_APART = 2.0
"""Distance of the two colours, in deviations within them, at which they can be told apart."""
_BEYOND = 2.0
"""Sigma, canonical pixels, by which single hairs leave the matte."""
_CORE = (0.85, 0.13)
"""Matte, blurred by ``_INSIDE``, from which a pixel lies inside the hair, and the range over which it surely does."""
_INSIDE = 5.0
"""Sigma, canonical pixels. Inside, a single bright pixel is a shining hair and no skin: only a patch is skin."""
_SPARSE = (0.92, 0.15)
"""Mean share of hair nearby below which a bright pixel is skin after all, and the range below which it surely is."""
_PURE = (0.12, 0.88)
"""Shares of hair that count as none, and the range up to all: skin is of more than one colour. Their sum is 1, so that
no pixel counts as more hair than it is: grey hair on it would glow."""
_WHOLE = 0.8
"""Share of hair past which a pixel shows the hair's own colour."""
_TIGHT = (0.45, 0.5)
"""Matte that counts as no hair where the colours do not tell, and the range up to all of it: a matte is too wide."""


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
    lies behind the person: hair is separated from both in the same way. ``unit`` is pixels to a canonical pixel.
    """
    size = rgb.shape[1::-1]
    small, coarse, bare = (halve(halve(image)) for image in (rgb, matte, skin))
    around = blur(halve(matte), _INSIDE * unit / 2)
    core = np.clip((around - np.float32(_CORE[0])) / np.float32(_CORE[1]), 0, 1)
    found = _colours(small, (coarse, halve(core)), bare, unit)
    of_hair, of_skin, towards, known = (cast(F32, cv2.resize(image, size)) for image in found)
    own = np.add.reduce([part * to for part, to in zip(parts(rgb - of_skin), parts(towards), strict=True)])
    own = np.clip((own - np.float32(_PURE[0])) / np.float32(_PURE[1]), 0, 1)
    near = blur(halve(np.asarray(own, np.float32)), _INSIDE * unit / 2)
    sparse = halve(known) * np.clip((np.float32(_SPARSE[0]) - near) / np.float32(_SPARSE[1]), 0, 1)
    patch = cv2.resize(1 - smoothstep(1 - 2 * near) * blur(halve(skin), _INSIDE * unit / 2), size)
    core = cv2.resize(core * (1 - sparse), size)
    support = np.clip(2.5 * cv2.resize(blur(halve(matte), _BEYOND * unit / 2), size), 0, 1)
    whole = np.clip((own - np.float32(_WHOLE)) / np.float32(1 - _WHOLE), 0, 1)
    own = core * np.minimum(patch, matte) + (1 - core) * own * np.maximum(support, matte)
    tight = np.clip((matte - np.float32(_TIGHT[0])) / np.float32(_TIGHT[1]), 0, 1)
    share = tight + known * (own - tight)
    share = np.asarray(np.clip(share, 0, 1), np.float32)
    pure = np.asarray(1 - known * (1 - core) * (1 - whole), np.float32)
    return Unmixed(share=share, colour=np.asarray(of_hair + spread(pure) * (rgb - of_hair), np.float32))


def _colours(small: F32, inside: tuple[F32, F32], bare: F32, unit: float) -> tuple[F32, F32, F32, F32]:
    """The colours of hair and of skin near each pixel (h, w, 3), the way from skin to hair, and how well it is known.

    The way (h, w, 3) is scaled so that its product with a colour's distance from the skin is the share of hair.
    ``inside`` is the matte and how deep in it a pixel lies, ``bare`` how like skin a pixel is.
    """
    matte, core = inside
    hair = np.clip((matte - np.float32(_SURE[0])) / np.float32(_SURE[1]), 0, 1) * (1 - bare)
    bare = np.square(bare) * (np.float32(_TRUST) + (1 - np.float32(_TRUST)) * np.square(1 - matte))
    level = luma(small)
    darker = np.clip((_mean(level, bare) - _mean(level, hair)) / _DARKER, 0, 1)
    hair *= cv2.exp(np.float32(-_DEEP * darker) * level)  # hair thins out towards its line, and is half skin there
    hair *= np.float32(_SHALLOW) + core
    of_hair, hairs = _average(small, hair, _NEAR_HAIR, unit)
    of_skin, skins = _average(small, np.asarray(bare, np.float32), _NEAR_SKIN, unit)
    apart = of_hair - of_skin
    weigh = cast(F32, cv2.transform(apart, _precision((small - of_hair, hair), (small - of_skin, bare))))
    length = np.add.reduce([a * b for a, b in zip(parts(apart), parts(weigh), strict=True)])
    known = hairs / (hairs + np.float32(_ENOUGH[0])) * skins / (skins + np.float32(_ENOUGH[1]))
    known = np.asarray(known * length / (length + np.float32(_APART**2)), np.float32)
    return of_hair, of_skin, weigh / spread(np.asarray(length + np.float32(1e-2), np.float32)), known


def _mean(image: F32, weight: F32) -> float:
    return float((image * weight).sum() / max(float(weight.sum()), 1e-3))


def _average(image: F32, weight: F32, near: Sequence[tuple[float, float]], unit: float) -> tuple[F32, F32]:
    """The average (h, w, 3) of a colour with weights, nearest first, and the weight (h, w) near each pixel."""
    total, found = np.zeros_like(image), np.full(weight.shape, 1e-6, np.float32)
    weighted = image * spread(weight)
    for sigma, share in near:
        found += np.float32(share) * blur(weight, sigma * unit / 4)
        total += np.float32(share) * blur(weighted, sigma * unit / 4)
    return np.asarray(total / spread(found), np.float32), found


def _precision(*kinds: tuple[F32, F32]) -> F32:
    """(3, 3) inverse of the covariance within some kinds, each its deviations (h, w, 3) and weights (h, w)."""
    within = np.eye(3) * _NOISE**2
    for rest, weight in kinds:
        colours = [part.astype(np.float64) for part in parts(rest)]
        total = max(float(weight.sum()), 1e-3)
        within += np.array([[(a * b * weight).sum() for b in colours] for a in colours]) / total / len(kinds)
    return np.asarray(np.linalg.inv(within), np.float32)


__all__ = ["Unmixed", "unmixed"]

"""A crop as some networks see it: at one size, its skin at one colour; and their answer, brought back to the crop.

A plate is warm or cold, dark or bright, and a face is pale or brown. A network that sees every face with the same
colour of skin need not learn this. A gain of the light multiplies the sRGB code value plus 0.055 (IEC 61966-2-1, above
the toe of its curve). So such a gain brings the skin to its colour, and the answer is divided by the same gain: if the
plate is graded by gains, the answer is graded with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.wrinkle_lines import BROW, EYE, LIPS, MIRROR
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import OVAL
from vfxage.types import F32, U8, FaceCrop

SKIN = np.array([0.64, 0.48, 0.41], np.float32)
"""The colour of skin that the network sees, sRGB: highlights of brown skin, which is brightened, stay below 1.5."""
OFFSET = 0.055
"""Of sRGB's curve: code value plus this is a power of the light."""
LEAST, MOST = 0.4, 4.0
"""Bounds of the gain of code values, for crops that show no skin: a black frame has none to bring anywhere."""
_LOOKED_AT = 128
"""Side of the small copy in which the skin is measured, pixels."""
_FEATURES = 6
"""Pixels of that copy by which eyes, brows and lips are grown, at a face of half its height."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Levelled(ArrayData):
    """A crop as a network sees it."""

    rgb: F32 = field(metadata=shaped("W", "W", 3))
    """sRGB, with the skin at ``SKIN``; may be above 1."""
    gain: F32 = field(metadata=shaped(3))
    """What the code values were multiplied by."""

    @staticmethod
    def of(crop: FaceCrop, side: int) -> Levelled:
        """The crop at ``side`` pixels with its skin levelled."""
        rgb = resized(np.clip(crop.rgb, 0, 1), side)
        gain = skin_gain(skin_colour(crop.rgb, crop.points))
        return Levelled(rgb=level(rgb, gain), gain=gain)

    def answer(self, step: F32, size: int) -> F32:
        """The network's answer (W, W, 3) as a step (size, size, 3) of the crop."""
        return resized(step / self.gain, size)


def level(rgb: F32, gain: F32) -> F32:
    """A picture (..., 3), sRGB, with its light multiplied: the code values plus ``OFFSET`` rise by ``gain``."""
    return np.asarray((rgb + np.float32(OFFSET)) * gain - np.float32(OFFSET), np.float32)


def skin_gain(colour: F32) -> F32:
    """The gains (3,) that bring a colour of skin (3,) to ``SKIN``."""
    return np.clip((SKIN + np.float32(OFFSET)) / (colour + np.float32(OFFSET)), LEAST, MOST)


def skin_colour(rgb: F32, points: F32) -> F32:
    """The median colour (3,) of the skin of a face, sRGB: of the face without eyes, brows and lips.

    ``rgb`` is (S, S, 3), ``points`` (478, 2) its pixels. ``SKIN`` for a face outside the picture.
    """
    small = resized(rgb, _LOOKED_AT)
    at = points * np.float32(_LOOKED_AT / len(rgb))
    mask = np.zeros((_LOOKED_AT, _LOOKED_AT), np.uint8)
    _fill(mask, at[list(OVAL)])
    features = np.zeros_like(mask)
    for ring in (EYE, BROW, *(tuple(MIRROR[k] for k in ring) for ring in (EYE, BROW)), LIPS):
        _fill(features, np.asarray(cv2.convexHull(at[list(ring)])[:, 0], np.float32))
    height = float(np.hypot(*(at[10] - at[152])))
    reach = max(1, round(_FEATURES * height / _LOOKED_AT))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    skin = (mask > 0) & (cv2.dilate(features, disc) == 0)
    return np.median(small[skin], axis=0).astype(np.float32) if skin.any() else SKIN


def resized(image: F32, side: int) -> F32:
    """A square picture (S, S, 3) at another size: averaged down, or enlarged smoothly."""
    if len(image) == side:
        return image
    method = cv2.INTER_AREA if side < len(image) else cv2.INTER_CUBIC
    return cast(F32, cv2.resize(image, (side, side), interpolation=method))


def _fill(mask: U8, outline: F32) -> None:
    held = np.clip(outline, -_LOOKED_AT, 2 * _LOOKED_AT)
    cv2.fillPoly(mask, [np.round(held * 16 - 8).astype(np.int32)], (1,), shift=4)

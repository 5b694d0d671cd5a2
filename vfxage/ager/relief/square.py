"""The square that FFHQ would cut from a crop: people are found best in it, whatever the framing of the crop is."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from vfxage.geometry import framing_transform
from vfxage.types import F32, Framing, Window

_ALL = 0.97
"""Share of the crop's side from which the square is the whole crop."""


def square_of(points: F32, size: int) -> Window:
    """The square in a crop of ``size`` pixels with landmarks ``points`` (478, 2); the whole crop if it has none."""
    whole = Window(0, 0, size, size)
    if not np.ptp(points, axis=0).min() > 1:  # a mesh that is a line or a point
        return whole
    to_crop = framing_transform(points, Framing(name="ffhq"))
    side, (x, y) = float(np.hypot(*to_crop[:, 0])), to_crop[:, 2]
    if not size / 8 < side < _ALL * size:
        return whole
    square = Window(round(float(x)), round(float(y)), round(side), round(side)).intersect(whole)
    return square if min(square.width, square.height) > size / 8 else whole


def enlarged(rgb: F32, square: Window) -> F32:
    """The square of a crop (S, S, 3) at the size of the crop."""
    size = len(rgb)
    if square.width == size:
        return rgb
    part = np.ascontiguousarray(rgb[square.slices(Window(0, 0, size, size))])
    return np.clip(np.asarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_CUBIC), np.float32), 0, 1)


def laid_out(matte: F32, square: Window) -> F32:
    """Move a matte (S, S) of the square of a crop to the whole crop (S, S); its border pixels are repeated outside."""
    size = len(matte)
    small = cv2.resize(matte, (square.width, square.height), interpolation=cv2.INTER_AREA)
    right, below = size - square.x - square.width, size - square.y - square.height
    return cast(F32, cv2.copyMakeBorder(small, square.y, below, square.x, right, cv2.BORDER_REPLICATE))

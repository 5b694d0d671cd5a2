"""A crop at the density at which changes are worked out, so that a face changes alike at every size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.prototype.data import Prototype
from vfxage.ager.prototype.sight import canonical_pixels, parts
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, FaceCrop, Window

_LARGEST = 512
"""Side of the crop, pixels, at which changes are worked out; larger crops get the same changes, grown."""
_FAR = 8
"""Sides of the crop: landmarks farther beyond it are brought to there, as whole numbers overflow at some distance."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Working(ArrayData):
    """The crop, at a whole multiple or a whole share of its density, at most 512 pixels wide."""

    rgb: F32 = field(metadata=shaped("S", "S", 3))
    """Display-referred sRGB, 0..1."""
    points: F32 = field(metadata=shaped(478, 2))
    """Landmarks, pixels of ``rgb``."""
    neck: F32 | None = field(metadata=shaped(None, 2))
    """Nodes of the neck, pixels of ``rgb``; None where the crop has none."""
    unit: float
    """Pixels to a canonical pixel."""

    @staticmethod
    def of(crop: FaceCrop, prototype: Prototype) -> Working:
        """Shrink a large crop; small crops are worked out with more pixels."""
        size = len(crop.rgb)
        wanted = size * max(_LARGEST // size, 1) if size <= _LARGEST else size // -(-size // _LARGEST)

        def inside(points: F32) -> F32:
            return np.asarray(np.clip(points, -_FAR * size, (1 + _FAR) * size) * np.float32(wanted / size), np.float32)

        points, neck = inside(crop.points), None if crop.neck is None else inside(crop.neck)
        rgb = np.clip(crop.rgb, 0, 1)
        if wanted != size:
            method = cv2.INTER_AREA if wanted < size else cv2.INTER_LINEAR
            rgb = cast(F32, cv2.resize(rgb, (wanted, wanted), interpolation=method))
        return Working(rgb=rgb, points=points, neck=neck, unit=canonical_pixels(points, prototype.mean))

    @property
    def window(self) -> Window:
        """The whole crop."""
        return Window(0, 0, self.rgb.shape[1], self.rgb.shape[0])


def moved(image: F32, flow: F32) -> F32:
    """The picture (h, w, 3) with each pixel's content moved by ``flow`` (h, w, 2)."""
    y, x = (np.arange(count, dtype=np.float32) for count in image.shape[:2])
    across, down = parts(flow)
    return cast(F32, cv2.remap(image, x - across, y[:, None] - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))

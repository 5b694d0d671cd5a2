"""A crop at the density at which changes are worked out, so that a face changes by the same amount at every size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import MeanFace
from vfxage.ager.relief.mesh import Chart
from vfxage.ager.relief.skin_view import SkinView, canonical_pixels, see
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import extent, grown
from vfxage.types import F32, FaceCrop, Window

_LARGEST = 512
"""Side of the crop, pixels, at which changes are worked out; larger crops get the same changes, grown."""
_FAR = 8
"""Sides of the crop: landmarks farther outside are moved to this distance, because whole numbers overflow far away."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class View(ArrayData):
    """The part of a crop that the mean face covers, and what it shows of the skin."""

    rgb: F32 = field(metadata=shaped("h", "w", 3))
    """Display-referred sRGB, 0..1."""
    chart: Chart
    seen_skin: SkinView


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
    view: View | None
    """None if the face is outside the crop."""

    @staticmethod
    def of(crop: FaceCrop, mean_face: MeanFace) -> Working:
        """Shrink a large crop, and look at it; small crops are worked out with more pixels."""
        size = len(crop.rgb)
        wanted = size * max(_LARGEST // size, 1) if size <= _LARGEST else size // -(-size // _LARGEST)

        def inside(points: F32) -> F32:
            return np.asarray(np.clip(points, -_FAR * size, (1 + _FAR) * size) * np.float32(wanted / size), np.float32)

        points, neck = inside(crop.points), None if crop.neck is None else inside(crop.neck)
        rgb = np.clip(crop.rgb, 0, 1)
        if wanted != size:
            method = cv2.INTER_AREA if wanted < size else cv2.INTER_LINEAR
            rgb = cast(F32, cv2.resize(rgb, (wanted, wanted), interpolation=method))
        unit, chart = canonical_pixels(points, mean_face.mean), mean_face.mesh.chart(points, wanted, neck=neck)
        if chart.window.empty:
            return Working(rgb=rgb, points=points, neck=neck, unit=unit, view=None)
        seen = np.ascontiguousarray(rgb[chart.window.slices(Window(0, 0, wanted, wanted))])
        view = View(rgb=seen, chart=chart, seen_skin=see(seen, chart, mean_face, unit))
        return Working(rgb=rgb, points=points, neck=neck, unit=unit, view=view)

    @property
    def window(self) -> Window:
        """The whole crop."""
        return Window(0, 0, self.rgb.shape[1], self.rgb.shape[0])


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a chart's window that holds all that is not 0, so that the rest need not be worked out."""

    half: tuple[slice, slice]
    """Rows and columns on the half grid."""
    full: tuple[slice, slice]
    """The same at full density."""

    @staticmethod
    def around(where: F32, margin: float = 1) -> Box | None:
        """The box of ``where`` (h2, w2) with ``margin`` half-grid pixels around it; None where all is 0."""
        window = Window(0, 0, where.shape[1], where.shape[0])
        found = extent(where)
        if found.empty:
            return None
        box = grown(found, math.ceil(margin)).intersect(window)
        full = Window(2 * box.x, 2 * box.y, 2 * box.width, 2 * box.height)
        return Box(half=box.slices(window), full=full.slices(Window(0, 0, 2 * window.width, 2 * window.height)))

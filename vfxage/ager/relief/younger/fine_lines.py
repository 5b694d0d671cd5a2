"""The finest band: lines are what runs on along one direction; pores are what does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import blur, grow, halve
from vfxage.ager.relief.working import Box
from vfxage.ager.relief.younger.settings import FineLines
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FineBand(ArrayData):
    """The finest band of log luma, at the chart's full density."""

    whole: F32 = field(metadata=shaped("h", "w"))
    """All of it."""
    lines: F32 = field(metadata=shaped("h", "w"))
    """What runs on along one direction."""
    sure: F32 = field(metadata=shaped("h", "w"))
    """0..1, how surely there is one direction."""


def fine_band(log_luma: F32, skin: F32, unit: float, settings: FineLines) -> FineBand:
    """Part the finest band into lines and the rest, where ``skin`` (h2, w2) is not 0; elsewhere nothing is a line.

    ``unit`` is pixels to a canonical pixel.
    The band averaged along its own direction is its lines: pores cancel out in it. The direction is that of the
    structure tensor (Bigün and Granlund 1987), whose coherence says whether there is one.
    """
    whole = log_luma - blur(log_luma, settings.band * unit)
    lines, sure = np.zeros_like(whole), np.zeros_like(whole)
    box = Box.around(skin, margin=settings.orientation * unit)
    if box is not None:
        lines[box.full], sure[box.full] = _lines(np.ascontiguousarray(whole[box.full]), unit, settings)
    return FineBand(whole=whole, lines=lines, sure=sure)


def _lines(whole: F32, unit: float, settings: FineLines) -> tuple[F32, F32]:
    """The lines of a band, and how sure they are: both (h, w)."""
    along_x, along_y, coherence = _direction(blur(whole, 0.7 * unit), settings.orientation * unit / 2)
    x = np.arange(whole.shape[1], dtype=np.float32)[None, :]
    y = np.arange(whole.shape[0], dtype=np.float32)[:, None]
    mean = whole
    for reach in (settings.sample * unit, 3 * settings.sample * unit):  # nine evenly spaced samples in two passes
        step_x, step_y = np.float32(reach) * along_x, np.float32(reach) * along_y
        mean = (mean + _sampled(mean, x + step_x, y + step_y) + _sampled(mean, x - step_x, y - step_y)) / np.float32(3)
    low, high = settings.coherent
    sure = np.clip((coherence - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(np.float32(settings.gain) * mean * sure, np.float32), np.asarray(sure, np.float32)


def _sampled(image: F32, x: F32, y: F32) -> F32:
    return cast(F32, cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _direction(image: F32, sigma: float) -> tuple[F32, F32, F32]:
    """Unit vector along the lines of an image, and the coherence 0..1, both of the image's shape."""
    over_x, over_y = (cast(F32, cv2.Sobel(image, cv2.CV_32F, *order)) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (blur(halve(part), sigma) for part in (over_x * over_x, over_y * over_y, over_x * over_y))
    length = cv2.magnitude(xx - yy, 2 * xy) + np.float32(1e-7)
    # The angle is known but for half a turn, so its double is what can be interpolated; lines run across the slope.
    double_cosine, double_sine = grow((yy - xx) / length, image.shape), grow(-2 * xy / length, image.shape)
    coherence = grow(np.asarray(length / (xx + yy + np.float32(2e-7)), np.float32), image.shape)
    double_cosine = np.clip(double_cosine, -1, 1)
    cosine, sine = np.sqrt((1 + double_cosine) / 2), np.sqrt((1 - double_cosine) / 2)
    return cosine, np.copysign(sine, double_sine), coherence

"""From a change of a crop's log RGB and a movement of its skin to the encoded step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import blur, parts, spread
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, Window

_BLOCK = 1 << 14
"""Pixels worked out at a time, in whole rows, so that the work space stays in the cache."""
_STILL = 1 / 128
"""Crop pixels: OpenCV moves pixels by whole 32nds, so a smaller movement changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """What counts as the plate's grain, and how much of it keeps its strength where the skin's brightness changes."""

    finer: float
    """Sigma, canonical pixels: finer detail is grain."""
    most: float
    """sRGB: larger detail is none."""
    darkened: float
    """0..1, for skin that gets darker."""
    brightened: float
    """0..1, for skin that gets brighter."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Exposed(ArrayData):
    """How a change of log RGB is applied to display-referred sRGB."""

    floor: float
    """Added to sRGB before the logarithm."""
    grain: Grain
    unit: float
    """Pixels of the change to a canonical pixel."""
    replaced: F32 | None = field(default=None, metadata=shaped("s", "s"))
    """0..1, where the change puts other skin in the plate's place: the plate's grain there is gone already."""
    lines: F32 | None = field(default=None, metadata=shaped("s", "s"))
    """0..1, where the change fills lines: their detail that is finer than its pixels goes too, or hairlines stay
    in large crops."""


def step_of_change(plate: F32, log: F32, flow: F32, exposed: Exposed) -> F32:
    """The encoded step (S, S, 3) of a crop ``plate`` (S, S, 3), 0..1.

    ``log`` (s, s, 3) is the change of log RGB and ``flow`` (s, s, 2) the movement in its pixels; both may have another
    density than the crop.
    """
    rgb, size, ratio = plate, len(plate), len(plate) / len(log)
    if exposed.lines is not None and ratio > 1:
        rgb = _without_hairlines(rgb, exposed.lines)
    coarse = blur(rgb, exposed.grain.finer * exposed.unit * ratio)
    log = _resized(log, size)
    whole = None if exposed.replaced is None else 1 - _resized(exposed.replaced, size)
    aged = np.empty_like(rgb)
    for rows in _blocks(size):
        grain = _grain(rgb[rows], coarse[rows], exposed.grain.most)
        if whole is not None:
            grain *= whole[rows, :, None]
        aged[rows] = _brightened(rgb[rows], grain, log[rows], exposed)
    box = _moving(flow, size)
    if not box.empty:
        aged[box.slices(Window(0, 0, size, size))] = _moved(aged, flow, box, ratio)
    for rows in _blocks(size):
        step = aged[rows]
        np.clip(step, 0, 1, out=step)
        step -= plate[rows]
    return aged


def _without_hairlines(rgb: F32, lines: F32) -> F32:
    """The picture (S, S, 3) without its detail finer than the pixels of ``lines`` (s, s), as far as that says."""
    size, small = len(rgb), len(lines)
    broad = cv2.resize(rgb, (small, small), interpolation=cv2.INTER_AREA)
    broad = cv2.resize(broad, (size, size), interpolation=cv2.INTER_CUBIC)
    return cast(F32, rgb + spread(_resized(lines, size)) * (broad - rgb))


def _blocks(size: int) -> list[slice]:
    rows = max(1, _BLOCK // size)
    return [slice(top, top + rows) for top in range(0, size, rows)]


def _grain(rgb: F32, coarse: F32, most: float) -> F32:
    """What the picture (h, w, 3) has and ``coarse``, the picture without its grain, has not."""
    noise = rgb - coarse
    np.clip(noise, -most, most, out=noise)
    return noise


def _brightened(rgb: F32, noise: F32, log: F32, exposed: Exposed) -> F32:
    """The picture (h, w, 3) with a change of its log; its grain ``noise`` is used up."""
    grain = exposed.grain
    gain = cast(F32, cv2.exp(log))
    gain -= 1
    kept = np.float32(grain.brightened) * gain
    if grain.darkened != grain.brightened:
        kept += np.float32(grain.darkened - grain.brightened) * np.minimum(gain, 0)
    noise *= kept
    np.clip(noise, -grain.most, grain.most, out=noise)  # detail that a strong gain makes larger is not grain
    gain *= rgb + np.float32(exposed.floor)
    gain -= noise
    gain += rgb
    return gain


def _moving(flow: F32, size: int) -> Window:
    """The box of a crop of ``size`` pixels in which a movement (s, s, 2) can be seen."""
    moving = (np.abs(flow) > _STILL * len(flow) / size).reshape(len(flow), -1)
    rows, columns = (np.flatnonzero(moving.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return Window(0, 0, 0, 0)
    ratio = size / len(flow)
    left, top = (math.floor(ratio * (int(first) - 1)) for first in (columns[0] // 2, rows[0]))
    right, bottom = (math.ceil(ratio * (int(last) + 2)) for last in (columns[-1] // 2, rows[-1]))
    return Window(left, top, right - left, bottom - top).intersect(Window(0, 0, size, size))


def _moved(image: F32, flow: F32, box: Window, ratio: float) -> F32:
    """The pixels of ``box`` of a picture (S, S, 3) with its content moved by ``flow`` (s, s, 2)."""
    inside = box.slices(Window(0, 0, *image.shape[1::-1]))
    across, down = (_resized(part, len(image))[inside] * np.float32(ratio) for part in parts(flow))
    x = np.arange(box.x, box.x + box.width, dtype=np.float32)
    y = np.arange(box.y, box.y + box.height, dtype=np.float32)[:, None]
    return cast(F32, cv2.remap(image, x - across, y - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _resized(image: F32, size: int) -> F32:
    if len(image) == size:
        return image
    method = cv2.INTER_AREA if size < len(image) else cv2.INTER_LINEAR
    return cast(F32, cv2.resize(image, (size, size), interpolation=method))

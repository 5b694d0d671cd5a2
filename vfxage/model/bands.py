"""An ager without weights: frequency separation on the skin, as compositors do it by hand.

In the logarithm of display-referred luma. Older: the middle band (features 1/128 to 1/32 of the face's height wide) is
raised above the grain, and the folds get lines and shadows. Younger: the middle band is lowered where it is shallow
(skin, not features), fold shadows are lifted, pores (the finest band) stay. The skin is found by the mesh and by
likeness to the face's own colour. A pure function of one crop.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from vfxage.model import folds
from vfxage.types import F32, FaceCrop, FaceDelta, FrameCrops, FrameDeltas, Framing, Window

_FLOOR = 0.04
"""Added to luma before the logarithm: below it, detail is grain."""


class Bands:
    """The ager; see ``vfxage.model.Ager`` for the contract."""

    name = "bands"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256, 512, 768, 1024)
    group = 1

    def __init__(self, *, stands_in: bool = False) -> None:
        self.workers_default = 1
        self.fingerprint = _method_digest()
        self.note = "bands: frequency separation on the CPU, no weights"
        if stands_in:
            self.note += "; it stands in for builtin, whose learned model is not part of this version"

    def __call__(self, group: Sequence[FrameCrops]) -> list[FrameDeltas]:
        """Age every face of every frame. Thread-safe; the same bits for any OpenCV thread count."""
        return [
            FrameDeltas(
                frame=item.frame,
                deltas=tuple(FaceDelta(crop=crop, step=age_by_bands(crop)) for crop in item.crops),
            )
            for item in group
        ]


def _method_digest() -> str:
    """Any change to the method's own source is a change of its answers."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in ("bands.py", "folds.py"))).hexdigest()


def amount(source: float, target: float) -> float:
    """How much older: 0 at equal ages, about 1 from 40 to 80, negative for younger, held past 60 years apart.

    Skin changes slowly before the middle thirties and steadily after, so that 20 to 30 is less than 50 to 60.
    """
    target = min(max(target, source - 60), source + 60)

    def wear(age: float) -> float:
        return (0.45 * age + 0.55 * 6 * math.log1p(math.exp((age - 36) / 6))) / 40

    return wear(target) - wear(source)


def age_by_bands(crop: FaceCrop) -> F32:
    """The encoded step (S, S, 3) for one crop: exactly 0 at equal ages and outside the skin."""
    step = np.zeros_like(crop.rgb)
    years = amount(*crop.ages)
    size = crop.rgb.shape[0]
    scale = 2 if size > 512 else 1
    window = _face_window(crop.points, size)
    if years == 0 or crop.intensity == 0 or window.empty:
        return step
    inside = window.slices(Window(0, 0, size, size))
    rgb = crop.rgb[inside]
    grid = rgb if scale == 1 else _shrink(rgb, 2)
    points = ((crop.points - (window.x, window.y)) / scale).astype(np.float32)
    gain, tint = _change(grid, points, years)
    if scale != 1:
        gain, tint = _grow(gain, window.shape), _grow(tint, window.shape)
    step[inside] = _apply(rgb, gain, tint)
    return step


def _face_height(points: F32) -> float:
    return float(np.hypot(*(points[10] - points[152])))


def _face_window(points: F32, size: int) -> Window:
    """The mesh's box and a margin, on whole blocks of 8 pixels, so that grids do not crawl over the crop."""
    margin = 0.06 * _face_height(points)
    low = np.floor((points.min(axis=0) - margin) / 8).astype(int) * 8
    high = np.ceil((points.max(axis=0) + margin) / 8).astype(int) * 8
    box = Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
    return box.intersect(Window(0, 0, size, size))


def _blur(image: F32, sigma: float) -> F32:
    return cast(F32, cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def _shrink(image: F32, scale: int) -> F32:
    return cast(F32, cv2.resize(image, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA))


def _grow(image: F32, shape: tuple[int, ...]) -> F32:
    return cast(F32, cv2.resize(image, (shape[1], shape[0])))


def _luma(rgb: F32) -> F32:
    return cast(F32, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def _change(rgb: F32, points: F32, years: float) -> tuple[F32, F32]:
    """The change of log luma and the weight of the change of tone, both (h, w)."""
    height = _face_height(points)
    skin = _skin(rgb, points, height)
    log = cast(F32, cv2.log(_luma(rgb) + _FLOOR))
    b1, b2, b3 = (_blur(log, height / part) for part in (200, 70, 26))
    fine, middle = b1 - b2, b2 - b3
    grain = _grain(log - b1, skin)
    line, shade = folds.draw_folds(points, log.shape)
    width = height / 150
    line_map = _blur(line.astype(np.float32) / 255, width) * (width * 2.5)
    wide_map = _blur(shade.astype(np.float32) / 255, height / 30) * (height / 30 * 2.5)
    if years > 0:
        change = years * _older(fine, middle, grain, line_map, wide_map)
        change = 0.45 * np.tanh(change / 0.45)
    else:
        change = _younger(fine, middle, wide_map, min(-years, 1.5))
    return change * skin, skin * np.float32(years)


def _older(fine: F32, middle: F32, grain: float, line: F32, wide: F32) -> F32:
    power = fine * fine
    above = power / (power + (1.2 * grain) ** 2 + 1e-9)
    detail = 0.9 * fine * above + 0.8 * middle
    detail = np.where(detail < 0, 1.15 * detail, 0.55 * detail)
    detail = 0.2 * np.tanh(detail / 0.2)
    return cast(F32, detail * (1 + 1.2 * wide) - 0.10 * line - 0.09 * wide)


def _younger(fine: F32, middle: F32, wide: F32, amount: float) -> F32:
    shallow_fine = fine * np.exp(-np.square(fine / 0.10))
    shallow = middle * np.exp(-np.square(middle / 0.16))
    lift = np.maximum(0, -middle) * wide
    return cast(F32, -amount * (0.6 * shallow_fine + 0.6 * shallow) + 0.3 * amount * lift)


def _grain(finest: F32, skin: F32) -> float:
    sample = np.abs(finest[::2, ::2][skin[::2, ::2] > 0.5])
    return 1.48 * float(np.median(sample)) if sample.size else 0.0


def _skin(rgb: F32, points: F32, height: float) -> F32:
    """Where skin may change, 0..1: inside the mesh's skin and of the face's own colour."""
    mesh = folds.draw_skin(points, rgb.shape[:2]).astype(np.float32) / 255
    soft = height / 50
    mesh = np.clip(_blur(mesh, soft) * 2 - 1, 0, 1)
    small = _shrink(rgb, 4)
    like = _likeness(_blur(small, height / 4 / 40), points / 4)
    return mesh * _grow(like, rgb.shape)


def _likeness(rgb: F32, points: F32) -> F32:
    """Likeness to the face's own skin, 0..1: a plane of log colour is fitted to where skin is likeliest."""
    log = np.log(np.maximum(rgb, 0) + _FLOOR)
    at = points[list(folds.SKIN)]
    spot = np.clip(at.astype(int), 0, (log.shape[1] - 1, log.shape[0] - 1))
    seen = log[spot[:, 1], spot[:, 0]]
    middle, span = at.mean(axis=0), max(float(np.ptp(at)), 1.0)
    basis = np.column_stack([np.ones(len(at)), (at - middle) / span])
    weight = np.ones(len(at))
    for _ in range(4):
        scaled = basis * weight[:, None]
        plane = np.linalg.solve(scaled.T @ basis + np.diag([1e-3, 0.3, 0.3]), scaled.T @ seen)
        miss = np.square(seen - basis @ plane).sum(axis=1)
        weight = 1 / (1 + miss / 0.05)
    y, x = np.mgrid[: log.shape[0], : log.shape[1]].astype(np.float32) + 0.5
    own = plane[0] + (x[..., None] - middle[0]) / span * plane[1] + (y[..., None] - middle[1]) / span * plane[2]
    off = (log - own).astype(np.float32)
    luma = off.mean(axis=2)
    chroma = np.square(off - luma[..., None]).sum(axis=2)
    dark, light = np.maximum(0, -luma - 0.45), np.maximum(0, luma - 0.5)
    like = np.exp(-np.square(dark / 0.35) - np.square(light / 0.4) - np.square(np.maximum(0, chroma - 0.01) / 0.05))
    return cast(F32, like.astype(np.float32))


def _apply(rgb: F32, gain: F32, tint: F32) -> F32:
    """Shade the picture by ``gain`` (log) and dull its colour a little; the result stays in 0..1 where the crop did."""
    factor = cv2.exp(gain)[..., None]
    aged = rgb * factor
    grey = _luma(aged)[..., None]
    aged = aged + (np.float32(0.08) * tint)[..., None] * (grey - aged)
    return np.clip(aged, np.minimum(rgb, 0), np.maximum(rgb, 1)) - rgb

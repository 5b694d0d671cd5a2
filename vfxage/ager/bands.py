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

from vfxage.ager import wrinkle_lines
from vfxage.ager.contract import MeasuresNothing
from vfxage.types import F32, FaceCrop, Framing, Window

_FLOOR = 0.04
"""Added to luma before the logarithm: below it, detail is grain."""
_ROWS = 64
"""Rows shaded at a time, so that the work space stays in the cache."""


class Bands(MeasuresNothing):
    """The ager; see ``vfxage.ager.Ager`` for the contract."""

    name = "bands"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256, 512, 768, 1024)
    frames_per_call = 1

    def __init__(self, *, device: str = "cpu") -> None:
        self.workers_default = 1
        self.fingerprint = self.other_device_fingerprint = _method_digest()
        self.note = "bands: frequency separation on the CPU, no weights"
        if device.startswith("cuda"):
            self.note += f"; --device {device} is for networks"

    def __call__(self, crops: Sequence[FaceCrop]) -> list[F32]:
        """Answer one step per crop. Thread-safe; the same bits for any OpenCV thread count."""
        return [age_by_bands(crop) for crop in crops]


def _method_digest() -> str:
    """Any change to the method's own source is a change of its answers."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in ("bands.py", "wrinkle_lines.py"))).hexdigest()


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
    for top in range(0, window.height, _ROWS):
        rows = slice(top, top + _ROWS)
        step[inside][rows] = _apply(rgb[rows], gain[rows], tint[rows])
    return step


def _face_height(points: F32) -> float:
    return max(float(np.hypot(*(points[10] - points[152]))), 16.0)


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
    log = cast(F32, cv2.log(_luma(rgb) + _FLOOR))
    b1, b2 = _blur(log, height / 230), _blur(log, height / 75)
    small = _shrink(b2, 4)
    b3, b4 = _blur(small, height / 30 / 4), _blur(small, height / 9 / 4)
    fine, middle, broad = b1 - b2, b2 - _grow(b3, log.shape), _grow(b3 - b4, log.shape)
    skin, tone = _skin(rgb, points, height)
    bare = skin * _hairless(fine, skin, height)
    line, shade = _fold_maps(points, log.shape, height)
    if years > 0:
        fine, middle = (band * _creases_only(band, source) for band, source in ((fine, b1), (middle, b2)))
        change = years * tone * _older(fine, middle, broad, _grain(log - b1, skin), line, shade)
        bound = np.where(change > 0, np.float32(0.065), np.float32(0.5))  # highlights must not burn
        change = bound * np.tanh(change / bound)
    else:
        change = -(1 - math.exp(2.4 * years)) * _younger(fine, middle, broad, shade)
    return cast(F32, change * bare), skin * np.float32(years)


def _fold_maps(points: F32, shape: tuple[int, ...], height: float) -> tuple[F32, F32]:
    """Creases with light shoulders, mostly 0 on average, and wide shadows, both about 0..1."""
    line, shade = wrinkle_lines.draw_folds(points, shape)
    narrow, wide = height / 190, height / 32
    crease = _blur(line.astype(np.float32) / 255, narrow)
    shoulder = _blur(crease, 2.2 * narrow)
    shadow = _grow(_blur(_shrink(shade.astype(np.float32) / 255, 4), wide / 4), shape)
    return (crease - 0.8 * shoulder) * (narrow * 2.5), shadow * (wide * 2.5)


def _soft(detail: F32, depth: float) -> F32:
    """Detail of less than ``depth`` as it is; stronger detail (moles, edges of features) fades to nothing."""
    return cast(F32, detail / (1 + np.square(detail / depth)))


def _creases_only(band: F32, source: F32) -> F32:
    """1, falling to 0 where a dark detail is as short as it is wide: age deepens lines, not spots and pimples.

    By the curvatures of the smoothed picture (the eigenvalues of its Hessian): a line is curved one way only.
    """
    xx, yy, xy = (cv2.Sobel(source, cv2.CV_32F, *order, ksize=5) for order in ((2, 0), (0, 2), (1, 1)))
    half, split = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    spot = np.maximum(half - split, 0) / (np.abs(half) + split + np.float32(1e-6))
    return cast(F32, np.where(band < 0, 1 - 0.8 * np.sqrt(spot), np.float32(1)))


def _older(fine: F32, middle: F32, broad: F32, grain: float, line: F32, shade: F32) -> F32:
    power = np.square(fine)
    detail = 1.5 * _soft(fine, 0.13) * (power / (power + (1.5 * grain) ** 2 + 1e-9)) + 1.1 * _soft(middle, 0.2)
    detail = np.where(detail < 0, 1.3 * detail, 0.6 * detail)
    hollow = np.minimum(broad, 0)
    return cast(F32, detail * (1 + shade) + 0.5 * _soft(hollow, 0.3) * (0.15 + shade) - 0.22 * line - 0.11 * shade)


def _younger(fine: F32, middle: F32, broad: F32, shade: F32) -> F32:
    """What to take away: shallow detail and shadows in the folds; creases may be deeper than highlights."""
    shallow = fine * np.exp(-np.square(fine / np.where(fine < 0, 0.12, 0.08)).astype(np.float32))
    creases = middle * np.exp(-np.square(middle / np.where(middle < 0, 0.22, 0.14)).astype(np.float32))
    return cast(F32, 0.75 * shallow + 0.85 * creases + np.minimum(broad, 0) * 0.5 * np.minimum(shade, 1))


def _grain(finest: F32, skin: F32) -> float:
    sample = np.abs(finest[::2, ::2][skin[::2, ::2] > 0.5])
    return 1.48 * float(np.median(sample)) if sample.size else 0.0


def _hairless(fine: F32, skin: F32, height: float) -> F32:
    """1 on skin, falling to 0 where fine detail is far stronger than the face's own: stubble, fringes, rims."""
    power = _blur(_shrink(np.square(fine), 4), height / 40 / 4)
    weight = _shrink(skin, 4)
    own = float((power * weight).sum() / max(float(weight.sum()), 1e-6)) + 1e-6
    return _grow(cast(F32, 1 / (1 + np.square(power / (4 * own)))), fine.shape)


def _skin(rgb: F32, points: F32, height: float) -> tuple[F32, float]:
    """Where skin may change, 0..1: inside the mesh's skin and of the face's own colour; and how much it takes to show.

    On dark skin the same relative change is less seen: 1 for light skin, up to 1.6.
    """
    mesh = wrinkle_lines.draw_skin(points, rgb.shape[:2]).astype(np.float32) / 255
    soft = height / 50
    mesh = np.clip(_blur(mesh, soft) * 2 - 1, 0, 1)
    small = _shrink(rgb, 4)
    like, own = _likeness(_blur(small, height / 4 / 60), points / 4)
    like = _blur(cast(F32, cv2.erode(like, np.ones((3, 3), np.uint8))), 1.5)
    tone = min(max((0.55 / max(own, 0.05)) ** 0.5, 1.0), 1.6)
    return mesh * _grow(like, rgb.shape), tone


def _likeness(rgb: F32, points: F32) -> tuple[F32, float]:
    """Likeness to the face's own skin, 0..1, and that skin's luma.

    A plane of log colour, so that light from one side is allowed for, is fitted to where skin is likeliest; hair or
    glasses among those spots count little.
    """
    log = np.log(np.maximum(rgb, 0) + _FLOOR)
    at = points[list(wrinkle_lines.SKIN)]
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
    dark, light = np.maximum(0, -luma - 0.3), np.maximum(0, luma - 0.5)
    like = np.exp(-np.square(dark / 0.22) - np.square(light / 0.4) - np.square(np.maximum(0, chroma - 0.01) / 0.05))
    return cast(F32, like.astype(np.float32)), float(np.exp(plane[0].mean())) - _FLOOR


def _apply(rgb: F32, gain: F32, tint: F32) -> F32:
    """Shade by ``gain`` (log) and dull the colour by 0.06 ``tint``; what was below 1 stays below 1."""
    factor = cast(F32, cv2.exp(gain))
    grey = np.float32(0.06) * tint * factor
    own = factor - grey - 1
    grey *= _luma(rgb)
    # Merging first: numpy is slow at spreading one value over a last axis of three.
    step = cv2.multiply(rgb, cv2.merge((own, own, own)))
    step = cv2.add(step, cv2.merge((grey, grey, grey)))
    room = np.subtract(1, rgb)
    np.maximum(room, 0, out=room)
    return cast(F32, np.minimum(step, room, out=room))

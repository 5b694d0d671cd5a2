"""An ager without weights: frequency separation on the skin, as compositors do it by hand.

It works in the logarithm of display-referred luma. To make a face older it raises the middle band (features 1/128 to
1/32 of the face's height wide) above the grain, and draws lines and shadows into the folds. To make a face younger it
lowers the middle band where it is shallow (skin, not features) and lifts the shadows in the folds. Grain stays. The
mesh, and colours like the face's own, tell where skin is. The answer is a pure function of one crop. ``retouch.py``
holds all numbers of the look.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np

from vfxage.ager import wrinkle_lines
from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.ager.retouch import RETOUCH
from vfxage.types import F32, FaceCrop, Framing, Window

METHOD = 1
"""Raise it by 1 with every change that alters an answer: here, in ``retouch.py`` or in ``wrinkle_lines.py``. It is the
ager's fingerprint, so frames made before the change are then rendered again. ``tests/ager/test_golden.py`` fails where
it was forgotten."""
_ROWS = 64
"""Rows shaded at a time, so that the work space stays in the cache."""
_BLOCK = 8
"""The window starts on whole blocks of this many pixels, so that the coarse grids do not crawl over the crop."""
_COARSE = 4
"""Broad blurs run on a grid this many times coarser: they leave nothing finer."""


class Bands(MeasuresNothing):
    """The ager ``bands``; see ``vfxage.ager.Ager`` for the contract."""

    name = "bands"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256, 512, 768, 1024)
    frames_per_call = 1
    device = "cpu"

    def __init__(self, *, device: str = "cpu") -> None:
        self.workers_default = 1
        self.fingerprint = hashlib.sha256(f"bands {METHOD}".encode()).hexdigest()
        self.note = "bands: frequency separation on the CPU, no weights"
        if device.startswith("cuda"):
            self.note += f"; --device {device} is for networks"

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop. Thread-safe; the same bits for any OpenCV thread count."""
        return [Answer(step=age_by_bands(crop)) for crop in crops]

    def fingerprint_on(self, device: str) -> str:
        """The fingerprint on another device: the same, because this ager always runs on the CPU."""
        return self.fingerprint


def amount(source: float, target: float) -> float:
    """How much older: 0 at equal ages, about 1 from 40 to 80 years, negative for younger.

    Skin changes slowly before the middle thirties and steadily after, so that 20 to 30 is less than 50 to 60. Ages more
    than 60 years apart count as 60 years apart.
    """
    look = RETOUCH.wear
    target = min(max(target, source - look.most_years), source + look.most_years)

    def wear(age: float) -> float:
        late = look.late * look.softness * math.log1p(math.exp((age - look.bend) / look.softness))
        return (look.steady * age + late) / look.unit

    return wear(target) - wear(source)


def age_by_bands(crop: FaceCrop) -> F32:
    """The change of one crop: (S, S, 3) float32, in sRGB 0..1. Exactly 0 at equal ages and outside the skin."""
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
    """Forehead to chin on the mesh, pixels."""
    return max(float(np.hypot(*(points[10] - points[152]))), RETOUCH.detail.least_height)


def _face_window(points: F32, size: int) -> Window:
    """The mesh's box and a margin, on whole blocks of pixels, inside a crop of ``size``."""
    margin = RETOUCH.detail.margin * _face_height(points)
    low = np.floor((points.min(axis=0) - margin) / _BLOCK).astype(int) * _BLOCK
    high = np.ceil((points.max(axis=0) + margin) / _BLOCK).astype(int) * _BLOCK
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
    """The change of log luma, and the amount by which colour is dulled; both (h, w).

    ``years`` is an ``amount``.
    """
    height = _face_height(points)
    width = RETOUCH.detail
    log = cast(F32, cv2.log(_luma(rgb) + width.floor))
    b1, b2 = _blur(log, height / width.grain), _blur(log, height / width.pores)
    small = _shrink(b2, _COARSE)
    b3, b4 = _blur(small, height / width.lines / _COARSE), _blur(small, height / width.hollows / _COARSE)
    fine, middle, broad = b1 - b2, b2 - _grow(b3, log.shape), _grow(b3 - b4, log.shape)
    skin, tone = _skin(rgb, points, height)
    bare = skin * _hairless(fine, skin, height)
    line, shade = _fold_maps(points, log.shape, height)
    if years > 0:
        fine, middle = (band * _creases_only(band, source) for band, source in ((fine, b1), (middle, b2)))
        change = years * tone * _older(_Detail(fine, middle, broad), _grain(log - b1, skin), line, shade)
        most = RETOUCH.older
        bound = np.where(change > 0, np.float32(most.most_brighter), np.float32(most.most_darker))
        change = bound * np.tanh(change / bound)
    else:
        change = -(1 - math.exp(RETOUCH.younger.speed * years)) * _younger(fine, middle, broad, shade)
    return cast(F32, change * bare), skin * np.float32(years)


def _fold_maps(points: F32, shape: tuple[int, ...], height: float) -> tuple[F32, F32]:
    """Creases with light shoulders, mostly 0 on average, and wide shadows, both about 0..1."""
    look = RETOUCH.folds
    line, shade = wrinkle_lines.draw_folds(points, shape)
    narrow, wide = height / look.crease, height / look.shadow
    crease = _blur(line.astype(np.float32) / 255, narrow)
    shoulder = _blur(crease, look.shoulder_width * narrow)
    shadow = _grow(_blur(_shrink(shade.astype(np.float32) / 255, _COARSE), wide / _COARSE), shape)
    return (crease - look.shoulder * shoulder) * (narrow * look.peak), shadow * (wide * look.peak)


def _soft(detail: F32, depth: float) -> F32:
    """Keep detail much shallower than ``depth``; stronger detail (moles, edges of features) fades to nothing."""
    return cast(F32, detail / (1 + np.square(detail / depth)))


def _creases_only(band: F32, source: F32) -> F32:
    """1, falling towards 0 where a dark detail is as short as it is wide: age deepens lines, not spots and pimples.

    The curvatures of the smoothed picture tell (the eigenvalues of its Hessian): a line is curved one way only.
    """
    xx, yy, xy = (cv2.Sobel(source, cv2.CV_32F, *order, ksize=5) for order in ((2, 0), (0, 2), (1, 1)))
    half, split = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    spot = np.maximum(half - split, 0) / (np.abs(half) + split + np.float32(1e-6))
    return cast(F32, np.where(band < 0, 1 - RETOUCH.older.spots * np.sqrt(spot), np.float32(1)))


class _Detail(NamedTuple):
    """Bands of log luma, (h, w) each, from fine to broad."""

    fine: F32
    middle: F32
    broad: F32


def _older(detail_of: _Detail, grain: float, line: F32, shade: F32) -> F32:
    """Change of log luma for one unit of ageing: deeper detail, and the lines and shadows of the folds."""
    look = RETOUCH.older
    fine, middle, broad = detail_of
    power = np.square(fine)
    above_grain = power / (power + (look.grain * grain) ** 2 + 1e-9)
    detail = look.fine * _soft(fine, look.fine_depth) * above_grain + look.middle * _soft(middle, look.middle_depth)
    detail = np.where(detail < 0, look.dark * detail, look.light * detail)
    hollow = look.hollow * _soft(np.minimum(broad, 0), look.hollow_depth) * (look.hollow_everywhere + shade)
    return cast(F32, detail * (1 + shade) + hollow - look.line * line - look.shade * shade)


def _younger(fine: F32, middle: F32, broad: F32, shade: F32) -> F32:
    """The part of log luma that many years less remove: shallow detail, and the shadows in the folds."""
    look = RETOUCH.younger
    pore = np.where(fine < 0, look.fine_dark, look.fine_light)
    crease = np.where(middle < 0, look.middle_dark, look.middle_light)
    shallow = fine * np.exp(-np.square(fine / pore).astype(np.float32))
    creases = middle * np.exp(-np.square(middle / crease).astype(np.float32))
    shadows = np.minimum(broad, 0) * look.hollow * np.minimum(shade, 1)
    return cast(F32, look.fine * shallow + look.middle * creases + shadows)


def _grain(finest: F32, skin: F32) -> float:
    """Standard deviation of the grain on the skin: 1.48 times the median size, as for a normal distribution."""
    sample = np.abs(finest[::2, ::2][skin[::2, ::2] > 0.5])
    return 1.48 * float(np.median(sample)) if sample.size else 0.0


def _hairless(fine: F32, skin: F32, height: float) -> F32:
    """1 on skin, falling to 0 where fine detail is far stronger than the face's own: stubble, fringes, rims."""
    look = RETOUCH.skin
    power = _blur(_shrink(np.square(fine), _COARSE), height / look.hair_blur / _COARSE)
    weight = _shrink(skin, _COARSE)
    own = float((power * weight).sum() / max(float(weight.sum()), 1e-6)) + 1e-6
    return _grow(cast(F32, 1 / (1 + np.square(power / (look.hair_power * own)))), fine.shape)


def _skin(rgb: F32, points: F32, height: float) -> tuple[F32, float]:
    """Where skin may change, (h, w) 0..1, and the factor by which this skin must change to look as old.

    Skin is inside the mesh's skin and of the face's own colour. The same relative change is seen less on dark skin: the
    factor is 1 for light skin, and up to ``Tone.most`` for dark skin.
    """
    look, brightness = RETOUCH.skin, RETOUCH.tone
    mesh = wrinkle_lines.draw_skin(points, rgb.shape[:2]).astype(np.float32) / 255
    mesh = np.clip(_blur(mesh, height / look.edge) * 2 - 1, 0, 1)  # the soft edge lies inside the outline
    small = _shrink(rgb, _COARSE)
    like, own = _likeness(_blur(small, height / _COARSE / look.colour_blur), points / _COARSE)
    like = _blur(cast(F32, cv2.erode(like, np.ones((3, 3), np.uint8))), look.colour_edge)
    tone = min(max((brightness.full / max(own, brightness.darkest)) ** brightness.power, 1.0), brightness.most)
    return mesh * _grow(like, rgb.shape), tone


def _likeness(rgb: F32, points: F32) -> tuple[F32, float]:
    """How much each pixel is like the face's own skin, (h, w) 0..1, and that skin's luma."""
    look, floor = RETOUCH.skin, RETOUCH.detail.floor
    log = np.log(np.maximum(rgb, 0) + floor)
    own, level = _own_colour(log, points)
    off = (log - own).astype(np.float32)
    luma = off.mean(axis=2)
    chroma = np.square(off - luma[..., None]).sum(axis=2)
    dark, light = np.maximum(0, -luma - look.dark), np.maximum(0, luma - look.light)
    other = np.maximum(0, chroma - look.chroma) / look.chroma_fade
    like = np.exp(-np.square(dark / look.dark_fade) - np.square(light / look.light_fade) - np.square(other))
    return cast(F32, like.astype(np.float32)), float(np.exp(level)) - floor


def _own_colour(log: F32, points: F32) -> tuple[F32, float]:
    """The face's own colour at each pixel, (h, w, 3) log, and its mean over R, G and B at the middle of the face.

    It is a plane, so that light from one side is allowed for, fitted to where skin is likeliest. Samples that miss the
    plane (hair, glasses) count little in the next pass.
    """
    look = RETOUCH.skin
    at = points[list(wrinkle_lines.SKIN)]
    spot = np.clip(at.astype(int), 0, (log.shape[1] - 1, log.shape[0] - 1))
    seen = log[spot[:, 1], spot[:, 0]]
    middle, span = at.mean(axis=0), max(float(np.ptp(at)), 1.0)
    basis = np.column_stack([np.ones(len(at)), (at - middle) / span])
    pull = np.diag([look.fit_level, look.fit_slope, look.fit_slope])
    weight = np.ones(len(at))
    for _ in range(look.fit_passes):
        scaled = basis * weight[:, None]
        plane = np.linalg.solve(scaled.T @ basis + pull, scaled.T @ seen)
        miss = np.square(seen - basis @ plane).sum(axis=1)
        weight = 1 / (1 + miss / look.fit_outlier)
    y, x = np.mgrid[: log.shape[0], : log.shape[1]].astype(np.float32) + 0.5
    own = plane[0] + (x[..., None] - middle[0]) / span * plane[1] + (y[..., None] - middle[1]) / span * plane[2]
    return own, float(plane[0].mean())


def _apply(rgb: F32, gain: F32, tint: F32) -> F32:
    """The step that shades by ``gain`` (log) and dulls the colour by ``tint``. No pixel rises above 1 by it."""
    factor = cast(F32, cv2.exp(gain))
    grey = np.float32(RETOUCH.tone.dulling) * tint * factor
    own = factor - grey - 1
    grey *= _luma(rgb)
    # Merging first: numpy is slow at spreading one value over a last axis of three.
    step = cv2.multiply(rgb, cv2.merge((own, own, own)))
    step = cv2.add(step, cv2.merge((grey, grey, grey)))
    room = np.subtract(1, rgb)
    np.maximum(room, 0, out=room)
    return cast(F32, np.minimum(step, room, out=room))

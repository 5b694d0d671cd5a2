"""Luminance and chroma to red, green and blue.

"Technical Introduction to OpenEXR", luminance/chroma images: Y = wR R + wG G + wB B with the weights of the file's
chromaticities, RY = (R - Y) / Y and BY = (B - Y) / Y, the latter two at every second pixel of every second line.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vfxage.types import F32, F64

REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""The chromaticities of an OpenEXR file that names none (the OpenEXR specification)."""

_PAIRS = 7


def _taps() -> F32:
    """Weights of the pairs of neighbours half a sample away, 1.5 away, ...: a Kaiser-windowed sinc that sums to one."""
    distance = np.arange(_PAIRS) + 0.5
    window = np.i0(5.0 * np.sqrt(1.0 - (distance / _PAIRS) ** 2))
    taps = np.sinc(distance) * window
    return np.asarray(taps / (2.0 * taps.sum()), np.float32)


def weights(chromaticities: tuple[float, ...]) -> F64:
    """Luminance weights (3,) of R, G and B whose white has luminance 1: the Y row of the RGB to XYZ matrix."""
    xy = np.array(chromaticities, np.float64).reshape(4, 2)
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1.0 - xy.sum(1)) / xy[:, 1]])
    gains = np.linalg.solve(xyz[:3].T, xyz[3])
    return np.asarray(gains, np.float64)


def to_rgb(y: F32, ry: F32, by: F32, luminance: F64) -> F32:
    """(H, W, 3) from Y (H, W) and RY, BY (H/2, W/2), whose samples sit on the even pixels."""
    red = (_double(ry, y.shape) + np.float32(1)) * y
    blue = (_double(by, y.shape) + np.float32(1)) * y
    wr, wg, wb = (np.float32(w) for w in luminance)
    green = (y - red * wr - blue * wb) / wg
    return _calm(np.stack([red, green, blue], axis=-1), luminance)


def _calm(rgb: F32, luminance: F64) -> F32:
    """Desaturate, luminance kept, the pixels that are far more saturated than the four around them.

    The interpolation of chroma rings at edges: without this a bright red edge has negative blue beside it. OpenEXR's
    own reader of such files limits saturation by the same rule.
    """
    most = rgb.max(axis=-1)
    saturation = np.where(most > 0, 1 - rgb.min(axis=-1) / most, 0).astype(np.float32)
    around = np.pad(saturation, 1, mode="edge")
    mean = (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
    limit = 1 - (1 - np.minimum(mean, 1)) / 4
    wild = saturation > limit
    pixels, top = rgb[wild], most[wild][:, None]
    calmed = np.maximum(top - (top - pixels) * (limit[wild] / saturation[wild])[:, None], 0)
    calmed *= (pixels @ luminance / (calmed @ luminance))[:, None]
    rgb[wild] = calmed
    return rgb


def _double(samples: F32, shape: tuple[int, ...]) -> F32:
    return _double_rows(_double_rows(samples, shape[0]).T, shape[1]).T


def _double_rows(samples: F32, count: int) -> F32:
    """Twice as many rows: the even ones are the samples, the odd ones lie half way between them."""
    padded: np.ndarray[Any, np.dtype[np.float32]] = np.pad(samples, ((_PAIRS - 1, _PAIRS), (0, 0)), mode="edge")
    rows = np.zeros((2 * len(samples), samples.shape[1]), np.float32)
    rows[0::2] = samples
    for pair, weight in enumerate(_taps()):
        before, after = _PAIRS - 1 - pair, _PAIRS + pair
        rows[1::2] += weight * (padded[before : before + len(samples)] + padded[after : after + len(samples)])
    return rows[:count]

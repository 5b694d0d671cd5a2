"""Figures for what a supervisor sees: shimmer, seams, and whether the plate was left alone. Pure functions."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.types import F32


def flicker(deltas: F32, plates: F32, matte: F32) -> float:
    """How much the delta shimmers beside the plate's own change from frame to frame.

    ``deltas`` and ``plates`` are (T, S, S, 3) in the same stabilised crop and encoding, ``matte`` (S, S). Root mean
    square of the second difference in time over the matte, of the deltas over that of the plates: steady motion and
    keyframed ages cancel, grain and jumps stay. 0 for a constant delta; infinite where only the delta moves. Raises
    ValueError for fewer than three frames.
    """
    if len(deltas) < 3 or deltas.shape != plates.shape:
        raise ValueError(f"flicker needs three frames or more, alike: got {deltas.shape} and {plates.shape}")
    own, plate = (_unrest(series, matte) for series in (deltas, plates))
    if plate == 0:
        return 0.0 if own == 0 else float("inf")
    return own / plate


def _unrest(series: F32, matte: F32) -> float:
    jumps = series[2:].astype(np.float64) - 2 * series[1:-1] + series[:-2]
    weight = matte.astype(np.float64)
    return float(np.sqrt((weight[None, :, :, None] * jumps**2).sum() / max(weight.sum() * len(jumps) * 3, 1e-12)))


def seam(delta: F32, matte: F32) -> float:
    """How hard the delta ends: its steepest slopes where the matte ramps, over those where the matte is full.

    ``delta`` is (H, W, 3), already multiplied by the matte, ``matte`` (H, W). 99th percentiles of the gradient's
    length; above about 1 an edge shows that the face does not have. 0 where the delta is 0 throughout.
    """
    rows, columns = np.gradient(delta.astype(np.float64), axis=(0, 1))
    slope = np.sqrt(rows**2 + columns**2).max(axis=2)
    inside = cv2.erode((matte >= 1).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # the slope looks a pixel around
    edge = ~inside & (slope > 0)
    if not edge.any():
        return 0.0
    face = float(np.percentile(slope[inside], 99)) if inside.any() else 0.0
    return float(np.percentile(slope[edge], 99)) / face if face > 0 else float("inf")


def untouched(plate: F32 | NDArray[np.float16], beauty: F32 | NDArray[np.float16], matte: F32) -> int:
    """Count the pixels outside the matte whose bits differ; 0 is the law.

    ``plate`` and ``beauty`` are (H, W, 3) of one dtype; NaN payloads and the sign of zero count.
    """
    if plate.dtype != beauty.dtype or plate.shape != beauty.shape:
        raise ValueError(f"must be alike, got {plate.dtype}{plate.shape} and {beauty.dtype}{beauty.shape}")
    bits = np.uint16 if plate.dtype == np.float16 else np.uint32
    differ = (np.ascontiguousarray(plate).view(bits) != np.ascontiguousarray(beauty).view(bits)).any(axis=2)
    return int(np.count_nonzero(differ & (matte == 0)))


def psnr(image: F32, reference: F32, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB; infinite where the two are equal."""
    error = float(np.mean((image.astype(np.float64) - reference) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))

"""Figures for what a supervisor sees: shimmer and seams. Pure functions."""

from __future__ import annotations

import cv2
import numpy as np

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

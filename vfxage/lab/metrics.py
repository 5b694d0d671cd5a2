"""Figures for the faults that a supervisor sees: shimmer and seams. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vfxage.lab.flow import dense_flow, luma_codes, moved_onto
from vfxage.types import F32


def flicker(deltas: Sequence[F32], plates: Sequence[F32], matte: F32) -> float:
    """Flicker of the delta over the plate's own change from frame to frame, both along the motion.

    ``deltas`` and ``plates`` are the same T frames of one crop, (S, S, 3) each, plates in sRGB 0..1; ``matte`` is
    (S, S). Each frame is moved onto the frame before it by the plate's optical flow. The result is the remaining change
    of the delta (root mean square over the matte) divided by that of the plate: 0 if the delta moves exactly with the
    face, 1 if it changes as much as the plate's grain, infinite if only the delta changes. Raises ValueError for fewer
    than two frames.
    """
    if len(deltas) < 2 or len(deltas) != len(plates):
        raise ValueError(f"flicker needs two frames or more, alike: got {len(deltas)} and {len(plates)}")
    codes = [luma_codes(plate) for plate in plates]
    own = plate = 0.0
    for k in range(len(plates) - 1):
        flow = dense_flow(codes[k], codes[k + 1])
        own += _change(deltas[k], deltas[k + 1], flow, matte)
        plate += _change(plates[k], plates[k + 1], flow, matte)
    if plate == 0:
        return 0.0 if own == 0 else float("inf")
    return float(np.sqrt(own / plate))


def _change(here: F32, following: F32, flow: F32, matte: F32) -> float:
    """Sum of squares, weighted by the matte, of the change that the flow leaves."""
    return float(np.einsum("yxc,yx->", np.square(moved_onto(following, flow) - here, dtype=np.float64), matte))


def seam(delta: F32, matte: F32) -> float:
    """How visible the edge of the delta is: its slopes where the matte fades, over its slopes where the matte is 1.

    ``delta`` is (H, W, 3), already multiplied by the matte, ``matte`` (H, W). Both slopes are the 99th percentile of
    the gradient's length. Above about 1, an edge is visible that the face does not have. 0 if the delta is 0
    everywhere.
    """
    rows, columns = np.gradient(delta.astype(np.float64), axis=(0, 1))
    slope = np.sqrt(rows**2 + columns**2).max(axis=2)
    inside = cv2.erode((matte >= 1).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # a slope needs neighbours
    edge = ~inside & (slope > 0)
    if not edge.any():
        return 0.0
    face = float(np.percentile(slope[inside], 99)) if inside.any() else 0.0
    return float(np.percentile(slope[edge], 99)) / face if face > 0 else float("inf")

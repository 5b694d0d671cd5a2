"""Optical flow between frames, pictures moved along it, and where it can be trusted. Pure functions."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.colour.curves import LUMA_709
from vfxage.types import F32, U8

_MISMATCH, _MISMATCH_PX = 0.01, 0.5
_EDGE, _EDGE_PX = 0.01, 0.002
"""Limits of Ruder et al. (2016, Artistic style transfer for videos), which Lai et al. (2018) use too: shares of the
squared flow, and squared pixels."""


def luma_codes(rgb: F32) -> U8:
    """Luma (S, S) of an sRGB picture (S, S, 3), 0..1, in codes of 255, as flow methods take it."""
    luma = cv2.transform(rgb, LUMA_709[None])
    return np.asarray(np.clip(luma * 255 + 0.5, 0, 255), dtype=np.uint8)


def dense_flow(here: U8, following: U8) -> F32:
    """Motion of every pixel of ``here`` to ``following``: (S, S, 2) pixels, by dense inverse search."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setUseSpatialPropagation(False)  # it goes stripe by stripe, one per thread: figures would differ by machine
    return np.asarray(search.calc(here, following, None), dtype=np.float32)  # type: ignore[call-overload]


def moved_onto(following: F32, flow: F32) -> F32:
    """The next frame moved onto the frame where ``flow`` starts: (S, S, ...); beyond the picture its edge repeats."""
    rows, columns = np.indices(flow.shape[:2], dtype=np.float32)
    x, y = flow[..., 0] + columns, flow[..., 1] + rows
    return np.asarray(cv2.remap(following, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def visible(flow: F32, back: F32) -> NDArray[np.bool_]:
    """Where a pixel is seen on both frames and its motion is clear: (S, S), after Ruder et al. (2016).

    ``back`` is the flow from the next frame to this one. False where the two do not cancel (something is hidden or
    uncovered), and at edges of motion.
    """
    returned = moved_onto(back, flow)
    squared = np.square(flow).sum(axis=2)
    apart = np.square(flow + returned).sum(axis=2)
    hidden = apart > _MISMATCH * (squared + np.square(returned).sum(axis=2)) + _MISMATCH_PX
    slopes = [np.gradient(flow[..., k], axis=(0, 1)) for k in range(2)]
    steep = np.sum([np.square(slope) for pair in slopes for slope in pair], axis=0)
    return np.asarray(~(hidden | (steep > _EDGE * squared + _EDGE_PX)), np.bool_)

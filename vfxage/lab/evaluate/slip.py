"""Slip: how far an added layer slides over the skin that it should stick to, on corners of the skin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.lab.evaluate.regions import Mask
from vfxage.types import F32, U8

_CORNERS = 200
_APART = 40
"""Most corners of a frame. The least distance between two is the crop's side divided by this."""
_QUALITY = 0.01
"""Least strength of a corner, as a share of the strongest (Shi and Tomasi 1994)."""
_WINDOW, _LEVELS = 21, 3
"""Side of a patch, pixels, and halvings of the picture, in the tracker of Lucas and Kanade (Bouguet 2001)."""
_STOP_WHEN = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.003)
_RETURN = 0.3
"""Pixels within which a corner must come back when it is tracked backwards. Others are not counted."""
_NEIGHBOURS = 9
"""Nearest corners whose median is taken at each corner. A frame with fewer corners is not measured."""
_CONTRAST = 1.5
"""Least deviation of the layer around a corner, in the codes of its picture. A smooth layer shows no slip."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LayerFrame(ArrayData):
    """What slip needs of one frame."""

    plate: U8 = field(metadata=shaped("S", "S", dtype=np.uint8))
    """Luma in codes of 255."""
    layer: U8 = field(metadata=shaped("S", "S", dtype=np.uint8))
    """The layer's luma about 128 (``layer_codes``)."""
    scale: float
    """Plate pixels per crop pixel."""


def layer_codes(plate: F32, beauty: F32) -> U8:
    """The layer between two sRGB pictures (S, S, 3) as a picture (S, S) about 128, in codes of 255.

    It is the log ratio of their lumas. A shading layer multiplies the plate, so the plate's own corners cancel.
    """
    before, after = (np.log(np.maximum(image.mean(axis=2), 0) + np.float32(0.02)) for image in (plate, beauty))
    ratio = after - before
    ratio -= cv2.GaussianBlur(ratio, (0, 0), max(2.0, plate.shape[0] / 32))  # broad shading has no corners
    return np.asarray(np.clip(128 + 600 * ratio, 0, 255), np.uint8)


def corner_slips(here: LayerFrame, later: LayerFrame, skin: Mask) -> NDArray[np.float64]:
    """Slip of the layer at each corner of ``here``'s skin on a ``later`` frame: (N,) plate pixels.

    The plate says where a corner of the skin goes. From there, the layer's own picture is searched for the patch that
    was at the corner. The slip is the distance between both places. Corners that cannot be followed both ways, in the
    plate or in the layer, are left out, and so are those where the layer is smooth.
    """
    least = max(4.0, here.plate.shape[0] / _APART)
    inner = cv2.erode(skin.astype(np.uint8), np.ones((9, 9), np.uint8))
    found: Any = cv2.goodFeaturesToTrack(here.plate, _CORNERS, _QUALITY, least, mask=inner)
    corners = np.asarray([] if found is None else found, np.float32).reshape(-1, 2)
    corners = corners[_contrast(here.layer, corners) >= _CONTRAST] if len(corners) else corners
    if not len(corners):
        return np.zeros(0)
    carried, kept = _tracked(here.plate, later.plate, corners, corners)
    went, stuck = _tracked(here.layer, later.layer, corners, carried)
    both = kept & stuck
    if both.sum() < _NEIGHBOURS:
        return np.zeros(0)
    slid = _median_of_neighbours(corners[both], (went - carried)[both])
    return np.asarray(np.hypot(*slid.T) * here.scale, np.float64)


def _median_of_neighbours(corners: F32, slid: F32) -> F32:
    """The median slip of each corner and its neighbours, (N, 2).

    A layer slides by patches as large as the face's parts. Grain moves single corners, and the median takes that out.
    """
    apart = np.square(corners[:, None] - corners[None]).sum(axis=2)
    near = np.argsort(apart, axis=1)[:, :_NEIGHBOURS]
    return np.asarray(np.median(slid[near], axis=1), np.float32)


def _contrast(layer: U8, corners: F32) -> F32:
    """Deviation of the layer in the window around each corner, (N,)."""
    image = layer.astype(np.float32)
    mean, square = (cv2.blur(one, (_WINDOW, _WINDOW)) for one in (image, image * image))
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    column, row = np.round(corners).astype(int).T
    return np.asarray(spread[row, column], np.float32)


def _tracked(here: U8, later: U8, corners: F32, guess: F32) -> tuple[F32, Mask]:
    """Where corners go, (N, 2), and whether they come back when they are tracked backwards."""
    window, flags = (_WINDOW, _WINDOW), cv2.OPTFLOW_USE_INITIAL_FLOW
    start = guess.copy(), None, None, window, _LEVELS, _STOP_WHEN, flags
    went, there, _ = cv2.calcOpticalFlowPyrLK(here, later, corners, *start)
    start = corners.copy(), None, None, window, _LEVELS, _STOP_WHEN, flags
    back, returned, _ = cv2.calcOpticalFlowPyrLK(later, here, went, *start)
    near = np.hypot(*(back - corners).T) <= _RETURN
    return np.asarray(went, np.float32), np.asarray((there.ravel() > 0) & (returned.ravel() > 0) & near, np.bool_)

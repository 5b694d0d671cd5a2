"""Regions of a face: feathered masks drawn from the mesh, each with its own target age, look and amount of change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field

import cv2
import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.face.look import Look, Wish
from vfxage.geometry import FACE_HEIGHT, OVAL, framing_transform, spline
from vfxage.types import F32, Framing

FEATHER = 0.07
"""Heights of the face over which one region gives way to the next, to either side of their border."""

_FINE = 6
"""Pixels of feather that are enough to draw it smoothly: larger faces are drawn smaller and enlarged."""
_GRAINS = 4
"""Pixels drawn across one of that drawing, as OpenCV's edges are a quarter of a pixel off."""
_FAR = 4.0
"""Landmarks that lie more than this many sides of the crop outside it are moved to that distance."""

_LOWER = OVAL[OVAL.index(361) : OVAL.index(132) + 1]
"""The jaw line from one corner of the jaw round the chin to the other."""
_UPPER = [*OVAL[OVAL.index(21) :], *OVAL[: OVAL.index(251) + 1]]
"""The hairline from temple to temple."""
_BROWS = [70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300]
_EYES = (
    [156, 70, 63, 105, 66, 107, 55, 193, 245, 128, 121, 120, 119, 118, 117, 111, 143, 34, 127, 162, 21],
    [383, 300, 293, 334, 296, 336, 285, 417, 465, 357, 350, 349, 348, 347, 346, 340, 372, 264, 356, 389, 251],
)
"""Outline of each eye region: brow, lids, the skin below, crow's feet and temple."""
_CHEEKS = (
    [34, 143, 111, 117, 118, 119, 120, 121, 126, 129, 203, 206, 216, 212, 214, 138, 215, 58, 132, 93, 234, 127],
    [264, 372, 340, 346, 347, 348, 349, 350, 355, 358, 423, 426, 436, 432, 434, 367, 435, 288, 361, 323, 454, 356],
)
_MOUTH = [2, 97, 98, 203, 206, 216, 212, 202, 204, 194, 201, 200, 421, 418, 424, 422, 432, 436, 426, 423, 327, 326]
"""Lips, the skin above them and the folds beside them."""
_ABOVE, _BELOW = 0.22, 0.9
"""How far the forehead's mask goes up from the mesh, and the neck's down from the jaw, in lengths of the face."""


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """The shot's settings for one region on one frame."""

    intensity: float
    """Multiplies the face's own."""
    target: float | None = None
    """Years; None for the face's own."""
    look: Look | None = None
    """None for the face's own."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Regional(ArrayData):
    """The regions' settings drawn on one crop."""

    gain: F32 | None = field(metadata=shaped("S", "S"))
    """(S, S): multiplies the step; None where it is 1 everywhere."""
    others: tuple[tuple[Wish, F32], ...] = field(metadata=shaped("S", "S"))
    """What regions want with their weights (S, S) 0..1; the rest of the weight is what the face itself wants."""


def regional(points: F32, size: int, settings: Mapping[str, RegionSettings], own: Wish) -> Regional:
    """Draw what ``settings`` (by region) make of a crop of ``size`` whose landmarks are ``points``, crop pixels.

    ``own`` is what the face itself wants: a region that wants the same needs no weight of its own.
    """
    wishes = {name: _wish(one, own) for name, one in settings.items()}
    others = set(wishes.values()) - {own}
    if not others and all(one.intensity == 1 for one in settings.values()):
        return Regional(gain=None, others=())
    masks = region_masks(points, size)
    gain = None
    if any(one.intensity != 1 for one in settings.values()):
        gain = np.ones((size, size), np.float32)
        for name, one in settings.items():
            gain += masks[name] * np.float32(one.intensity - 1)
        np.maximum(gain, 0, out=gain)
    found = tuple(
        (wish, np.sum([masks[name] for name, wanted in wishes.items() if wanted == wish], axis=0, dtype=np.float32))
        for wish in sorted(others, key=astuple)
    )
    return Regional(gain=gain, others=found)


def _wish(settings: RegionSettings, own: Wish) -> Wish:
    """What a region wants; what it leaves out has the face's own value."""
    target = own.target if settings.target is None else settings.target
    return Wish(target=target, look=settings.look or own.look)


def region_masks(points: F32, size: int) -> dict[str, F32]:
    """Masks (S, S) 0..1 of every region by name, soft at their borders; their sum is at most 1.

    Nose, ears, hair and background belong to no region. ``points`` is (478, 2) crop pixels. Overlapping regions are
    drawn over each other from neck to eyes, so that borders follow the landmarks, and then blurred equally.
    """
    points = np.clip(points, -_FAR * size, (1 + _FAR) * size)
    height = FACE_HEIGHT * math.sqrt(np.linalg.det(framing_transform(points, Framing(name="ffhq"))[:, :2]))
    reach = max(FEATHER * height, 2.0)
    step = 2 ** max(0, int(math.log2(reach / _FINE)))
    around, side = math.ceil(reach / step), -(-size // step)
    kernel = spline(reach / step)
    left = np.ones((side + 2 * around, side + 2 * around), np.float32)
    masks = {}
    for name, outlines in reversed(_outlines(points).items()):
        drawn = np.zeros([_GRAINS * side for side in left.shape], np.uint8)
        for outline in outlines:
            hull = cv2.convexHull(outline.astype(np.float32))
            at = np.round(((hull / step + around) * _GRAINS - 0.5) * 16)
            cv2.fillConvexPoly(drawn, at.astype(np.int32), (255,), lineType=cv2.LINE_AA, shift=4)
        coarse = cv2.resize(drawn, left.shape[::-1], interpolation=cv2.INTER_AREA)
        own = coarse.astype(np.float32) * left / np.float32(255)
        left -= own
        soft = np.asarray(cv2.sepFilter2D(own, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)
        masks[name] = _enlarged(soft[around : around + side, around : around + side], step, size)
    return masks


def _outlines(points: F32) -> dict[str, tuple[F32, ...]]:
    """Convex outlines of each region, in the order in which they are drawn."""
    down = points[152] - points[10]
    jaw, top = points[_LOWER], points[_UPPER]
    return {
        "neck": (np.concatenate([jaw, jaw + np.float32(_BELOW) * down]),),
        "jaw": (jaw,),
        "forehead": (np.concatenate([points[_BROWS], top, top - np.float32(_ABOVE) * down]),),
        "cheeks": tuple(points[ids] for ids in _CHEEKS),
        "mouth": (points[_MOUTH],),
        "eyes": tuple(points[ids] for ids in _EYES),
    }


def _enlarged(small: F32, step: int, size: int) -> F32:
    """Linear: if the sum of masks is at most 1, it is so after the blur too."""
    if step > 1:
        small = np.asarray(cv2.resize(small, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.ascontiguousarray(small[:size, :size])

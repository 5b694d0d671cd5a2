"""Find the parts of a face in its crop, from the mesh and from similarity to its own skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.face.regions import region_masks
from vfxage.geometry import OVAL
from vfxage.types import F32, FaceCrop

Mask = NDArray[np.bool_]

_EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_MOUTH = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
"""Inner edge of the lips: what lies inside is teeth, tongue and dark."""
_NOSTRILS = ((98, 97, 2, 94, 19, 44, 237, 218, 64), (327, 326, 2, 94, 19, 274, 457, 438, 294))
_CHEEKS = (50, 101, 36, 205, 207, 187, 280, 330, 266, 425, 427, 411, 151, 9)
"""Landmarks on skin that is rarely covered."""
_FRAMES = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 372, 345, 330, 329, 6, 100, 101, 116, 143)
"""Around both eyes, from the brows to the cheekbones: the place of the rims of glasses."""
_FLOOR = 0.04
_DARKER, _LIGHTER = 0.45, 0.6
"""Largest difference in log luma between skin and the fitted light on the face."""
_COLOUR = 0.22
"""Log chroma within which it is skin."""
_SHARP = 0.16
"""Least difference in log luma between thin rims and their surroundings."""
_OPEN = 0.006
"""Least area of an open mouth, shares of the face."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FaceParts(ArrayData):
    """Masks (S, S) of one crop."""

    face: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Inside the mesh's outline."""
    skin: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Inside the face and outside eyes, brows and lips, with the colour of the face's skin."""
    eyes: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Between the lids: iris and white."""
    teeth: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Inside the lips; empty where the mouth is closed."""
    hair: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Inside the face and outside eyes, brows and lips, with another colour: fringe, beard, hands, objects."""
    rims: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Around the eyes, but no skin, eye or brow: the rims and the glare of glasses."""
    neck: Mask = field(metadata=shaped("S", "S", dtype=np.bool_))
    """Below the jaw, with the colour of the face's skin."""


def find_face_parts(crop: FaceCrop) -> FaceParts:
    """Find the parts of the face in a crop."""
    size, points = crop.rgb.shape[0], crop.points
    face = _fill(size, points, (OVAL,))
    eyes, brows = _fill(size, points, _EYES), _fill(size, points, _BROWS)
    lips, teeth = _fill(size, points, (_LIPS,)), _fill(size, points, (_MOUTH,))
    height = float(np.hypot(*(points[10] - points[152])))
    lids, brows = _grown(eyes, height / 25), _grown(brows, height / 40)
    features = lids | brows | _grown(lips, height / 60) | _grown(_fill(size, points, _NOSTRILS), height / 60)
    like = _likeness(crop.rgb, points)
    bare = face & ~features
    rims = _hull(size, points, _FRAMES) & (~like | _sharp(crop.rgb, height)) & ~_grown(eyes, height / 30) & ~brows
    opened = teeth.sum() >= _OPEN * max(int(face.sum()), 1)
    return FaceParts(
        face=face,
        skin=bare & like,
        eyes=eyes,
        teeth=teeth if opened else np.zeros_like(teeth),
        hair=bare & ~like & ~_hull(size, points, _FRAMES),
        rims=rims,
        neck=(region_masks(points, size)["neck"] > 0.5) & like & ~face,
    )


def _fill(size: int, points: F32, outlines: Sequence[Sequence[int]]) -> Mask:
    mask = np.zeros((size, size), np.uint8)
    for outline in outlines:
        at = np.round((points[list(outline)] - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [at], (1,), shift=4)
    return np.asarray(mask > 0, np.bool_)


def _hull(size: int, points: F32, ids: Sequence[int]) -> Mask:
    mask = np.zeros((size, size), np.uint8)
    hull = cv2.convexHull(points[list(ids)])
    cv2.fillConvexPoly(mask, np.round((hull - 0.5) * 16).astype(np.int32), (1,), shift=4)
    return np.asarray(mask > 0, np.bool_)


def _grown(mask: Mask, reach: float) -> Mask:
    side = 2 * max(1, round(reach)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0, np.bool_)


def _sharp(rgb: F32, height: float) -> Mask:
    log = np.log(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) + np.float32(_FLOOR))
    return np.asarray(np.abs(log - cv2.GaussianBlur(log, (0, 0), height / 60)) > _SHARP, np.bool_)


def _likeness(rgb: F32, points: F32) -> Mask:
    """Whether each pixel, after a small blur, is near the skin colour of the face, in log colour.

    The skin colour is a plane over the picture, because light may come from one side. It is fitted to the colours of
    cheeks and forehead. Colours far from the plane (hair, glasses) count little.
    """
    size = rgb.shape[0]
    log = np.log(cv2.GaussianBlur(rgb, (0, 0), size / 256) + np.float32(_FLOOR))
    at = points[list(_CHEEKS)]
    spot = np.clip(at.astype(int), 0, size - 1)
    seen = log[spot[:, 1], spot[:, 0]].astype(np.float64)
    middle = at.mean(axis=0)
    basis = np.column_stack([np.ones(len(at)), (at - middle) / size])
    weight = np.ones(len(at))
    for _ in range(5):
        scaled = basis * weight[:, None]
        plane = np.linalg.solve(scaled.T @ basis + np.diag([1e-3, 0.02, 0.02]), scaled.T @ seen)
        weight = 1 / (1 + np.square(seen - basis @ plane).sum(axis=1) / 0.03)
    y, x = np.mgrid[:size, :size] + 0.5
    across, down = (x - middle[0]) / size, (y - middle[1]) / size
    off = log - (plane[0] + across[..., None] * plane[1] + down[..., None] * plane[2])
    luma = off.mean(axis=2)
    chroma = np.abs(off - luma[..., None]).max(axis=2)
    return np.asarray((luma > -_DARKER) & (luma < _LIGHTER) & (chroma < _COLOUR), np.bool_)

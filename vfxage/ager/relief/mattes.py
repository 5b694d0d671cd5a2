"""Mattes of hair, beard, brows and the person on a crop.

A small network finds hair and beard on a coarse grid, and a guided filter (He et al. 2013) brings them to the picture's
own edges. Whether a face has a beard is decided once per shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.hair_network import SIDE, HairNetwork, outline
from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.skin_view import blur, halve, luma
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32, FaceCrop

BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_FACE_HEIGHT = 256.0
"""Canonical pixels from forehead to chin."""
_LEAST, _LEAST_OVER = 0.005, 0.004
"""Share of the crop from which a patch of hair is hair, and the range over which it is: a spot on a scarf is less."""
_HAIRED, _HAIRED_OVER, _BESIDE = 0.03, 0.03, 0.8
"""Share of the crop from which the largest patch is a head of hair, the range over which it is, and by how much smaller
patches beside it may be: hair at the nape that looks out below an ear."""
_PATCH = 0.1
"""Matte that parts patches."""
_EDGE, _FLAT = 2.0, 4e-4
"""Reach of the guided filter, canonical pixels, and the variance of display luma below which a place has no edge."""
_BEARDED = (0.05, 0.03)
"""Area of the beard in areas of the face's outline from which a face has a beard, and the range over which it does.
Beards of portraits have 0.06 to 0.46, a shaved face 0."""
_ROUGH, _ROUGHEST, _DARK = (2.7, 0.5), (0.04, 0.012), (0.36, 0.10)
"""Fine detail of a beard over that of the cheeks, the same as it is, log luma, and log luma by which a beard is darker
than they are, from which it is one, and the ranges over which it is. On a soft plate a shaved chin in shade looks
alike, but it is neither rough nor dark. A woman's chin in shade has up to 2.68 times the cheeks' detail; beards have
2.9 to 11.8 times, or are 0.4 darker."""
_DARK_ROUGH = (1.8, 0.25)
"""The first of these for a dark beard: what is dark and smoother is stubble, which as grey would be a white cloud."""
_HAIRY = (0.080, 0.015)
"""Fine detail, log luma, from which what is rougher than the cheeks, as a dark beard is, is a beard however rough the
cheeks are, and the range over which it is: an old cheek, or a rim of spectacles on it, is rough too. Women's chins have
up to 0.072, and beards 0.084 and more."""
_CHEEKS = (50, 280, 205, 425, 101, 330, 118, 347, 151, 9, 4)
"""Landmarks on skin where no beard grows."""
_HAIRS, _AROUND = 2.5, 4.0
"""Sigmas of the blurs that part single hairs from what is broader, and that average their detail, pixels of 512."""
_REACH_SOFT, _REACH_GAIN, _REACH_BORDER = 0.006, 2.5, 0.045
"""Softness of the reach of hair and of its end at the crop's border, in sides of the crop, and the gain that makes it 1
where there is hair, so that a matte that trembles does not tremble twice."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mattes(ArrayData):
    """Mattes of one crop, 0..1."""

    hair: F32 = field(metadata=shaped("S", "S"))
    """Hair of the head."""
    beard: F32 = field(metadata=shaped("S", "S"))
    brows: F32 = field(metadata=shaped("S", "S"))
    person: F32 = field(metadata=shaped("S", "S"))
    """The person with all hair, against what lies behind."""


def mattes_of(crop: FaceCrop, person: F32, network: HairNetwork) -> Mattes:
    """The mattes of one crop; ``person`` is its (S, S) matte of the person."""
    size = len(crop.rgb)
    unit = float(np.hypot(*(crop.points[10] - crop.points[152]).astype(np.float64))) / _FACE_HEIGHT
    level, reach = luma(crop.rgb), 2 * max(1, int(_EDGE * unit)) + 1
    found, whiskers = network(crop.rgb, person, crop.points)
    hair, beard = (_refined(level, matte, (reach, reach)) for matte in (_without_spots(found), whiskers))
    return Mattes(hair=hair, beard=beard, brows=_brows(crop.points, size, unit), person=np.maximum(person, hair))


def _without_spots(hair: F32) -> F32:
    """The matte (n, n) without its small patches."""
    _, labels = cv2.connectedComponents((hair > _PATCH).astype(np.uint8))
    shares = np.bincount(labels.ravel(), weights=hair.ravel()) / hair.size
    haired = float(smoothstep(np.array((shares[1:].max(initial=0) - _HAIRED) / _HAIRED_OVER)))
    kept = smoothstep((shares - _LEAST * (1 - _BESIDE * haired)) / (_LEAST_OVER * (1 - _BESIDE * haired)))
    kept[0] = 1
    return np.asarray(hair * kept[labels], np.float32)


def beardedness(samples: Sequence[tuple[FaceCrop, Mattes]]) -> float:
    """0..1, whether a face has a beard, by samples of its shot: half of them must show it."""
    return float(np.median([_bearded(crop, mattes.beard) for crop, mattes in samples]))


def _bearded(crop: FaceCrop, beard: F32) -> float:
    """0..1: the beard is large enough, and rough or dark."""
    size = len(crop.rgb)
    face = float(outline(crop.points * np.float32(SIDE / size)).mean())
    level = luma(cast(F32, cv2.log(np.clip(crop.rgb, 0, 1) + np.float32(FLOOR))))
    hairs = level - blur(level, _HAIRS * size / 512)
    detail, soft = np.sqrt(blur(hairs * hairs, _AROUND * size / 512)), blur(level, _AROUND * size / 512)
    x, y = np.clip(crop.points[list(_CHEEKS)].astype(int), 0, size - 1).T
    weight = np.square(beard) / max(float(np.square(beard).sum()), 1e-3)
    rough, dark = float((detail * weight).sum()), float((soft * weight).sum())
    finer, darker = rough / max(float(np.median(detail[y, x])), 1e-4), float(np.median(soft[y, x])) - dark
    large, fine, rougher, finest, shade, hairy = (
        float(smoothstep(np.array((value - low) / span)))
        for value, (low, span) in (
            (float(beard.mean()) / max(face, 1e-3), _BEARDED), (finer, _ROUGH),
            (finer, _DARK_ROUGH), (rough, _ROUGHEST), (darker, _DARK),
            (rough, _HAIRY),
        )
    )  # fmt: skip
    return large * max(fine * finest, max(shade, hairy) * rougher)


def reach_of(printed: F32, size: int) -> F32:
    """(size, size) 0..1 for a matte (S, S) of hair and neck: 1 wherever there is any, soft around, 0 on the border."""
    half = halve(np.asarray(cv2.dilate(printed, np.ones((5, 5), np.uint8)), np.float32))
    wide = blur(half, _REACH_SOFT * len(half))
    reach = np.asarray(cv2.resize(smoothstep(_REACH_GAIN * wide), (size, size), interpolation=cv2.INTER_LINEAR))
    return reach * _inside(size)


def hair_of_crop(hair: F32, size: int) -> F32:
    """(size, size) 0..1 for a hair matte (S, S) of any density: it fades out before the crop's border."""
    return np.asarray(cv2.resize(hair, (size, size), interpolation=cv2.INTER_LINEAR), np.float32) * _inside(size)


def _inside(size: int) -> F32:
    """(size, size) 1, falling to 0 on the border."""
    index = np.arange(size, dtype=np.float32)
    edge = smoothstep(np.minimum(index, size - 1 - index) / np.float32(_REACH_BORDER * size))
    return np.asarray(edge[:, None] * edge[None, :], np.float32)


def _brows(points: F32, size: int, unit: float) -> F32:
    """(S, S) 0..1: the area of both brows."""
    drawn = np.zeros((size, size), np.uint8)
    for ids in BROWS:
        hull = cv2.convexHull(np.clip(np.round(points[list(ids)]), -size, 2 * size).astype(np.int32))
        cv2.fillConvexPoly(drawn, hull, (1,), cv2.LINE_8)
    return blur(drawn.astype(np.float32), 1.0 * unit)


def _refined(level: F32, matte: F32, kernel: tuple[int, int]) -> F32:
    """A matte (n, n) at the edges of a picture's luma ``level`` (S, S); its coefficients are found on a half grid."""
    size = len(level)
    half = (size // 2, size // 2)
    guide = cast(F32, cv2.resize(level, half, interpolation=cv2.INTER_AREA))
    coarse = cast(F32, cv2.resize(matte, half, interpolation=cv2.INTER_LINEAR))
    mean, soft = cv2.blur(guide, kernel), cv2.blur(coarse, kernel)
    variance = cv2.blur(guide * guide, kernel) - mean * mean + np.float32(_FLAT)
    slope = (cv2.blur(guide * coarse, kernel) - mean * soft) / variance
    offset = soft - slope * mean
    slope, offset = (cv2.resize(cv2.blur(part, kernel), (size, size)) for part in (slope, offset))
    return np.asarray(np.clip(slope * level + offset, 0, 1), np.float32)

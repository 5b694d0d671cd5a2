"""Where hair of the head may be: what is joined to hair above the face, and thick enough below the ears."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.head import Head
from vfxage.ager.relief.sight import blur
from vfxage.geometry import smoothstep
from vfxage.types import F32

_Bits = NDArray[np.uint8]
_HAIR, _SEEDS = 0.35, 6
"""Matte from which a pixel may be joined, and likely hair, pixels of the grid, that what is joined must have."""
_OVER_EARS = 0.05
"""Weight of the ears' area past which a pixel may be of an ear."""
_THIN, _THIN_BESIDE, _OFF_NECK = (11, 11), (5, 5), 0.2
"""Thinnest hair before the neck and beside it, pixels of the grid, and the weight of the neck that parts them."""
_BY_EARS, _OFF_FACE = (13, 7), (9, 9)
"""How far the rim of an ear may be from where ears are, and how far it is from the face, pixels of the grid."""
_BEHIND_EARS = (13, 25)
"""How far around an ear long hair runs on behind it, pixels of the grid."""
_FEWEST = 70
"""Pixels of the grid that a lock has, at least: a lobe of an ear has less."""
_LOCKS, _LARGE = 0.6, 160
"""Share of a part, behind the neck or on a shoulder, that must be locks, as it is not joined to other hair, and its
least size, pixels of the grid: a collar is smaller."""
_SURE = 0.5
"""From which what looks like the rim of an ear is hair all the same."""
_ISLAND, _SHORE, _LARGEST = 0.5, (3, 3), 1600.0
"""Matte of hair below which, and of the person above which a pixel is of an island; how far from the face islands lie,
pixels of the grid; and the area from which an island is not filled, square canonical pixels: twice as large is none."""
_ALIKE, _BY_FACE = (0.3, 0.3), 2.0
"""Mean likeness to hair from which an island is filled, and the range over which it is; and how much less likely each
pixel is hair that touches the face, the backdrop, or the border of the crop."""
_EAR_HEIGHT = -0.1
"""Height below which hair must be that thick."""


def joined_hair(matte: F32, seed: F32, sure: F32, locks: F32, head: Head) -> F32:
    """(n, n) 0..1, softly, where hair of a matte (n, n) may be.

    ``seed`` (n, n) is what is surely hair of the head, ``sure`` (n, n) what is surely no skin of an ear, and ``locks``
    (n, n) what is so surely hair that a part of it needs not be joined to any.
    """
    count, labels = cv2.connectedComponents((matte > _HAIR).astype(np.uint8))
    seeds, alone, size = (
        np.bincount(labels.ravel(), weights=part.ravel(), minlength=count) for part in (seed, locks, matte > _HAIR)
    )
    joined = (seeds > _SEEDS) | (alone > _LOCKS * np.maximum(size, _LARGE))
    joined[0] = False
    hair = joined[labels].astype(np.uint8)
    # The shadow down a neck is thin, and the hair beside it is thicker.
    thick, thin = (cv2.morphologyEx(hair, cv2.MORPH_OPEN, _disc(size)) for size in (_THIN, _THIN_BESIDE))
    hair = np.where(_rims_of_ears(head) & (sure < _SURE), thick, hair)
    hair = np.where(head.height > _EAR_HEIGHT, hair, np.where(head.neck < _OFF_NECK, np.minimum(thin, hair), thick))
    count, labels = cv2.connectedComponents(np.asarray(hair, np.uint8))
    hair = np.where(np.bincount(labels.ravel(), minlength=count)[labels] < _FEWEST, 0, hair)
    behind = cv2.dilate((head.ears > _OVER_EARS).astype(np.uint8), _disc(_BEHIND_EARS))
    count, labels = cv2.connectedComponents(np.maximum(np.asarray(hair, np.uint8), behind))
    upper = np.bincount(labels.ravel(), weights=(hair * (head.height > _EAR_HEIGHT)).ravel(), minlength=count)
    upper[0] = 0
    alike, size = (np.bincount(labels.ravel(), weights=part.ravel(), minlength=count) for part in (hair * locks, hair))
    upper += alike > _LOCKS * np.maximum(size, _LARGE)
    kept = cv2.dilate(np.asarray(hair, np.uint8) * (upper[labels] > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    return blur(kept.astype(np.float32), 1.0)


def with_islands(matte: F32, hairy: F32, head: Head) -> F32:
    """The matte (n, n) with the islands filled that look like hair: locks over an ear hardly touch the face.

    ``hairy`` (n, n), 0..1, is how much each pixel looks like hair.
    """
    island = ((matte < _ISLAND) & (head.person > _ISLAND)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(island, connectivity=4)
    shore = cv2.dilate(np.maximum(head.face, np.asarray(head.person <= _ISLAND, np.float32)), _disc(_SHORE))
    shore[[0, -1]], shore[:, [0, -1]] = 1, 1
    sizes = np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    touched, alike = (np.bincount(labels.ravel(), weights=part.ravel(), minlength=count) for part in (shore, hairy))
    small = smoothstep(2 - sizes / (_LARGEST * head.unit**2))
    filled = small * smoothstep(((alike - _BY_FACE * touched) / sizes - _ALIKE[0]) / _ALIKE[1])
    filled[0] = 0
    return np.maximum(matte, blur(np.asarray(cv2.dilate(filled[labels].astype(np.float32), _disc((3, 3)))), 0.7))


def _rims_of_ears(head: Head) -> NDArray[np.bool_]:
    """(n, n) the outer rims of the ears: their pixels mix ear and backdrop, which looks like hair, but they are
    thin."""
    ears, face = ((area > _OVER_EARS).astype(np.uint8) for area in (head.ears, head.face))
    return np.asarray((cv2.dilate(ears, _disc(_BY_EARS)) > 0) & (cv2.dilate(face, _disc(_OFF_FACE)) == 0))


def _disc(size: tuple[int, int]) -> _Bits:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), np.uint8)


__all__ = ["joined_hair", "with_islands"]

"""How the skin of a face and its neck moves from one picture to another: optical flow at every node of the mesh.

The flow is Lucas and Kanade's in pyramids (Bouguet 2000), at every node and at more points of the neck, forwards and
backwards. On one portrait that a formula moved, with the grain of a camera, it is off by 0.05 pixels a frame. OpenCV's
dense inverse search (DIS) is no better there and several times slower; on a still picture of a movie it creeps by 0.03
pixels a frame, where this flow stays. What the flow finds at a node is fitted over its neighbours, since cheeks and
foreheads have few details.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import NECK_POINTS, NECK_RINGS, neck_points
from vfxage.types import F32, F64, POINTS, U8

if TYPE_CHECKING:
    from vfxage.face.track.canvas import Picture

NODES = POINTS + NECK_POINTS
"""Nodes that the skin carries: the landmarks, then those of the neck."""
HOPS = (1, 7)
"""Pictures over which the flow is measured: a longer step drifts less than many short ones."""
_SAMPLED = (1.1, NECK_RINGS[0], 1.35, 1.48, NECK_RINGS[1])
"""Rings of the neck on which the flow is measured, in distances of the jaw from the middle of the face."""
_NECK_NODES = np.concatenate([np.arange(NECK_POINTS // 2) + _SAMPLED.index(reach) * (NECK_POINTS // 2)
                              for reach in NECK_RINGS])  # fmt: skip
"""The nodes of the neck among the points on which its flow is measured."""
_FACE = 400
"""Height to which a larger face is shrunk for the flow, pixels: more costs time and gains nothing."""
_PATCHES, _LEVELS, _STEPS, _ENOUGH = (15, 31), 3, 10, 0.005
"""Sides of the patch that is followed, pixels: the small one is more exact, the large one is for points that it loses.
Levels of the pyramid; steps at most, and the last step's length."""
_LOST = 0.5
"""A point with less trust than this is followed again with the larger patch."""
_MARGIN = 0.12
"""Room around the nodes, in faces."""
_THERE_AND_BACK = 0.5
"""A point that comes back this far from where it began, in pixels of the flow's picture, is trusted 37 %."""
_DETAIL = 0.01
"""Square root of the least eigenvalue of the gradients in a patch from which a point is trusted in full."""
_NEAR_FACE, _NEAR_NECK = (12, 0.025), (20, 0.12)
"""Neighbours over which the flow is fitted, and how far they count, in faces."""
_STRANGE = (0.01, 0.025)
"""In faces: how far the flow at a node may disagree with the landmarks, beside what all nodes have in common, before
the common part is fitted without it, and before it is trusted 37 %. A hand before the face moves like no skin."""
_SKIN = (10.0, 20.0)
"""Difference in colour (Cr and Cb, of 255) from the face up to which a point of the neck counts as skin, and from which
it does not: hair, clothes and the background move otherwise."""
_LIT = 0.35
"""Skin of the neck has at least this share of the face's luminance."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SkinMotion(ArrayData):
    """The motion of the skin at the nodes of a face from one picture to another."""

    motion: F32 = field(metadata=shaped(NODES, 2))
    """(512, 2) from where a node is on the one picture, pixels of the tracking canvas."""
    gradient: F32 = field(metadata=shaped(NODES, 2, 2))
    """(512, 2, 2) change of that motion (x and y) for each pixel in x and in y."""
    trust: F32 = field(metadata=shaped(NODES))
    """(512,) 0..1."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a picture around a face, shrunk for the flow."""

    luma: U8
    colour: U8
    """The same, three channels, much smaller: Y, Cr, Cb."""


def skin_motion(one: Picture, other: Picture, stops: int, points: F32, there: F32) -> SkinMotion:
    """The motion from ``one`` to ``other``, on which the landmarks (478, 2) are at ``points`` and ``there``.

    Both pictures are seen at the exposure of ``stops``. A flash or blur makes the trust small.
    """
    samples, expected = (np.concatenate([p, neck_points(p, _SAMPLED)]) for p in (points, there))
    size = float(np.ptp(points, axis=0).max())
    low, high = _box(samples, expected, _MARGIN * size, one.shape)
    if min(high - low) <= _PATCHES[-1]:  # outside the picture
        return _nothing()
    scale = min(1.0, _FACE / size)
    parts = [_part(picture.at(stops)[low[1] : high[1], low[0] : high[0]], scale, size) for picture in (one, other)]
    shrunk = np.array(parts[0].luma.shape[::-1]) / (high - low)
    guess = np.repeat(np.median(expected - samples, axis=0)[None], len(samples), 0)
    motion, trust = _followed(parts[0].luma, parts[1].luma, (samples - low) * shrunk, guess * shrunk)
    motion /= shrunk
    trust[:POINTS] *= _with_the_face(points, motion[:POINTS], there, trust[:POINTS], size)
    trust[POINTS:] *= _skin_coloured(parts[0].colour, (samples - low) / (high - low))
    face = _fitted(samples[:POINTS], motion[:POINTS], trust[:POINTS], _NEAR_FACE, size)
    neck = _fitted(samples[POINTS:], motion[POINTS:], trust[POINTS:], _NEAR_NECK, size)
    joined = [
        np.ascontiguousarray(np.concatenate([a, b[_NECK_NODES]]), np.float32) for a, b in zip(face, neck, strict=True)
    ]
    return SkinMotion(motion=joined[0], gradient=joined[1], trust=joined[2])


def _nothing() -> SkinMotion:
    return SkinMotion(
        motion=np.zeros((NODES, 2), np.float32),
        gradient=np.zeros((NODES, 2, 2), np.float32),
        trust=np.zeros(NODES, np.float32),
    )


def _box(
    samples: F32, expected: F32, margin: float, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Low and high corner (x, y) of what both pictures must show, inside them."""
    both = np.concatenate([samples, expected])
    limit = np.array(shape[::-1])
    low = np.clip(np.floor(both.min(0) - margin), 0, limit).astype(np.int64)
    high = np.clip(np.ceil(both.max(0) + margin), 0, limit).astype(np.int64)
    return low, high


def _part(picture: U8, scale: float, size: float) -> _Part:
    import cv2

    def shrunk(image: U8, by: float) -> U8:
        sides = [max(1, round(side * by)) for side in (image.shape[1], image.shape[0])]
        return np.asarray(cv2.resize(image, sides, interpolation=cv2.INTER_AREA), np.uint8) if by < 1 else image

    luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    small = shrunk(picture, min(1.0, 64 / size))
    return _Part(shrunk(luma, scale), np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb), np.uint8))


def _followed(one: U8, other: U8, samples: F64, guess: F64) -> tuple[F64, F64]:
    """Motion (M, 2) of points and how far to trust it (M,), with the patch that loses them less."""
    motion, trust = _flow(one, other, samples, guess, _PATCHES[0])
    lost = np.flatnonzero(trust < _LOST)
    if len(lost):
        again, sure = _flow(one, other, samples[lost], guess[lost], _PATCHES[1])
        better = sure > trust[lost]
        motion[lost[better]], trust[lost[better]] = again[better], sure[better]
    return motion, trust


def _flow(one: U8, other: U8, samples: F64, guess: F64, patch: int) -> tuple[F64, F64]:
    """Motion (M, 2) of points and how far to trust it (M,), in pixels of the parts."""
    import cv2

    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, _STEPS, _ENOUGH)
    settings = {"winSize": (patch, patch), "maxLevel": _LEVELS, "criteria": criteria,
                "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}  # fmt: skip
    at = np.ascontiguousarray(samples - 0.5, np.float32)  # OpenCV counts from the pixel's centre
    went, seen, _ = cv2.calcOpticalFlowPyrLK(one, other, at, (at + guess).astype(np.float32), **settings)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(other, one, went, at.copy(), **settings)  # type: ignore[call-overload]
    limit = np.array(one.shape[::-1]) - 1
    inside = ((at >= 0) & (at <= limit) & (went >= 0) & (went <= limit)).all(1)
    astray = np.linalg.norm(back - at, axis=1) / _THERE_AND_BACK
    detail = cv2.cornerMinEigenVal(one, 7)
    x, y = np.clip(np.rint(at), 0, limit).astype(int).T
    detailed = np.minimum(1, np.sqrt(np.maximum(detail[y, x], 0)) / _DETAIL)
    trust = inside * (seen[:, 0] > 0) * (again[:, 0] > 0) * np.exp(-(astray**2)) * np.maximum(detailed**2, 0.01)
    return np.asarray(went - at, np.float64), np.asarray(trust, np.float64)


def _with_the_face(points: F32, motion: F64, there: F32, trust: F64, size: float) -> F64:
    """(478,) 0..1: how well the flow agrees with the landmarks' own motion, but for what all have in common."""
    apart = (points + motion - there) / size
    x, y = ((points - points.mean(0)) / size).T
    base = np.column_stack([np.ones(len(x)), x, y, x * x, x * y, y * y])
    weight = trust + 1e-6
    for _ in range(4):
        common = base @ np.linalg.solve((base.T * weight) @ base + 1e-9 * np.eye(6), (base.T * weight) @ apart)
        miss = np.linalg.norm(apart - common, axis=1)
        weight = (trust + 1e-6) / (1 + (miss / _STRANGE[0]) ** 2)
    return np.asarray(np.exp(-((miss / _STRANGE[1]) ** 2)), np.float64)


def _skin_coloured(colour: U8, share: F64) -> F64:
    """(M - 478,) 0..1: whether the neck's points look like the face's; ``share`` (M, 2) is where all points are."""
    limit = np.array(colour.shape[1::-1])
    x, y = np.clip(np.floor(share * limit), 0, limit - 1).astype(int).T
    seen = colour[y, x].astype(np.float64)
    usual = np.median(seen[:POINTS], axis=0)
    away = np.abs(seen[POINTS:, 1:] - usual[1:]).max(1)
    like = np.clip((_SKIN[1] - away) / (_SKIN[1] - _SKIN[0]), 0, 1)
    return np.asarray(like * (seen[POINTS:, 0] > _LIT * usual[0]), np.float64)


def _fitted(samples: F32, motion: F64, trust: F64, near: tuple[int, float], size: float) -> tuple[F64, F64, F64]:
    """Motion (M, 2), its gradient (M, 2, 2) and the trust (M,) of a local affine fit over each point's neighbours."""
    from scipy.spatial import cKDTree

    count, reach = near
    away, rows = cKDTree(samples).query(samples, count)
    weight = np.exp(-((away / (reach * size)) ** 2) / 2) * trust[rows]
    base = np.concatenate([np.ones((*rows.shape, 1)), (samples[rows] - samples[:, None]) / size], axis=2)
    system = np.einsum("nk,nka,nkb->nab", weight, base, base) + np.diag([1e-9, 1e-3, 1e-3])
    found = np.linalg.solve(system, np.einsum("nk,nka,nkc->nac", weight, base, motion[rows]))
    sure = np.minimum(1, weight.sum(1))
    return found[:, 0], np.swapaxes(found[:, 1:], 1, 2) / size, np.asarray(sure, np.float64)

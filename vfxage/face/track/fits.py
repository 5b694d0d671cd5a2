"""Smooth fits of a motion over a face: a quadratic over the whole of it, and affine ones around each place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, F64

Fit = tuple[F64, F64, F64]
"""Values at points, their gradient, and the trust in them."""
_STRANGE = 0.01
"""Distance from what most values share, in faces, at which a value counts half."""


def quadratic(samples: F64, middle: F64, size: float) -> F64:
    """(M, 6) the terms of a quadratic over points, in faces from the ``middle``."""
    x, y = ((samples - middle) / size).T
    return np.column_stack([np.ones(len(x)), x, y, x * x, x * y, y * y])


@dataclass(frozen=True, slots=True, repr=False)
class Bend(ArrayData):
    """A motion of the whole face: a quadratic, which is how an ellipsoid moves when it turns."""

    terms: F64 = field(metadata=shaped(6, 2, dtype=np.float64))
    """(6, 2) factors of ``quadratic``, pixels."""
    middle: F64 = field(metadata=shaped(2, dtype=np.float64))
    """(2,) pixels."""
    size: float
    """Of the face, pixels."""

    def at(self, points: F64) -> F64:
        """(M, 2) the motion at points."""
        return np.asarray(quadratic(points, self.middle, self.size) @ self.terms, np.float64)

    def stretch(self, points: F64) -> float:
        """How much the motion changes from pixel to pixel at the most."""
        x, y = ((points - self.middle) / self.size).T
        none, one = np.zeros(len(x)), np.ones(len(x))
        along = np.column_stack([none, one, none, 2 * x, y, none]), np.column_stack([none, none, one, none, x, 2 * y])
        return float(max(np.abs(rise @ self.terms).max() for rise in along) / self.size)

    def map(self, shape: tuple[int, ...]) -> F32:
        """(h, w, 2) where each pixel goes, as OpenCV counts them."""
        x, y = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in shape[::-1])
        u, v = ((x - self.middle[0]) / self.size).astype(np.float32), ((y - self.middle[1]) / self.size)[:, None]
        v = v.astype(np.float32)
        terms = self.terms.astype(np.float32)
        planes = []
        for place, along in enumerate((x, y[:, None])):
            plain, by_u, by_v, by_uu, by_uv, by_vv = terms[:, place]
            row, column = plain + u * (by_u + u * by_uu), v * (by_v + v * by_vv)
            planes.append(row + column + by_uv * u * v + along - np.float32(0.5))
        return np.stack(planes, axis=-1)


def over_all(base: F64, values: F64, weight: F64) -> F64:
    """(T, 2) factors of the terms ``base`` (M, T) with which they are nearest to the values (M, 2)."""
    system = (base.T * weight) @ base + 1e-9 * np.eye(base.shape[1])
    return np.asarray(np.linalg.solve(system, (base.T * weight) @ values))


def common_part(base: F64, values: F64, trust: F64, size: float) -> tuple[F64, F64]:
    """The quadratic (6, 2) that most of the trusted values share, and how far each is from it (M,), in faces."""
    weight = trust + 1e-6
    for _ in range(4):
        common = over_all(base, values, weight)
        miss = np.linalg.norm(values - base @ common, axis=1) / size
        weight = (trust + 1e-6) / (1 + (miss / _STRANGE) ** 2)
    return common, miss


@dataclass(frozen=True, slots=True, repr=False)
class Neighbours(ArrayData):
    """The neighbours of each of M places among some samples."""

    rows: NDArray[np.int64] = field(metadata=shaped("M", "N", dtype=np.int64))
    """(M, N)."""
    weight: F64 = field(metadata=shaped("M", "N", dtype=np.float64))
    """(M, N) how far each counts."""
    base: F64 = field(metadata=shaped("M", "N", 3, dtype=np.float64))
    """(M, N, 3) 1 and the way to each, in faces."""
    size: float


def neighbours(places: F64, samples: F64, size: float, near: tuple[int, float]) -> Neighbours:
    """The samples (K, 2) near each of the places (M, 2): ``near`` is how many, and how far they count in faces."""
    from scipy.spatial import cKDTree

    count, reach = near
    away, rows = cKDTree(samples).query(places, count)
    base = np.concatenate([np.ones((*rows.shape, 1)), (samples[rows] - places[:, None]) / size], axis=2)
    return Neighbours(np.asarray(rows, np.int64), np.exp(-((away / (reach * size)) ** 2) / 2), base, size)


def fitted(near: Neighbours, values: F64, trust: F64, firm: float = 1e-9) -> Fit:
    """Values (M, C), their gradient (M, C, 2) and the trust (M,) of a local affine fit over each place's neighbours.

    ``firm`` is the trust with which the fit keeps to 0.
    """
    weight = near.weight * trust[near.rows]
    terms = (weight[..., None] * near.base).transpose(0, 2, 1)
    seen = np.concatenate([near.base, values[near.rows]], axis=2)
    moments = np.stack([(terms[:, row, None] @ seen)[:, 0] for row in range(3)], axis=1)
    found = np.linalg.solve(moments[..., :3] + np.diag([firm, 1e-3, 1e-3]), moments[..., 3:])
    sure = np.minimum(1, weight.sum(1))
    return found[:, 0], np.swapaxes(found[:, 1:], 1, 2) / near.size, np.asarray(sure, np.float64)

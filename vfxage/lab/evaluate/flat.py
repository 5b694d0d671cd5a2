"""Faces laid flat: every face warped, by its mesh, to one mean face, so that the same skin is at the same pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import Delaunay

from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, F64

MESH = 468
"""Landmarks that make the mesh; the ten after them are the irises."""
SIDE = 256
"""Side of a flat face, pixels."""
_FILLED = 0.92
"""Height of the mean face, as a share of ``SIDE``."""
_LARGEST = 600
"""Crops larger than this are halved first: the warp to 256 pixels takes single samples."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MeanFace(ArrayData):
    """The mean mesh, symmetric, and how to fill it from any other."""

    points: F64 = field(metadata=shaped(MESH, 2, dtype=np.float64))
    """(468, 2) pixels of the flat face."""
    inside: NDArray[np.bool_] = field(metadata=shaped(SIDE, SIDE, dtype=np.bool_))
    """(256, 256): the mesh's hull."""
    corners: NDArray[np.int32] = field(metadata=shaped(SIDE, SIDE, 3, dtype=np.int32))
    """(256, 256, 3) landmarks of the triangle that each pixel lies in."""
    weights: F32 = field(metadata=shaped(SIDE, SIDE, 3))
    """(256, 256, 3) barycentric."""

    def flatten(self, rgb: F32, points: F32) -> F32:
        """Warp a crop (S, S, 3) by its mesh (478, 2) to (256, 256, 3); black outside the hull."""
        while rgb.shape[0] > _LARGEST:
            rgb = np.asarray(cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
            points = points / np.float32(2)
        at = np.einsum("yxk,yxkc->yxc", self.weights, points[self.corners]) - np.float32(0.5)
        at[~self.inside] = -10
        flat = cv2.remap(rgb, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(flat, np.float32)


def mean_face(meshes: Sequence[F32]) -> MeanFace:
    """Make the mean of some meshes (478, 2) by Procrustes analysis (Gower 1975), and make it symmetric."""
    mean = mean_mesh([mesh[:MESH] for mesh in meshes])
    centred = mean - mean.mean(axis=0)
    mirrored = centred * (-1, 1)
    apart = np.square(centred[:, None] - mirrored[None]).sum(axis=2)
    points = (centred + mirrored[linear_sum_assignment(apart)[1]]) / 2
    points *= _FILLED * SIDE / float(np.ptp(points[:, 1]))
    points += SIDE / 2 - (points.max(axis=0) + points.min(axis=0)) / 2
    mesh = Delaunay(points)
    grid = np.stack(np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5), axis=-1)
    triangle = mesh.find_simplex(grid)
    affine = mesh.transform[triangle]
    two = np.einsum("yxij,yxj->yxi", affine[..., :2, :], grid - affine[..., 2, :])
    weights = np.dstack([two, 1 - two.sum(axis=2)])
    return MeanFace(
        points=points,
        inside=triangle >= 0,
        corners=mesh.simplices[np.maximum(triangle, 0)].astype(np.int32),
        weights=weights.astype(np.float32),
    )


def mean_mesh(meshes: Sequence[F32]) -> F64:
    """The mean (N, 2) of meshes moved, turned and scaled onto it."""
    every = np.array(meshes, np.float64)
    mean: F64 = every[0]
    for _ in range(4):
        mean = _aligned(every, mean).mean(axis=0)
    return mean


def align_mesh(mesh: F32, onto: F64) -> F64:
    """The mesh (N, 2) moved, turned and scaled so that it is nearest to another, by least squares."""
    moved: F64 = _aligned(mesh[None].astype(np.float64), onto)[0]
    return moved


def _aligned(meshes: F64, onto: F64) -> F64:
    own, other = meshes - meshes.mean(axis=1, keepdims=True), onto - onto.mean(axis=0)
    left, size, right = np.linalg.svd(np.einsum("mni,nj->mij", own, other))
    scale = size.sum(axis=1) / np.square(own).sum(axis=(1, 2))
    moved: F64 = np.einsum("mni,mij->mnj", own, left @ right) * scale[:, None, None] + onto.mean(axis=0)
    return moved

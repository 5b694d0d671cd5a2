"""The light of the plate on the mean face's surface, and how a relief looks in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import MeanFace
from vfxage.ager.relief.mesh import CANON, MESH, RINGS, Chart, nodes
from vfxage.ager.relief.skin_view import SkinView, grow, luma, parts
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import OVAL
from vfxage.types import F32, F64

GAMMA = 2.2
"""Exponent between display values and light, good enough for shading."""
_PRIOR = np.array([0.55, 0.0, -0.18, 0.45])
"""Light of a face in general: even light, from the right, from below, from the front. Most light comes from above."""
_PULL = (0.02, 0.05, 0.05, 0.1)
"""How strongly the fit is pulled to it, in shares of the skin's weight."""
_ROUNDS = 5
_OUTLIER = 0.15
"""Deviation of light from which a pixel counts little: make-up, gloss, cast shadow."""
_LEAST_SIDE = 0.38
"""Least share of light from a side: in flat light folds would vanish, while the eye expects them shaded from above."""
_LEAST_BASE = 0.35
"""Least light of the surface under a relief: in deep shadow a slope changes no more than here."""
_SATURATED = 0.9
"""Change of light by a slope that is not passed: a real slope turns away, a drawn one would go black."""
_FALL_BEYOND = 40 / 0.6
"""Canonical pixels by which the surface falls from the outline to a ring one face radius further out."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Surface(ArrayData):
    """The mean face in space."""

    points: F64 = field(metadata=shaped(478, 3, dtype=np.float64))
    """Canonical pixels; z grows away from the lens."""
    normals: F32 = field(metadata=shaped(CANON // 2, CANON // 2, 3))
    """Unit vectors; z is negative towards the lens."""

    @staticmethod
    def of(mean_face: MeanFace) -> Surface:
        """Read the depth of the mean face's landmarks and work out its normals."""
        from scipy.interpolate import LinearNDInterpolator

        with np.load(str(resources.files("vfxage.ager") / "data" / "relief.npz"), allow_pickle=False) as archive:
            depth = archive["depth"]
        rings = [depth[OVAL] - np.float32(_FALL_BEYOND * (reach - 1)) for reach in RINGS]
        grid = np.mgrid[: CANON // 2, : CANON // 2][::-1].transpose(1, 2, 0) * 2 + 1.0
        raised = LinearNDInterpolator(nodes(mean_face.mean), np.concatenate([depth[:MESH], *rings]))(grid)
        height = np.nan_to_num(raised, nan=float(depth.min())).astype(np.float32)
        height = cast(F32, cv2.GaussianBlur(height, (0, 0), 3.0))
        across, down = (cv2.Sobel(height, cv2.CV_32F, *order) / 16 for order in ((1, 0), (0, 1)))
        normal = np.dstack([-across, -down, -np.ones_like(across)])
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
        points = np.column_stack([mean_face.mean, -depth]).astype(np.float64)
        return Surface(points=points, normals=np.ascontiguousarray(normal, np.float32))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pose(ArrayData):
    """How the lens sees the mean face on one crop."""

    turn: F64 = field(metadata=shaped(3, 3, dtype=np.float64))
    """The rotation nearest to the camera."""
    to_slopes: F64 = field(metadata=shaped(2, 2, dtype=np.float64))
    """Slopes of the mean face to slopes of the crop are this matrix, transposed."""

    @staticmethod
    def of(points: F32, surface: Surface) -> Pose:
        """Fit an affine camera to landmarks (478, 2), crop pixels."""
        known = np.column_stack([surface.points[:MESH], np.ones(MESH)])
        camera = np.linalg.lstsq(known, points[:MESH].astype(np.float64), rcond=None)[0][:3].T
        left, scale, right = np.linalg.svd(camera)
        rows = left @ np.eye(2, 3) @ right
        flat = camera[:, :2] / max(float(scale.mean()), 1e-9)
        determinant = float(np.linalg.det(flat))
        if abs(determinant) < 0.05:  # a face in profile: nothing frontal is printed there anyway
            flat = flat + 0.25 * np.eye(2) * (1 if determinant >= 0 else -1)
        return Pose(turn=np.vstack([rows, np.cross(rows[0], rows[1])]), to_slopes=np.linalg.inv(flat))

    def normals(self, surface: Surface, chart: Chart) -> F32:
        """(h2, w2, 3) normals of the face on the half grid of the chart."""
        taken = chart.take_half(surface.normals)
        turned = cast(F32, cv2.transform(taken, self.turn.astype(np.float32)))

        across, down, deep = parts(turned)
        length = np.sqrt(across * across + down * down + deep * deep)
        return np.asarray(turned / np.maximum(length, 1e-3)[..., None], np.float32)


def fit_light(seen_skin: SkinView, normals: F32) -> F64:
    """(4,) even light and the light from the right, from below and from behind, in shares of the skin's mean light."""
    step = 4
    weight = (seen_skin.masks["texture"] * seen_skin.bare)[::step, ::step].ravel().astype(np.float64)
    if weight.sum() < 10:
        return steered(np.array([0.6, 0.0, -0.15, -0.25]))
    light = np.exp(GAMMA * luma(seen_skin.colour)[::step, ::step]).ravel().astype(np.float64)
    light /= float((light * weight).sum() / weight.sum()) + 1e-6
    towards = normals[::step, ::step].reshape(-1, 3).astype(np.float64) * (1, 1, -1)
    terms = np.column_stack([np.ones(len(towards)), towards])
    ridge = np.diag(_PULL) * weight.sum()
    robust = weight
    for _ in range(_ROUNDS):
        fit = np.linalg.solve(terms.T @ (terms * robust[:, None]) + ridge, terms.T @ (light * robust) + ridge @ _PRIOR)
        robust = weight / (1 + ((light - terms @ fit) / _OUTLIER) ** 2)
    return steered(np.asarray(fit * (1, 1, 1, -1), np.float64))


def steered(light: F64) -> F64:
    """The light with at least a little of it from above."""
    missing = _LEAST_SIDE - float(np.hypot(light[1], light[2]))
    return np.asarray(light - np.array([0, 0, max(missing, 0.0), 0]), np.float64)


def base_light(light: F64, normals: F32) -> F32:
    """(h2, w2) the light on the surface without relief."""
    return np.maximum(np.float32(light[0]) + normals @ light[1:].astype(np.float32), np.float32(_LEAST_BASE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shading:
    """How much a relief shades: by its slopes in the light, and by its cavities."""

    slope: float
    cavity: float


def shaded(maps: F32, pose: Pose, light: F64, base: F32, shading: Shading) -> F32:
    """(h, w) change of log luma by a relief (h, w, 3: slopes and cavity); ``base`` may be coarser."""
    across, down, cavity = parts(maps)
    (xx, xy), (yx, yy) = pose.to_slopes.astype(np.float32)
    to_right, downwards = xx * across + yx * down, xy * across + yy * down
    change = (np.float32(-light[1]) * to_right + np.float32(-light[2]) * downwards) / grow(base, across.shape)
    change = np.float32(_SATURATED) * np.tanh(change / np.float32(_SATURATED))
    return np.asarray((np.float32(shading.slope) * change + np.float32(shading.cavity) * cavity) / GAMMA, np.float32)

"""How the folds of faces change with age: a regression that keeps pose and expression apart from age."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import BANDS, age_columns
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.skin_view import blur, like_skin, luma
from vfxage.arrays import ArrayData, shaped
from vfxage.lab.mean_face.canon import Canon, framed
from vfxage.lab.portraits import Portrait, read_portrait
from vfxage.types import F32, F64

_RIDGE = 3.0
"""Ridge penalty, in portraits, that pulls the change towards 0; the mean itself has almost none."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Unfolded(ArrayData):
    """One portrait on the canonical square."""

    bands: tuple[F32, ...] = field(metadata=shaped(CANON, CANON, 3))
    """Five of (CANON, CANON, 3) log RGB, finest first."""
    skin: F32 = field(metadata=shaped(CANON, CANON))
    """(CANON, CANON) 0..1, the likeness to the face's skin."""


def unfold(portrait: Portrait, canon: Canon, texture: F32) -> Unfolded:
    """Read a portrait and take it apart. Raises ReadError if its file is gone."""
    if portrait.points is None:
        raise ValueError(f"{portrait} has no points: mesh_portraits comes first")
    rest = canon.unfold(read_portrait(portrait), portrait.points)
    whole, bands = rest, []
    for sigma in BANDS:
        smooth = blur(rest, sigma)
        bands.append(rest - smooth)
        rest = smooth
    small, half = (cv2.resize(image, (CANON // 2,) * 2, interpolation=cv2.INTER_AREA) for image in (whole, texture))
    _, likeness, _, _ = like_skin(blur(np.asarray(small, np.float32), 1.0), np.asarray(half, np.float32))
    skin = np.asarray(cv2.resize(likeness, (CANON, CANON), interpolation=cv2.INTER_LINEAR), np.float32)
    return Unfolded(bands=tuple(bands), skin=skin)


def covariates(portrait: Portrait) -> F64:
    """A row of the regression: 1, two of age, sex, mouth's width, opening and corners, eyes, turn, glasses."""
    if portrait.points is None:
        raise ValueError(f"{portrait} has no points: mesh_portraits comes first")
    points = framed(portrait.points)
    eyes = float(np.hypot(*(points[33] - points[263])))
    mouth = float(np.hypot(*(points[61] - points[291]))) / eyes
    gape = float(np.hypot(*(points[13] - points[14]))) / eyes
    corners = float(points[[61, 291], 1].mean() - points[[0, 17], 1].mean()) / eyes
    lids = float(np.hypot(*(points[159] - points[145])) + np.hypot(*(points[386] - points[374]))) / eyes
    sex = {"M": 1.0, "F": -1.0}.get(portrait.labels.get("sex", "").upper()[:1], 0.0)
    glasses = float(portrait.labels.get("glasses", "0") == "1")
    spread = [(mouth - 0.7) / 0.06, (gape - 0.09) / 0.045, (corners + 0.09) / 0.035, (lids - 0.18) / 0.03]
    return np.array([1.0, *age_columns(portrait.age), sex, *spread, head_turn(portrait) / 0.1, glasses])


def head_turn(portrait: Portrait) -> float:
    """Distance of the nose from the middle of the cheeks, in distances of the eye corners; 0 facing the lens."""
    if portrait.points is None:
        raise ValueError(f"{portrait} has no points: mesh_portraits comes first")
    points = framed(portrait.points)
    eyes = float(np.hypot(*(points[33] - points[263])))
    return abs(float(points[1, 0] - points[[234, 454], 0].mean())) / eyes


class Regression:
    """Per-pixel least squares of the folds on the covariates, one portrait at a time and its mirror image."""

    _SIDE = CANON // 2

    def __init__(self) -> None:
        self._normal: F64 | None = None
        self._right: F64 | None = None

    def add(self, row: F64, seen: Unfolded) -> None:
        """Take in one portrait."""
        if self._normal is None or self._right is None:
            self._normal = np.zeros((self._SIDE, self._SIDE, len(row), len(row)))
            self._right = np.zeros((self._SIDE, self._SIDE, len(row)))
        terms, shade = np.outer(row, row), luma(seen.bands[2]) + luma(seen.bands[3]) + luma(seen.bands[4])
        for flip in (False, True):
            weight = self._small(seen.skin + np.float32(0.01), flip)
            self._normal += weight[..., None, None] * terms
            self._right += (weight * self._small(shade, flip))[..., None] * row

    def solve(self) -> F64:
        """The change of log luma per unit of the two columns of age, (2, CANON / 2, CANON / 2)."""
        if self._normal is None or self._right is None:
            raise ValueError("no portrait was added")
        ridge = np.full(self._normal.shape[-1], _RIDGE)
        ridge[0] = 0.05
        inverse = np.linalg.inv(self._normal + np.diag(ridge))[..., 1:3, :]
        return np.asarray(np.moveaxis(np.einsum("hwij,hwj->hwi", inverse, self._right), -1, 0), np.float64)

    def _small(self, image: F32, flip: bool) -> F64:
        image = np.ascontiguousarray(image[:, ::-1]) if flip else image
        small = cv2.resize(image, (self._SIDE, self._SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float64)

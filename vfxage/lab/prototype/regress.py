"""How faces change with age: regressions that keep pose, expression and light of the photographs apart from age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.prototype.data import BANDS, age_columns
from vfxage.ager.prototype.mesh import CANON, MESH, nodes
from vfxage.ager.prototype.sight import blur, like_skin, luma
from vfxage.arrays import ArrayData, shaped
from vfxage.lab.portraits import Portrait, read_portrait
from vfxage.lab.prototype.canon import Canon, framed
from vfxage.types import F32, F64

_ENERGY_BLUR = 6.0
"""Canonical pixels over which the energy of a band is taken."""
_RIDGE, _RIDGE_SHAPE = 3.0, 2.0
"""Ridge penalties, in portraits, that pull each change towards 0; the mean itself has none."""
_KEPT = 0.9
"""Share of the movement that is removed at the eyes and between the lips, to keep gaze and speech."""
_KEPT_BLUR = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Unfolded(ArrayData):
    """One portrait on the canonical square."""

    bands: tuple[F32, ...] = field(metadata=shaped(CANON, CANON, 3))
    """Five of (CANON, CANON, 3) log RGB, finest first."""
    rest: F32 = field(metadata=shaped(CANON, CANON, 3))
    """(CANON, CANON, 3) all broader detail, minus the skin's mean."""
    skin: F32 = field(metadata=shaped(CANON, CANON))
    """(CANON, CANON) 0..1, the likeness to the face's skin."""


def unfold(portrait: Portrait, canon: Canon, texture: F32) -> Unfolded:
    """Read a portrait and take it apart. Raises ReadError where its file has gone."""
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
    weight = skin * texture
    level = (rest * weight[..., None]).sum(axis=(0, 1)) / max(float(weight.sum()), 1.0)
    return Unfolded(bands=tuple(bands), rest=rest - level, skin=skin)


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
    """Per-pixel least squares of maps on the covariates, one portrait at a time and its mirror image."""

    _SIDE = CANON // 2

    def __init__(self) -> None:
        self._normal: F64 | None = None
        self._right: dict[str, F64] = {}

    def add(self, row: F64, seen: Unfolded) -> None:
        """Take in one portrait."""
        terms = np.outer(row, row)
        if self._normal is None:
            self._normal = np.zeros((self._SIDE, self._SIDE, len(row), len(row)))
        maps = dict(_maps(seen))
        for flip in (False, True):
            weight = self._small(seen.skin + np.float32(0.01), flip)
            self._normal += weight[..., None, None] * terms
            for name, image in maps.items():
                part = (weight * self._small(image, flip))[..., None] * row
                self._right[name] = self._right.get(name, 0) + part

    def solve(self) -> Mapping[str, F64]:
        """Each map's change per unit of the two columns of age, (2, CANON / 2, CANON / 2)."""
        if self._normal is None:
            raise ValueError("no portrait was added")
        ridge = np.full(self._normal.shape[-1], _RIDGE)
        ridge[0] = 0.05
        inverse = np.linalg.inv(self._normal + np.diag(ridge))[..., 1:3, :]
        return {
            name: np.moveaxis(np.einsum("hwij,hwj->hwi", inverse, right), -1, 0) for name, right in self._right.items()
        }

    def _small(self, image: F32, flip: bool) -> F64:
        image = np.ascontiguousarray(image[:, ::-1]) if flip else image
        small = cv2.resize(image, (self._SIDE, self._SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float64)


def _maps(seen: Unfolded) -> Iterator[tuple[str, F32]]:
    power = blur(np.square(luma(seen.bands[2])), _ENERGY_BLUR)
    yield "energy", np.float32(0.5) * np.log(power + np.float32(1e-6))
    yield "shade", luma(seen.bands[2]) + luma(seen.bands[3]) + luma(seen.bands[4])
    for channel in range(3):
        yield f"tone{channel}", np.ascontiguousarray(seen.rest[..., channel])


def regress_shape(portraits: tuple[Portrait, ...], rows: F64, canon: Canon) -> F32:
    """How the mesh moves with age: (2, CANON / 4, CANON / 4, 2) canonical pixels per unit of the columns of age."""
    faces = np.array([canon.mirrored_points(framed(item.points)) for item in portraits if item.points is not None])
    ridge = np.full(rows.shape[1], _RIDGE_SHAPE)
    ridge[0] = 0
    solved = np.linalg.solve(rows.T @ rows + np.diag(ridge), rows.T @ (faces - canon.mean).reshape(len(faces), -1))
    masks = canon.masks()
    features = np.asarray(cv2.dilate(np.maximum(masks["eyes"], masks["inner_lips"]), np.ones((5, 5), np.uint8)))
    kept = np.float32(_KEPT) * blur(features.astype(np.float32), _KEPT_BLUR)
    fields = []
    for moved in solved[1:3].reshape(2, -1, 2):
        outline = nodes(moved.astype(np.float32)).astype(np.float64)
        outline[MESH:] = 0  # hair, ears and what is behind the head stay
        field = blur(canon.spread(outline), 4.0) * (1 - kept)[..., None]
        fields.append(cv2.resize(field, (CANON // 4,) * 2, interpolation=cv2.INTER_AREA))
    return np.array(fields, np.float32)

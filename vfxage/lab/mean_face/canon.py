"""The canonical face: the mean of many, its symmetry, its triangles and regions, and portraits unfolded onto it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import Delaunay

from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.mesh import CANON, INNER_LIPS, MESH, nodes
from vfxage.ager.wrinkle_lines import BROW, EYE, LIPS
from vfxage.geometry import OVAL, crop_transform, invert, map_points
from vfxage.types import F32, F64, Framing

REGIONS = ("forehead", "eye_left", "eye_right", "cheek_left", "cheek_right", "mouth", "nose")
"""Parts of the skin; left is the picture's. Their masks sum to 1."""
_FFHQ = Framing(name="ffhq")
_SEEDS: dict[str, tuple[int, ...]] = {
    "forehead": (10, 67, 109, 338, 297, 151, 108, 337, 69, 299, 104, 333, 9, 8, 103, 332),
    "eye_left": (33, 133, 159, 145, 230, 228, 226, 35, 143, 124, 156, 111, 31, 117, 118),
    "cheek_left": (50, 205, 187, 207, 147, 213, 192, 206, 216, 212, 202, 136, 138, 177, 203),
    "mouth": (0, 17, 164, 18, 200, 199, 175, 152, 83, 313, 43, 273, 185, 409, 170, 395, 2),
    "nose": (4, 5, 195, 197, 6, 1, 45, 275),
}
"""Landmarks around which a region lies. The regions of the right side are those of the left, mirrored."""
_BORDER = 9.0
"""Width of the fade between two regions, canonical pixels."""


def framed(points: F32) -> F64:
    """Landmarks (478, 2) in the canonical square, as FFHQ's framing puts them there."""
    return map_points(points, invert(crop_transform(points, _FFHQ, CANON)))


class Canon:
    """A mean face, with its triangles, regions and masks."""

    def __init__(self, faces: Sequence[F32]) -> None:
        """``faces`` are landmarks (478, 2) in any picture's pixels."""
        mean = np.mean([framed(points) for points in faces], axis=0)
        self.opposite = _opposite(mean)
        self.mean: F32 = self.mirrored_points(mean).astype(np.float32)
        corners = nodes(self.mean)
        self._delaunay = Delaunay(corners)
        self.triangles = _turned_alike(self._delaunay.simplices, corners)
        grid = np.stack(np.meshgrid(*[np.arange(CANON) + 0.5] * 2), axis=-1).reshape(-1, 2)
        self._triangle = self._delaunay.find_simplex(grid)
        transform = self._delaunay.transform[self._triangle]
        first = np.einsum("nij,nj->ni", transform[:, :2], grid - transform[:, 2])
        self._share = np.nan_to_num(np.column_stack([first, 1 - first.sum(axis=1)]))

    def mirrored_points(self, points: F64) -> F64:
        """The mean of canonical points (478, 2) and their mirror image."""
        other = points[self.opposite] * [-1, 1] + [CANON, 0]
        return np.asarray((points + other) / 2)

    def spread(self, values: F64) -> F32:
        """Node values (540, c) over the canonical square (CANON, CANON, c), linear in each triangle; 0 outside."""
        shown = values[self._delaunay.simplices[self._triangle]]
        image = np.einsum("nk,nkc->nc", self._share, shown)
        image[self._triangle < 0] = 0
        return np.asarray(image.reshape(CANON, CANON, -1), np.float32)

    def unfold(self, rgb: F32, points: F32) -> F32:
        """A portrait's log RGB on the canonical square, (CANON, CANON, 3); beyond its border the border is repeated."""
        at = self.spread(nodes(points).astype(np.float64)) - np.float32(0.5)
        log = np.log(rgb + np.float32(FLOOR))
        taken = cv2.remap(log, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(taken, np.float32)

    def masks(self) -> dict[str, F32]:
        """All masks of the data file, each (CANON, CANON), 0..1, symmetric as the mean face is."""
        eyes, brows = (np.maximum(*(self._area(ids, *how) for ids in self._pair(part)))
                       for part, how in ((EYE, (0, 1.2)), (BROW, (4, 3.0))))  # fmt: skip
        texture, soft = self._area(OVAL, -4, 4.0), self._area(OVAL, -2, 9.0)
        for part, (grow, feather, share), (wide, wider, some) in (
            (EYE, (2, 2.0, 1.0), (2, 2.5, 1.0)),
            (BROW, (1, 2.5, 0.9), (3, 4.0, 0.8)),
        ):
            for ids in self._pair(part):
                texture = texture * (1 - share * self._area(ids, grow, feather))
                soft = soft * (1 - some * self._area(ids, wide, wider))
        texture = texture * (1 - self._area(LIPS, 1, 2.0))
        soft = soft * (1 - 0.8 * self._area(LIPS, 0, 3.0))
        inner = self._area(INNER_LIPS, 0, 1.0)
        # Skin around the face changes too, less with distance: beside a young neck, an old face looks like a mask.
        around = _filled(self.mean[OVAL] + 0.30 * (self.mean[OVAL] - self.mean[:MESH].mean(axis=0)), 14.0)
        found = {
            "texture": texture,
            "soft": soft,
            "inner": self._area(OVAL, -14, 7.0),
            "around": around * (1 - self._area(OVAL, -4, 4.0)),
            "lips": self._area(LIPS, 0, 2.0) * (1 - inner),
            "inner_lips": inner,
            "brows": brows,
            "eyes": eyes,
        }
        return found | self._regions()

    def _pair(self, ids: Sequence[int]) -> tuple[list[int], list[int]]:
        return list(ids), [int(self.opposite[k]) for k in ids]

    def _area(self, ids: Sequence[int], grow: int, feather: float) -> F32:
        """The hull of landmarks, grown by so many pixels (shrunk where negative) and feathered."""
        hull = np.asarray(cv2.convexHull(self.mean[list(ids)].astype(np.float32))[:, 0], np.float32)
        drawn = _filled(hull, 0)
        if grow:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1,) * 2)
            drawn = np.asarray((cv2.dilate if grow > 0 else cv2.erode)(drawn, disc), np.float32)
        return np.asarray(cv2.GaussianBlur(drawn, (0, 0), feather), np.float32)

    def _regions(self) -> dict[str, F32]:
        y, x = np.mgrid[:CANON, :CANON] + 0.5
        away = []
        for name in REGIONS:
            ids = _SEEDS[name.replace("_right", "_left")]
            seeds = self.mean[self._pair(ids)[name.endswith("_right")]]
            away.append(np.min([np.hypot(x - px, y - py) for px, py in seeds], axis=0))
        nearness = np.exp(-(np.array(away) - np.min(away, axis=0)) / _BORDER)
        shares = (nearness / nearness.sum(axis=0)).astype(np.float32)
        return dict(zip(REGIONS, shares, strict=True))


def _filled(outline: F32, feather: float) -> F32:
    drawn = np.zeros((CANON, CANON), np.uint8)
    cv2.fillPoly(drawn, [np.round((outline - 0.5) * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    image = drawn.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), feather), np.float32) if feather else image


def _opposite(mean: F64) -> NDArray[np.intp]:
    """Each landmark's opposite one, by reflecting the mean face: one to one."""
    reflected = mean * [-1, 1] + [CANON, 0]
    cost = ((reflected[:, None] - mean[None]) ** 2).sum(axis=-1)
    return np.asarray(linear_sum_assignment(cost)[1], np.intp)


def _turned_alike(triangles: NDArray[np.int32], corners: F32) -> NDArray[np.int32]:
    """The same triangles, with the corners of each in the order that gives a positive area."""
    a, b, c = (corners[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return np.where((area < 0)[:, None], triangles[:, ::-1], triangles)

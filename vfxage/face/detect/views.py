"""Upright square views of a picture: where they lie, and antialiased sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfxage.geometry import turn_matrix
from vfxage.types import F32, F64, U8

ROOM = 1.5
"""Side of a mesh crop over the longer side of the face's box, as FaceMesh was trained (Kartynnik et al. 2019)."""
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
"""Landmarks of the corners of each eye."""


@dataclass(frozen=True, slots=True)
class Square:
    """A rolled square of a picture, continuous pixels (centres at +0.5)."""

    x: float
    """Centre."""
    y: float
    side: float
    roll: float
    """Radians, clockwise on the screen: the face's eye line against the picture's horizontal."""

    def to_picture(self, size: int) -> F64:
        """(2, 3) similarity from the pixels of a ``size`` x ``size`` view to the picture's."""
        scale = self.side / size
        cosine, sine = np.cos(self.roll) * scale, np.sin(self.roll) * scale
        half = size / 2
        corner = [self.x - cosine * half + sine * half, self.y - sine * half - cosine * half]
        return np.column_stack([turn_matrix(cosine, sine), corner])


def square_of_points(points: F32) -> Square:
    """The mesh crop of a face whose landmarks are known."""
    right, left = points[list(RIGHT_EYE)].mean(0), points[list(LEFT_EYE)].mean(0)
    roll = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    turn = turn_matrix(np.cos(roll), -np.sin(roll))
    upright = points.astype(np.float64) @ turn.T
    low, high = upright.min(0), upright.max(0)
    x, y = turn.T @ ((low + high) / 2)
    return Square(float(x), float(y), float((high - low).max()) * ROOM, roll)


def square_of_box(row: F32) -> Square:
    """The mesh crop of a detector's box: x0 y0 x1 y1, right eye x y, left eye x y, score."""
    roll = float(np.arctan2(row[7] - row[5], row[6] - row[4]))
    width, height = row[2] - row[0], row[3] - row[1]
    return Square(float(row[0] + row[2]) / 2, float(row[1] + row[3]) / 2, float(max(width, height)) * ROOM, roll)


def view(picture: U8, square: Square, size: int) -> U8:
    """Sample ``square`` as (size, size, 3); what lies outside the picture is black.

    A view smaller than its square is supersampled on a grid at least as fine as the picture and averaged, so that a
    large face does not alias; a very large one is first reduced by a whole factor.
    """
    import cv2

    scale = square.side / size
    shrink = max(1, int(scale / 4))
    reach = square.side * 0.75 + 2 * shrink  # half a rolled square's diagonal, and room for the filter
    x0, y0 = (max(0, int(np.floor(c - reach))) for c in (square.x, square.y))
    x1 = min(picture.shape[1], int(np.ceil(square.x + reach)))
    y1 = min(picture.shape[0], int(np.ceil(square.y + reach)))
    if x1 - x0 < shrink or y1 - y0 < shrink:
        return np.zeros((size, size, 3), np.uint8)
    region = picture[y0:y1, x0:x1]
    if shrink > 1:
        size_down = (x1 - x0) // shrink, (y1 - y0) // shrink
        whole = region[: size_down[1] * shrink, : size_down[0] * shrink]
        region = np.asarray(cv2.resize(whole, size_down, interpolation=cv2.INTER_AREA), np.uint8)
    finer = max(1, int(np.ceil(scale / shrink)))
    transform = square.to_picture(size * finer)
    transform[:, 2] = (transform @ (0.5, 0.5, 1.0) - (x0, y0)) / shrink - 0.5  # cv2 counts from pixel centres
    transform[:, :2] /= shrink
    how = (cv2.INTER_LINEAR if scale >= 1 else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(region, transform, (size * finer, size * finer), flags=how)
    if finer == 1:
        return np.asarray(fine, np.uint8)
    return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), np.uint8)

"""Features of a face that change with age, independent of colour: oriented contrast, texture patterns, mesh shape.

None of them is a colour or a brightness: energies and patterns are taken from log luma with its broad shading removed,
so that they are not the quantities by which an ager of this package makes a face older. Left and right are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.lab.evaluate.flat import MESH, SIDE, MeanFace, align_mesh
from vfxage.types import F32

Numbers = Mapping[str, F32]
"""Blocks of features by name, each a vector."""

_FLOOR = 0.04
"""Added to luma before the logarithm, because detail in darker places is mostly grain."""
_SHADING = 20.0
"""Width (sigma), in flat pixels, of what counts as shading."""
_EDGE = 9
"""Width of the mesh's border zone; its outer half is often hair or background instead of skin."""
_ORIENTATIONS = 8
"""Number of orientations in half a turn."""
_CELLS = (16, 16, 8)
"""Side of a cell at each halving of the picture, in pixels of the halved picture."""
_RADII = (2, 4)
"""Index of the pattern of flat pixels among the texture patterns."""
_PATTERN_CELL = 32


class FeatureReader:
    """Measures the features of crops on one mean face; a call does not depend on earlier calls."""

    def __init__(self, mean: MeanFace) -> None:
        self._mean = mean
        self._inner = cv2.erode(mean.inside.astype(np.uint8), np.ones((_EDGE, _EDGE), np.uint8)) > 0

    def read(self, rgb: F32, points: F32) -> Numbers:
        """The features of a crop (S, S, 3), sRGB 0..1, with its mesh (478, 2) in crop pixels."""
        detail = self._detail(self._mean.flatten(rgb, points))
        numbers = {f"contrast{level}": self._contrast(detail, level) for level in range(len(_CELLS))}
        numbers |= {f"pattern{radius}": self._pattern(detail, radius) for radius in _RADII}
        return {**numbers, "shape": self._shape(points)}

    def _detail(self, flat: F32) -> F32:
        """Log luma without its shading; 0 outside the mesh."""
        log = np.log(np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY), np.float32) + np.float32(_FLOOR))
        inside = self._mean.inside.astype(np.float32)
        total = cv2.GaussianBlur(log * inside, (0, 0), _SHADING)
        weight = cv2.GaussianBlur(inside, (0, 0), _SHADING)
        return np.asarray((log - total / (weight + np.float32(1e-3))) * inside, np.float32)

    def _contrast(self, detail: F32, level: int) -> F32:
        """Log of the mean gradient per cell and orientation (after Dalal and Triggs 2005, not normalised)."""
        inner = self._inner.astype(np.float32)
        for _ in range(level):
            detail, inner = (np.asarray(cv2.pyrDown(image), np.float32) for image in (detail, inner))
        dx, dy = (cv2.Sobel(detail, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
        slope, way = np.hypot(dx, dy), np.arctan2(dy, dx) % np.pi * (_ORIENTATIONS / np.pi)
        low = np.floor(way).astype(np.intp)
        share = way - low
        cell = _CELLS[level]
        across = detail.shape[0] // cell
        place = np.arange(detail.shape[0]) // cell
        index = (place[:, None] * across + place[None, :]) * _ORIENTATIONS
        size = across * across * _ORIENTATIONS
        sums = np.bincount((index + low % _ORIENTATIONS).ravel(), (slope * (1 - share)).ravel(), size)
        sums += np.bincount((index + (low + 1) % _ORIENTATIONS).ravel(), (slope * share).ravel(), size)
        energy = np.log(sums.reshape(across, across, _ORIENTATIONS) / cell**2 + 0.002)
        opposite = -np.arange(_ORIENTATIONS) % _ORIENTATIONS  # a slope's orientation in the mirror
        both = (energy + energy[:, ::-1, opposite]) / 2
        return np.asarray(both[_cells_in_face(_mean_cells(inner, cell), 0.5)], np.float32).ravel()

    def _pattern(self, detail: F32, radius: int) -> F32:
        """Rotation-invariant uniform local binary patterns (Ojala et al. 2002): the square roots of their shares."""
        soft = cv2.GaussianBlur(detail, (0, 0), radius / 2)
        above = np.array(
            [_shifted(np.asarray(soft, np.float32), radius, turn) > soft for turn in np.arange(8) * (np.pi / 4)]
        )
        changes = (above != np.roll(above, 1, axis=0)).sum(axis=0)
        code = np.where(changes <= 2, above.sum(axis=0), 9)
        shares = np.stack([_mean_cells((code == k).astype(np.float32), _PATTERN_CELL) for k in range(10)], axis=2)
        both = (shares + shares[:, ::-1]) / 2
        kept = _cells_in_face(_mean_cells(self._inner.astype(np.float32), _PATTERN_CELL), 0.3)
        return np.asarray(np.sqrt(both[kept]), np.float32).ravel()

    def _shape(self, points: F32) -> F32:
        """The mesh, moved, turned and scaled onto the mean face."""
        return np.asarray(align_mesh(points[:MESH], self._mean.points) / SIDE, np.float32).ravel()


def _shifted(image: F32, radius: float, turn: float) -> F32:
    move = np.array([[1, 0, radius * np.cos(turn)], [0, 1, radius * np.sin(turn)]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _mean_cells(image: F32, cell: int) -> F32:
    across = image.shape[0] // cell
    return np.asarray(image.reshape(across, cell, across, cell).mean(axis=(1, 3)), np.float32)


def _cells_in_face(share: F32, least: float) -> NDArray[np.bool_]:
    """Cells that lie in the face, the same left and right."""
    kept = share > least
    return np.asarray(kept & kept[:, ::-1], np.bool_)

"""Compare a framed face with its portrait by MediaPipe and Pillow alone, without vfxage's framing code."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vfxage.face.detect import FaceFinder
from vfxage.lab.portraits import Portrait


def similarity(points: np.ndarray, onto: np.ndarray) -> tuple[complex, complex]:
    """Factor and offset of the best similarity from (N, 2) points onto others, as complex numbers."""
    one, other = (item[:, 0].astype(float) + 1j * item[:, 1] for item in (points, onto))
    centred = one - one.mean()
    factor = (np.conj(centred) * (other - other.mean())).sum() / (abs(centred) ** 2).sum()
    return complex(factor), complex(other.mean() - factor * one.mean())


def found_points(picture: np.ndarray) -> np.ndarray:
    """The mesh that MediaPipe finds in an uint8 picture."""
    with FaceFinder() as finder:
        (face,) = finder.find(np.ascontiguousarray(picture))
    return np.asarray(face.points, float)


def cut_by_pillow(portrait: Portrait, factor: complex, offset: complex, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The square that the similarity names, and where it lies on the portrait."""
    matrix = (factor.real, -factor.imag, offset.real, factor.imag, factor.real, offset.imag)
    with Image.open(portrait.path) as source:
        shown = source.convert("RGB").transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        inside = Image.new("L", source.size, 255).transform((side, side), Image.Transform.AFFINE, matrix)
    return np.asarray(shown, float), np.asarray(inside) > 0


def ffhq_square(points: np.ndarray) -> tuple[complex, float]:
    """Centre and side of the square of FFHQ's script (Karras et al. 2019), from eyes and mouth, in pixels."""
    left, right = points[[33, 133, 159, 145]].mean(axis=0), points[[263, 362, 386, 374]].mean(axis=0)
    mouth, eyes = (points[61] + points[291]) / 2, (left + right) / 2
    across, down = right - left, mouth - eyes
    way = across - np.array([-down[1], down[0]])
    half = max(2 * np.hypot(*across), 1.8 * np.hypot(*down)) * way / np.hypot(*way)
    return complex(*(eyes + 0.1 * down)), 2 * float(np.hypot(*half))


def assert_framed(picture: np.ndarray, portrait: Portrait, framing: str) -> np.ndarray:
    """The picture shows the portrait's face where the framing says; returns the mesh found in the picture."""
    side = len(picture)
    assert portrait.points is not None
    points = found_points(picture)
    factor, offset = similarity(points, portrait.points)
    shown, inside = cut_by_pillow(portrait, factor, offset, side)
    likeness = np.corrcoef(shown[inside].ravel(), picture[inside].ravel())[0, 1]
    assert likeness > 0.95, likeness
    assert picture.std() > 20
    centre, length = ffhq_square(portrait.points)
    larger, off = (1.08, 0.04) if framing == "wide" else (1.0, 0.02)
    scale = abs(factor) * side / length
    assert abs(scale - larger) < 0.05, scale
    away = abs(factor * (side / 2) * (1 + 1j) + offset - centre) / length
    assert away < off, away
    return points

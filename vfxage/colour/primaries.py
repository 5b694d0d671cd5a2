"""The primaries and white points of scene-linear spaces, as their makers publish them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vfxage.colour.cicp import LINEAR_709
from vfxage.types import F64

D65 = (0.3127, 0.329)
"""White (x, y) of daylight, CIE."""

PRIMARIES: dict[str, tuple[float, ...]] = {
    LINEAR_709: (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "Linear Rec.2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "Linear P3-D65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    "Linear AdobeRGB": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329),
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "ACEScg": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "Linear ARRI Wide Gamut 3": (0.684, 0.313, 0.221, 0.848, 0.0861, -0.102, 0.3127, 0.329),
    "Linear ARRI Wide Gamut 4": (0.7347, 0.2653, 0.1424, 0.8576, 0.0991, -0.0308, 0.3127, 0.329),
    "Linear S-Gamut3": (0.73, 0.28, 0.14, 0.855, 0.1, -0.05, 0.3127, 0.329),
    "Linear S-Gamut3.Cine": (0.766, 0.275, 0.225, 0.8, 0.089, -0.087, 0.3127, 0.329),
    "Linear V-Gamut": (0.73, 0.28, 0.165, 0.84, 0.1, -0.03, 0.3127, 0.329),
    "Linear REDWideGamutRGB": (0.780308, 0.304253, 0.121595, 1.493994, 0.095612, -0.084589, 0.3127, 0.329),
    "Linear CinemaGamut D55": (0.74, 0.27, 0.17, 1.14, 0.08, -0.1, 0.3127, 0.329),
    "Linear BMD WideGamut Gen5": (0.7177215, 0.3171181, 0.228041, 0.861569, 0.1005841, -0.0820452, 0.3127, 0.329),
    "Linear DaVinci WideGamut": (0.8, 0.313, 0.1682, 0.9877, 0.079, -0.1155, 0.3127, 0.329),
}
"""Chromaticities (rx ry gx gy bx by wx wy) as their makers publish them; OpenColorIO gives matrices only."""


def from_chromaticities(chromaticities: Sequence[float], tolerance: float = 2e-3) -> str | None:
    """Name the linear space with these chromaticities (rx ry gx gy bx by wx wy); None if no space is close enough."""
    given = np.asarray(chromaticities, np.float64)
    if given.shape != (8,) or not np.isfinite(given).all():
        return None
    distance = {name: float(np.abs(given - known).max()) for name, known in PRIMARIES.items()}
    best = min(distance, key=lambda name: distance[name])
    return best if distance[best] <= tolerance else None


def matrix_to_xyz(chromaticities: Sequence[float], adapted: tuple[float, float] = D65) -> F64:
    """(3, 3) RGB to CIE XYZ, adapted by Bradford to a white (x, y) (SMPTE RP 177; Lindbloom)."""
    points = np.asarray(chromaticities, np.float64).reshape(4, 2)
    columns = np.column_stack([[x, y, 1 - x - y] for x, y in points[:3]])
    white = (float(points[3, 0]), float(points[3, 1]))
    return np.asarray(adaptation(white, adapted) @ (columns * np.linalg.solve(columns, _xyz(white))), np.float64)


def adaptation(white: tuple[float, float], wanted: tuple[float, float] = D65) -> F64:
    """(3, 3): CIE XYZ seen under a white (x, y) to the same colour under another, by Bradford."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    gain = (bradford @ _xyz(wanted)) / (bradford @ _xyz(white))
    return np.asarray(np.linalg.solve(bradford, gain[:, None] * bradford), np.float64)


def _xyz(white: tuple[float, float]) -> F64:
    """CIE XYZ of a white (x, y) with Y = 1."""
    x, y = white
    return np.array([x / y, 1.0, (1 - x - y) / y])

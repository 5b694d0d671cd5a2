"""ICC profiles of pictures (ICC.1): which colour space one is, by primaries and curve, whatever it is called."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from vfxage.colour.cicp import LINEAR_709, SRGB
from vfxage.colour.curves import srgb_decode
from vfxage.colour.primaries import PRIMARIES, matrix_to_xyz
from vfxage.types import F64

_D50 = (0.3457, 0.3585)
_PLACES = np.linspace(0, 1, 65)
_CURVE_ERROR = 2e-3
"""Tolerance of linear light; the sRGB curve and a gamma of 2.2 differ by 8e-3."""
_MATRIX_ERROR = 2e-3
"""Makers round primaries and white; the nearest two gamuts are 0.02 apart."""

_ENCODED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    LINEAR_709: ("Rec.709", ("Gamma 1.8", "Gamma 2.2", "Gamma 2.4")),
    "Linear P3-D65": ("P3-D65", ("sRGB",)),
    "Linear AdobeRGB": ("AdobeRGB", ("Gamma 2.2",)),
    "ACEScg": ("AP1", ("sRGB", "Gamma 2.2")),
}
"""By gamut: its short name in OpenColorIO's spaces, and the curves with which there is one."""


def space_of(profile: bytes) -> str | None:
    """OpenColorIO name of a profile's space; None if it is damaged, has tables, or matches no named space."""
    with np.errstate(all="ignore"):
        return _space_of(profile)


def _space_of(profile: bytes) -> str | None:
    try:
        tags = _tags(profile)
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
        to_d50 = np.column_stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
    except (KeyError, IndexError, ValueError, struct.error):
        return None
    if b"A2B0" in tags or any(np.abs(curve - curves[0]).max() > _CURVE_ERROR for curve in curves[1:]):
        return None
    return _named(_curve_name(curves[0]), _gamut(to_d50))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    if profile[36:40] != b"acsp" or profile[16:24] != b"RGB XYZ ":
        raise ValueError("no RGB profile")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for place in range(132, 132 + 12 * min(count, 100), 12):
        name, offset, size = struct.unpack_from(">4sII", profile, place)
        tags[name] = profile[offset : offset + size]
    return tags


def _xyz(tag: bytes) -> F64:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes) -> F64:
    """Light at ``_PLACES``."""
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("a curve of another kind")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return _PLACES
    codes = np.frombuffer(tag, ">u2", count, 12)
    if count == 1:
        return np.asarray(_PLACES ** (codes[0] / 256), np.float64)
    return np.interp(_PLACES, np.linspace(0, 1, count), codes / 65535)


def _parametric(tag: bytes) -> F64:
    """ICC.1, 10.18: a power, of a line, plus a constant, and below a place another line."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    g, *rest = (value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12))
    a, b, *rest = rest or (1.0, 0.0)
    if kind in (1, 2):
        place, slope, offset = -b / a if a else 0.0, 0.0, rest[0] if rest else 0.0
        return np.where(place <= _PLACES, np.maximum(a * _PLACES + b, 0) ** g, 0) + offset
    slope, place, above, below = (*rest, 0.0, 0.0)[:4] if rest else (0.0, -1.0, 0.0, 0.0)
    light = np.maximum(a * _PLACES + b, 0) ** g + above
    return np.where(place <= _PLACES, light, slope * _PLACES + below)


def _curve_name(curve: F64) -> str | None:
    known = {"Linear": _PLACES, "sRGB": srgb_decode(_PLACES.astype(np.float32)).astype(np.float64)}
    known |= {f"Gamma {gamma}": _PLACES**gamma for gamma in (1.8, 2.2, 2.4)}
    error = {name: float(np.abs(curve - light).max()) for name, light in known.items()}
    best = min(error, key=lambda name: error[name])
    return best if error[best] < _CURVE_ERROR else None


def _gamut(to_d50: F64) -> str | None:
    """The linear space whose primaries, adapted to D50 as ICC asks, are these."""
    error = {name: float(np.abs(matrix_to_xyz(known, _D50) - to_d50).max()) for name, known in PRIMARIES.items()}
    best = min(error, key=lambda name: error[name])
    return best if error[best] < _MATRIX_ERROR else None


def _named(curve: str | None, gamut: str | None) -> str | None:
    if gamut is None or curve == "Linear":
        return gamut
    if (curve, gamut) == ("sRGB", LINEAR_709):
        return SRGB
    name, curves = _ENCODED.get(gamut, ("", ()))
    return f"{curve} Encoded {name}" if curve in curves else None

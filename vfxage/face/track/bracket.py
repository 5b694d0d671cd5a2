"""Search a picture at several exposures, as a photographer brackets, and look at each face at the exposure it needs.

Everything is decided on one picture alone: a face in a spotlight, in deep shade or before a bright window is found
whatever the rest of the frame and of the shot looks like. Measured on portraits: the detectors find a face from six
stops below to two stops above its normal light, so few exposures are enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vfxage.face.detect import FOUND, Detection, FaceFinder
from vfxage.face.exposure import SKIN, stops_for
from vfxage.face.track.canvas import Picture
from vfxage.types import F32

_STEP = 2
"""Exposures of faces are multiples of so many stops."""
_KEPT = 2.0
"""The exposure of a face is kept while its light is within the range of skin, times this factor on both sides."""
_MOST = 16
"""Stops."""
_SAMPLES, _ENOUGH = 8, 0.4
"""Rows and columns of samples on the smallest face, and which part of them must have the light of an exposure."""


@dataclass(frozen=True, slots=True)
class _Exposure:
    stops: int
    light: tuple[float, float]
    """Luminance of faces that need this exposure."""


_BRACKET = (
    _Exposure(6, (2**-13, 2**-7)),
    _Exposure(12, (2**-19, 2**-13)),
    _Exposure(-5, (1.0, 32.0)),
    _Exposure(-10, (32.0, 2048.0)),
)
"""The exposures that are searched beside 0, where the picture has such light. The ranges reach from skin that the
exposure before it no longer shows to skin that its own no longer shows."""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face, and the exposure at which it was seen."""

    face: Detection
    stops: int


def find_bracketed(finder: FaceFinder, picture: Picture, known: Sequence[F32] = ()) -> list[SeenFace]:
    """Every face of the picture, largest first, each at the exposure of its own light; ``known`` ones are left out."""
    seen_faces: list[SeenFace] = []
    for stops in (0, *(item.stops for item in _BRACKET if _has_light(picture, item, finder.min_face))):
        seen = [*known, *(item.face.points for item in seen_faces)]
        for face in finder.find(picture.at(stops), seen):
            seen_face = _well_exposed(finder, picture, SeenFace(face, stops))
            if seen_face is not None:
                seen_faces.append(seen_face)
    return sorted(seen_faces, key=lambda item: -float(np.ptp(item.face.points[:, 1])))


def exposure_of(picture: Picture, points: F32, now: int = 0) -> int:
    """Stops at which to look at the face with these ``points`` (478, 2): ``now`` while these show it well."""
    light = picture.face_light(points)
    low, high = SKIN
    if not math.isfinite(light) or low / _KEPT <= light * 2.0**now <= high * _KEPT:
        return now
    stops = stops_for(light)
    return max(-_MOST, min(_MOST, _STEP * math.ceil(abs(stops) / _STEP) * (1 if stops > 0 else -1)))


def _well_exposed(finder: FaceFinder, picture: Picture, seen_face: SeenFace) -> SeenFace | None:
    """The face at the exposure that its light asks for; None if it is no face there."""
    stops = exposure_of(picture, seen_face.face.points)
    if stops == seen_face.stops:
        return seen_face
    face = finder.follow(picture.at(stops), seen_face.face.points)
    return SeenFace(face, stops) if face is not None and face.vote >= FOUND else None


def _has_light(picture: Picture, exposure: _Exposure, min_face: float) -> bool:
    """Whether somewhere an area as large as the smallest face has the light of faces that need this exposure."""
    import cv2

    luminance = picture.thinned_luminance(max(1, int(min_face / _SAMPLES)))
    low, high = exposure.light
    inside = ((luminance > low) & (luminance < high)).astype(np.float32)
    return bool(cv2.blur(inside, (_SAMPLES, _SAMPLES), borderType=cv2.BORDER_CONSTANT).max(initial=0.0) >= _ENOUGH)

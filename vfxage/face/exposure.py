"""Measure the light of faces, and the stops that bring it into the range of networks and detectors.

Well exposed skin of any tone is not changed. Light darker or brighter than any well exposed skin is moved just into
that range. For ageing it is measured once for a shot, so that no frame differs from its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np

from vfxage.colour.curves import LUMA_709, srgb_decode
from vfxage.colour.space import Colour
from vfxage.geometry import OVAL
from vfxage.media.base import Reader
from vfxage.types import F32, FaceTrack, Frame

SKIN = (0.04, 0.6)
"""Linear luminance (Rec.709, white at 1) of well exposed skin, the darkest to the lightest."""
_MOST = 12.0
"""The largest correction, stops."""
_FACE_SAMPLES = 9
"""Frames measured for a face, evenly spread."""


def stops_for(light: float, wanted: tuple[float, float] = SKIN) -> float:
    """Stops (hundredths) that bring a luminance inside ``wanted``; 0 where it is inside, or was not measured."""
    if not math.isfinite(light) or wanted[0] <= light <= wanted[1]:
        return 0.0
    low, high = (math.log2(edge / max(light, 1e-9)) for edge in wanted)
    return round(max(-_MOST, min(_MOST, low if low > 0 else high)), 2)


def face_light(reader: Reader, track: FaceTrack, colour: Colour) -> float:
    """Median luminance of a face's skin, linear Rec.709, over nine of its frames; NaN where none shows it.

    Raises ReadError.
    """
    numbers = [int(number) for number in track.numbers]
    points = dict(zip(numbers, track.points, strict=True))
    seen = _measured(reader, _spread(numbers, _FACE_SAMPLES), lambda frame: _skin(frame, points[frame.number], colour))
    levels = [float(np.median(light)) for light in seen if light.size]
    return float(np.median(levels)) if levels else math.nan


def luminance(rgb: F32, colour: Colour) -> F32:
    """Linear Rec.709 luminance (...) of linear plate pixels (..., 3), diffuse white at 1; NaN counts as 0."""
    return np.asarray(srgb_decode(colour.encode(rgb)) @ LUMA_709, np.float32)


def _measured(reader: Reader, numbers: Sequence[int], measure: Callable[[Frame], F32]) -> list[F32]:
    with closing(reader.read(numbers)) as frames:
        return [measure(frame) for frame in frames if not frame.missing]


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    places = np.unique(np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int))
    return [numbers[place] for place in places]


def _skin(frame: Frame, points: F32, colour: Colour) -> F32:
    """Luminance (N,) inside the inner four fifths of the face's outline, where the frame shows it."""
    import cv2

    outline = points[OVAL] - np.array([frame.window.x, frame.window.y], np.float32)
    centre = outline.mean(axis=0)
    drawn = np.zeros(frame.window.shape, np.uint8)
    inner = np.round(centre + 0.8 * (outline - centre)).astype(np.int64)
    cv2.fillConvexPoly(drawn, np.clip(inner, -(1 << 15), 1 << 15).astype(np.int32), (1,))
    return luminance(frame.rgb[drawn > 0], colour)

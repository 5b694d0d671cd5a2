"""Where on the mean face a dark valley is age, and where it is anatomy: maps of the canonical square at half density.

A map is (CANON / 2, CANON / 2), 0..1. Both sides of the face are alike. Positions are landmarks of the mean face,
distances canonical pixels; they were drawn by hand and judged by eye on portraits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.mesh import CANON, INNER_LIPS, Chart
from vfxage.ager.relief.skin_view import parts
from vfxage.geometry import OVAL, smoothstep
from vfxage.types import F32

_HALF = CANON // 2
_EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_ARCH = (70, 63, 105, 66)
"""Upper edge of a brow, from its tail to its head."""
_IRIS = (11.0, 6.5)
"""Half width and half height, canonical pixels, of what an iris fills of an open eye as the gaze goes about."""
_ARCHED = 12.0
"""Canonical pixels above it: plucked and painted brows lie as high as twice this."""
_PER_REMAP = 4
"""Channels that OpenCV samples at once."""

_TURNING, _RIM, _JOWLS = 0.6, 40.0, 30.0
"""Share of the broad relief that is form where the face turns away at its outline, and how far in from there, canonical
pixels: young cheeks have more of this shade than old ones. From the corners of the mouth down it is jowls; the last is
the range over which that comes in."""
_NECK_END = (CANON + 24.0, 20.0)
"""Canonical height at which the neck ends, and the range over which it fades out: there the mesh's rings end."""

Node = tuple[int, int, float]
"""A point on the way from one landmark to another: (from, to, share of the way)."""

NASOLABIAL: tuple[Node, ...] = ((129, 203, 0.2), (203, 98, 0.4), (206, 92, 0.4), (216, 186, 0.6), (57, 212, 0.45))
"""From beside the wing of the nose to below the corner of the mouth."""
MARIONETTE: tuple[Node, ...] = ((61, 57, 0.5), (57, 43, 0.7), (43, 202, 0.5), (202, 204, 0.5), (211, 210, 0.45))
"""From the corner of the mouth to the jaw."""
TEAR_TROUGH: tuple[Node, ...] = (
    (244, 233, 0.6), (128, 233, 0.4), (121, 232, 0.3), (120, 231, 0.3), (119, 230, 0.45), (118, 229, 0.6),
)  # fmt: skip
"""From the inner corner of the eye along the rim of the orbit."""


class _Canvas:
    """Draws on the canonical square."""

    def __init__(self, mean: F32) -> None:
        self.mean = mean
        self.y, self.x = np.mgrid[:_HALF, :_HALF].astype(np.float32) * 2 + 1

    def spot(self, centre: F32, across: float, down: float, power: float = 1.0) -> F32:
        """A Gaussian round ``centre``; a power above 1 gives it a flat top."""
        apart = ((self.x - centre[0]) / across) ** 2 + ((self.y - centre[1]) / down) ** 2
        return np.asarray(np.exp(-(apart**power)), np.float32)

    def eyes(self, below: float, across: float, down: float) -> F32:
        """A spot at each eye, ``below`` its middle."""
        drop = np.array([0, below], np.float32)
        return np.maximum(*(self.spot(self.mean[list(eye)].mean(axis=0) + drop, across, down) for eye in _EYES))

    def between(self, first: int, second: int, share: float = 0.5) -> F32:
        """The point on the way from one landmark to another."""
        return np.asarray(self.mean[first] + np.float32(share) * (self.mean[second] - self.mean[first]))

    def stroke(self, nodes: Sequence[Node], width: float) -> F32:
        """A soft band along a curve and its mirror image."""
        curve = np.array([self.between(*node) for node in nodes])
        apart = np.full((_HALF, _HALF), 255, np.uint8)
        cv2.polylines(apart, [_fixed(curve)], False, (0,), 1, cv2.LINE_8, 4)
        distance = 2 * cv2.distanceTransform(apart, cv2.DIST_L2, 5)
        band = np.exp(-np.square(distance / np.float32(width)))
        return np.asarray(_both(np.clip(1.3 * band, 0, 1)), np.float32)

    def rim(self, width: float) -> F32:
        """1 at the outline of the face and beyond it, falling to 0 at ``width`` inside it."""
        inside = np.zeros((_HALF, _HALF), np.uint8)
        cv2.fillPoly(inside, [_fixed(self.mean[list(OVAL)])], (1,), cv2.LINE_8, 4)
        depth = 2 * np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32)
        return np.asarray(1 - smoothstep(depth / np.float32(width)), np.float32)

    def area(self, outline: Sequence[int], grown: int, soft: float) -> F32:
        """Inside an outline, grown by ``grown`` pixels of the half grid, with soft borders."""
        inside = np.zeros((_HALF, _HALF), np.float32)
        cv2.fillPoly(inside, [_fixed(self.mean[list(outline)])], (1,), cv2.LINE_8, 4)
        if grown:
            inside = np.asarray(cv2.dilate(inside, np.ones((2 * grown + 1,) * 2, np.uint8)), np.float32)
        return np.asarray(cv2.GaussianBlur(inside, (0, 0), soft), np.float32)


def _fixed(points: F32) -> NDArray[np.int32]:
    """Canonical positions in OpenCV's fixed-point coordinates of the half grid."""
    return np.asarray(np.round((points / 2 - 0.5) * 16), np.int32)


def _both(left: F32) -> F32:
    """The map and its mirror image."""
    return np.maximum(left, left[:, ::-1])


class Zones:
    """The maps, for one mean face (478, 2)."""

    def __init__(self, mean: F32) -> None:
        canvas = _Canvas(mean)
        maps = _features(canvas) | _regions(canvas)
        maps |= _valleys(canvas, maps)
        self.names = tuple(maps)
        self._images = [
            np.ascontiguousarray(np.dstack([maps[name] for name in self.names[first : first + _PER_REMAP]]), np.float32)
            for first in range(0, len(self.names), _PER_REMAP)
        ]

    def on(self, chart: Chart) -> dict[str, F32]:
        """The maps on a face: each on the half grid of its chart.

        Below the canonical square they go on as on its lowest row, and the neck fades out towards the end of the mesh.
        """
        x, y = parts(chart.half_at)
        inside = replace(chart, half_at=cast(F32, cv2.merge([x, np.minimum(y, CANON - 3)])))
        drawn: list[F32] = []
        for image in self._images:
            drawn += parts(inside.take_half(image))
        found = dict(zip(self.names, drawn, strict=True))
        end, span = _NECK_END
        found["neck"] = found["neck"] * np.clip((end - y) / np.float32(span), 0, 1)
        return found


def _features(canvas: _Canvas) -> dict[str, F32]:
    """Openings and corners, which are dark at any age."""
    mean = canvas.mean
    nostril = canvas.between(2, 98, 0.65) - np.array([0, 1], np.float32)
    return {
        "within": canvas.area(OVAL, 0, 1.0),
        "nostril": np.clip(1.5 * _both(canvas.spot(nostril, 7.5, 5.5)), 0, 1),
        "mouth": canvas.area(INNER_LIPS, 1, 1.0),
        "around_lips": np.clip(1.5 * canvas.area(_LIPS, 3, 2.5), 0, 1),
        "iris": np.clip(1.5 * np.maximum(*(canvas.spot(mean[mark], *_IRIS, 2.0) for mark in (468, 473))), 0, 1),
        "canthus": np.clip(1.3 * _both(canvas.spot(canvas.between(133, 155, 0.15), 6.0, 4.5)), 0, 1),
        "jaw": _jaw(canvas),
    }


def _jaw(canvas: _Canvas) -> F32:
    """The edge of the jaw, from ear to ear."""
    mean = canvas.mean
    low = [mean[mark] for mark in OVAL if mean[mark, 1] > mean[61, 1] - 20]
    spots = np.maximum.reduce([canvas.spot(place, 8.0, 5.0) for place in low])
    return np.asarray(np.clip(1.3 * cv2.GaussianBlur(spots, (0, 0), 2.0), 0, 1), np.float32)


def _neck(canvas: _Canvas) -> F32:
    """Below the chin, and beside it below the mouth."""
    mean = canvas.mean
    beside = np.clip(np.abs(canvas.x - mean[152, 0]) / np.float32(mean[361, 0] - mean[152, 0]), 0, 1)
    edge = mean[152, 1] + 4 - np.square(beside) * (mean[152, 1] - mean[17, 1])
    return np.asarray(np.clip((canvas.y - edge) / 14, 0, 1), np.float32)


def _regions(canvas: _Canvas) -> dict[str, F32]:
    """Regions that some of the changes are meant for."""
    under = np.clip(1.25 * canvas.eyes(17, 26, 13), 0, 1)
    nasolabial = canvas.stroke(NASOLABIAL, 9.0)
    arches = canvas.mean[list(_ARCH)] - np.array([0, _ARCHED], np.float32)
    return {
        "orbit": np.asarray(np.clip(1.6 * np.square(canvas.eyes(3, 34, 20)), 0, 1), np.float32),
        "under": np.asarray(under, np.float32),
        "cheek": _both(canvas.spot(canvas.between(50, 205, 0.3), 24, 20)),
        "smile": np.maximum(nasolabial, 0.6 * under),
        "cut": np.maximum(nasolabial, canvas.stroke(MARIONETTE, 9.0)),
        "neck": _neck(canvas),
        "over_brows": np.clip(1.5 * np.maximum.reduce([_both(canvas.spot(place, 17, 12)) for place in arches]), 0, 1),
        "groove": 0.5 * _both(canvas.spot(canvas.between(98, 129, 0.5), 6.5, 8)),
    }


def _valleys(canvas: _Canvas, maps: dict[str, F32]) -> dict[str, F32]:
    """For each width of valleys, the share of them that is age; the rest is the form of a face."""
    mean = canvas.mean
    frown = canvas.spot(canvas.between(9, 8), 19, 19)
    nose = np.clip(1.5 * canvas.spot(mean[4] - np.array([0, 22], np.float32), 17, 36), 0, 1) * (1 - frown)
    wing = np.clip(1.3 * _both(canvas.spot(canvas.between(98, 129, 0.6), 9, 9)), 0, 1)
    lid = canvas.eyes(-11, 22, 8)
    below_brow = canvas.eyes(-24, 30, 9)
    chin = canvas.spot(canvas.between(17, 200, 0.6) - np.array([0, 2], np.float32), 20, 8)
    philtrum = canvas.spot(mean[164], 8, 9)
    forehead = np.clip(1.4 * canvas.spot(mean[151], 80, 30), 0, 1)
    narrow = 1 - 0.55 * lid - 0.65 * wing - 0.6 * nose - 0.35 * chin - 0.4 * philtrum
    middle = 1 - 0.85 * lid - 0.8 * wing - 0.95 * nose - 0.6 * chin - 0.7 * philtrum - 0.3 * below_brow
    folds = [0.9 * canvas.stroke(NASOLABIAL, 9.0), canvas.stroke(MARIONETTE, 9.0), canvas.stroke(TEAR_TROUGH, 8.0)]
    broad = np.maximum.reduce([*folds, maps["under"], 0.5 * forehead, 0.8 * frown, 0.8 * maps["neck"]])
    broad *= (1 - 0.9 * wing) * (1 - nose) * (1 - 0.6 * chin)
    jowls = np.asarray(smoothstep((canvas.y - mean[61, 1]) / _JOWLS + 1), np.float32)
    relief = (1 - nose - 0.8 * lid - philtrum - 0.7 * wing) * (1 - _TURNING * canvas.rim(_RIM) * (1 - jowls))
    named = {"narrow": narrow, "middle": middle, "broad": broad, "relief": relief}
    return {name: np.asarray(np.clip(value, 0, 1), np.float32) for name, value in named.items()}

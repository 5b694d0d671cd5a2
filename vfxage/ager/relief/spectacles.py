"""Spectacles, found once per shot: a closed line round each eye where a bare face has none.

A rim is a thin line, darker or brighter than the skin on both sides of it. Round each eye the closed path that gathers
most of such lines is the rim, if it gathers enough below the eye, where brows and lashes do not count. Deep pouches
have lines there too, but no bar across the bridge of the nose, so this counts as well. The rim that is drawn encloses
this path and the outline of a lens, see ``lenses.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.lenses import lens_outlines
from vfxage.ager.relief.mattes import BROWS
from vfxage.ager.relief.mesh import CANON, nodes
from vfxage.geometry import smoothstep
from vfxage.types import F32, F64, U8

_ANGLES, _RADII = 128, 96
"""Samples of the picture round an eye: by angle, and by distance."""
_REACH = 48.0
"""Distance of the farthest sample, canonical pixels: the largest spectacles on portraits end at 45."""
_NEAREST = 15.0
"""Distance below which lids and lashes lie."""
_THIN, _THICK = 1.5, 5.0
"""Distances of a line's sides from its middle, canonical pixels, for thin and for thick rims."""
_THICK_LESS = 0.25
"""Contrast taken off a thick line, as pouches have such lines too, softer ones."""
_BEND = 2
"""Samples of distance by which a path may go in or out from one angle to the next."""
_BEND_COST = 0.004
"""Contrast that such a step must gain."""
_TELLING = (np.radians(15.0), np.radians(165.0))
"""Angles below the eye that decide whether there are spectacles."""
_MOST, _MOST_BAR = 0.40, 0.30
"""Contrast of rims, and of the bar between them, past which more does not count."""
_BAR_SHARE = 0.6
"""Weight of the bar against the rims."""
_BARE, _WORN = 0.19, 0.25
"""Scores from which spectacles are possible, and certain. Of 129 bare faces over 60 two score above 0.205, and 5 of 75
wearers below; rimless lenses are among them."""
_BAR_MARK, _BAR_ABOVE, _BAR_HEIGHT, _BAR_HALF = 168, 10, 36, 4
"""Landmark on the bridge; rows above it where the search for the bar starts, rows searched, half width of the strip."""
_BAR_APART = (2, 3, 4)
"""Distances of the bar's sides from its middle, canonical pixels."""
_RIM, _SOFT = 3.0, 1.0
"""Half width of the mask along a path, and its softness, canonical pixels: rims stand off the skin and slide on it."""
_EYES = ((33, 133), (263, 362))
_BRIDGE_RISE = 6.0
"""How far the bridge lies above the line that joins the eyes' middles, less than half a lens."""


def unwrapped(level: F32, points: F32, mean: F32) -> F32:
    """Log luma (CANON, CANON) on the mean face, from that of a crop (S, S) with landmarks ``points`` (478, 2)."""
    from scipy.interpolate import LinearNDInterpolator

    grid = np.mgrid[:CANON:4, :CANON:4][::-1].transpose(1, 2, 0) + 2.0
    at = np.nan_to_num(LinearNDInterpolator(nodes(mean), nodes(points))(grid), nan=-CANON).astype(np.float32)
    at = cv2.resize(at, (CANON, CANON), interpolation=cv2.INTER_LINEAR) - np.float32(0.5)
    taken = cv2.remap(level, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return cast(F32, taken)


def spectacles(pictures: Sequence[F32], mean: F32, answer: bool | None = None) -> F32:
    """Find the rims on pictures from ``unwrapped``: (CANON / 2, CANON / 2), 0..1, all 0 on a bare face.

    The mask is weaker if it is not certain that there are spectacles. ``answer`` is what the user says: True or False.
    """
    if answer is False:
        return np.zeros((CANON // 2, CANON // 2), np.float32)
    level = np.median(np.stack(pictures), axis=0).astype(np.float32)
    drawn = np.zeros((CANON, CANON), np.uint8)
    found, paths = [], []
    centres = [(mean[outer].astype(np.float64) + mean[inner]) / 2 + (0, 5) for outer, inner in _EYES]
    contrasts = np.stack([_line_contrast(_polar(level, centre)) for centre in centres])
    for centre, contrast, path in zip(centres, contrasts, _closed_paths(contrasts), strict=True):
        angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
        telling = (angle > _TELLING[0]) & (angle < _TELLING[1])
        found.append(min(float(np.mean(contrast[np.arange(_ANGLES), path][telling])), _MOST))
        radius = (path + 0.5) * _REACH / _RADII
        paths.append(centre + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None])
    score = sum(found) / len(found) + _BAR_SHARE * min(_bar(level, mean), _MOST_BAR)
    sure = 1.0 if answer else float(smoothstep(np.array((score - _BARE) / (_WORN - _BARE))))
    if sure == 0:
        return np.zeros((CANON // 2, CANON // 2), np.float32)
    outlines = lens_outlines(level, centres, [mean[list(ids)] for ids in BROWS])
    _draw_frame(drawn, [_around(*both) for both in zip(paths, outlines, strict=True)])
    mask = np.asarray(cv2.resize(drawn, (CANON // 2, CANON // 2), interpolation=cv2.INTER_AREA), np.float32) / 255
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), _SOFT) * np.float32(sure), np.float32)


def _polar(level: F32, centre: F64) -> F32:
    """(_ANGLES, _RADII): angle 0 points right, a quarter turn points down."""
    size = (_RADII, _ANGLES)
    return cast(F32, cv2.warpPolar(level, size, (float(centre[0]), float(centre[1])), _REACH, cv2.WARP_POLAR_LINEAR))


def _line_contrast(picture: F32) -> F32:
    """How far each sample lies below, or above, both of its sides along the radius."""
    picture = cast(F32, cv2.blur(picture, (1, 5)))
    line = np.zeros_like(picture)
    for distance, less in ((_THIN, 0.0), (_THICK, _THICK_LESS)):
        apart = round(distance * _RADII / _REACH)
        found = _between(picture, np.roll(picture, apart, axis=1), np.roll(picture, -apart, axis=1))
        found[:, -apart:] = 0
        line = np.maximum(line, found - np.float32(less))
    line[:, : round(_NEAREST * _RADII / _REACH)] = 0
    return line


def _between(middle: F32, one: F32, other: F32) -> F32:
    """How far ``middle`` lies below, or above, both of its sides; 0 where it lies between them."""
    line = np.maximum(np.minimum(one, other) - middle, middle - np.maximum(one, other))
    return np.asarray(np.maximum(line, 0), np.float32)


def _bar(level: F32, mean: F32) -> float:
    """Contrast of the bar across the bridge of the nose."""
    column, top = int(mean[_BAR_MARK, 0]), int(mean[_BAR_MARK, 1]) - _BAR_ABOVE
    strip = level[top : top + _BAR_HEIGHT, column - _BAR_HALF : column + _BAR_HALF + 1].mean(axis=1)
    lines = [_between(strip[apart:-apart], strip[: -2 * apart], strip[2 * apart :]) for apart in _BAR_APART]
    return max(float(line.max()) for line in lines)


def _closed_paths(contrasts: F32) -> NDArray[np.int64]:
    """(N, _ANGLES): for each picture (_ANGLES, _RADII) and each angle the sample of a closed path.

    The path is the one that gathers most contrast, over three turns; the middle turn counts.
    """
    turns = np.concatenate([contrasts] * 3, axis=1)
    pictures, count, width = turns.shape
    cost = _BEND_COST * np.abs(np.arange(-_BEND, _BEND + 1))
    scores = np.full((pictures, width + 2 * _BEND), -np.inf)
    near = np.lib.stride_tricks.sliding_window_view(scores, 2 * _BEND + 1, axis=1)  # of what scores hold at the time
    score = scores[:, _BEND:-_BEND]
    score[...] = turns[:, 0]
    came = np.zeros((count, pictures, width), np.int64)
    for row in range(1, count):
        reached = near - cost
        reached.argmax(axis=2, out=came[row])
        np.add(reached.max(axis=2), turns[:, row], out=score)
    came += np.arange(width) - _BEND
    every = np.arange(pictures)
    path = np.empty((pictures, count), np.int64)
    path[:, -1] = score.argmax(axis=1)
    for row in range(count - 1, 0, -1):
        path[:, row - 1] = came[row, every, path[:, row]]
    return path[:, _ANGLES : 2 * _ANGLES]


def whole_frame(rims: F32) -> F32:
    """The mask of the rims with their lenses, for ``rims`` from ``spectacles``."""
    sure = float(rims.max())
    outer, _ = cv2.findContours((rims > sure / 2).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = cv2.drawContours(np.zeros(rims.shape, np.float32), outer, -1, (sure,), -1)
    return np.maximum(cast(F32, filled), rims)


def _around(path: F64, outline: F64) -> F64:
    """The convex path around the line round an eye and the outline of the lens: rims are convex.

    Where one of the two has lost the rim, the other has it.
    """
    hull = cv2.convexHull(np.concatenate([path, outline]).astype(np.float32))
    return np.asarray(hull[:, 0], np.float64)


def _draw_frame(drawn: U8, paths: Sequence[F64]) -> None:
    """Both rims, the bridge between them and the arms to the ears, as lines."""
    thick = round(2 * _RIM)
    left, right = sorted(paths, key=lambda path: float(path[:, 0].mean()))
    for path in (left, right):
        cv2.polylines(drawn, [_fixed(path)], True, (255,), thick, cv2.LINE_AA, 4)
    inner = [left[left[:, 0].argmax()] - (0, _BRIDGE_RISE), right[right[:, 0].argmin()] - (0, _BRIDGE_RISE)]
    cv2.polylines(drawn, [_fixed(np.array(inner))], False, (255,), 2 * thick, cv2.LINE_AA, 4)
    for path, edge in ((left, 0.0), (right, float(CANON))):
        outer = path[np.abs(path[:, 0] - edge).argmin()]
        cv2.polylines(drawn, [_fixed(np.array([outer, (edge, outer[1] - 2 * _BRIDGE_RISE)]))], False, (255,), 2 * thick,
                      cv2.LINE_AA, 4)  # fmt: skip


def _fixed(points: F64) -> NDArray[np.int32]:
    """Canonical positions in OpenCV's fixed-point coordinates."""
    return np.asarray(np.round((points - 0.5) * 16), np.int32)

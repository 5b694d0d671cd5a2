"""The position of a face in the picture, the warps between plate and crop, and the matte.

Coordinates are continuous: the centre of the pixel ``image[j, i]`` is ``(i + 0.5, j + 0.5)``. OpenCV, which does the
resampling, counts from pixel centres instead. Only this module adds and removes that half pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np

from vfxage.types import F32, F64, Framing, Window

Values = TypeVar("Values", F32, F64)

_RIGID = np.array(
    [
        (10, +0.0000, -0.2409, -0.0546),
        (151, +0.0000, -0.1742, -0.0652),
        (9, +0.0000, -0.0996, -0.0732),
        (8, +0.0000, -0.0657, -0.0664),
        (168, +0.0000, -0.0390, -0.0634),
        (6, +0.0000, -0.0090, -0.0803),
        (197, +0.0000, +0.0209, -0.0985),
        (195, +0.0000, +0.0481, -0.1190),
        (33, -0.1789, -0.0255, +0.0313),
        (263, +0.1789, -0.0255, +0.0313),
        (133, -0.0700, -0.0180, +0.0108),
        (362, +0.0700, -0.0180, +0.0108),
        (127, -0.2846, -0.0064, +0.2310),
        (356, +0.2846, -0.0064, +0.2310),
        (162, -0.2786, -0.0698, +0.1860),
        (389, +0.2786, -0.0698, +0.1860),
        (21, -0.2655, -0.1192, +0.1317),
        (251, +0.2655, -0.1192, +0.1317),
        (234, -0.2838, +0.0536, +0.2535),
        (454, +0.2838, +0.0536, +0.2535),
        (116, -0.2596, +0.0414, +0.0852),
        (345, +0.2596, +0.0414, +0.0852),
        (111, -0.2291, +0.0195, +0.0564),
        (340, +0.2291, +0.0195, +0.0564),
    ]
)
"""Landmark, and its x, y and depth from the centre of the FFHQ square, in units of its side (tools/face_template.py).

Forehead, nose bridge, eye corners, temples and upper cheekbones: lids, brows, lips and jaw do not move them.
"""
_RIGID_IDS = _RIGID[:, 0].astype(np.intp)
_POSE = np.linalg.pinv(np.column_stack([_RIGID[:, 1:], np.ones(len(_RIGID))]))
"""(4, K): times the (K, 2) landmarks, the least-squares affine camera of the head."""

FACE_HEIGHT = 0.67
"""Hairline to chin of the median face, in units of the FFHQ side."""

_SQUARES = {
    "ffhq": (0.0, 1.0),
    "wide": (0.022, 1.085),
    "bust": (0.06, 1.12),
    "arcface": (0.007, 0.832),
    "chip": (0.03, 0.68),
}
"""For each framing: offset of the centre below the FFHQ centre, and the side, both in units of the FFHQ side.

"wide" from dlib's own detector on 274 portraits: its box is centred 0.087 below the FFHQ centre and 0.586 wide; with
face_reaging's margins (0.425 left and right, 0.3145 below, 0.5355 above) the side is 1.85 boxes. "bust" ends at
the top where FFHQ does, and at the bottom about where the mesh of the neck does. "arcface": the frontal template of
five points in 112 px, fitted to the same portraits (the side varies by 3 %). "chip": a picture that the face fills from
hairline to chin, as UTKFace's; its makers give no template, so this is an estimate.
"""

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152]
OVAL += [148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
"""Landmarks of the face's outline, in order, from the top of the forehead."""
JAW = [361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132]
"""The part of the outline under which the neck is, in the outline's order."""
NECK_RINGS = (1.22, 1.6)
"""How far below the jaw the neck's nodes lie, in distances of the outline from the middle of the mesh."""
NECK_POINTS = len(NECK_RINGS) * len(JAW)
"""Nodes of the neck."""
_MESH = 468
"""Landmarks without the irises."""
_PROFILE = [152, 175, 199, 200, 18, 17, 16, 15, 14, 13, 12, 11, 0, 164, 2, 94, 19, 1, 4, 5, 195, 197, 6, 168, 8, 9, 151]
"""The face's middle line from the chin to the forehead: its outline in a view from the side."""

MatteKind = Literal["head", "face", "box"]
_HEAD, _HEAD_FEATHER = 1.45, 0.18
"""How far out the head's matte ends, in distances of the outline from its middle; the least feather, face heights."""
_BORDER = 0.03
"""The box is 0 on the crop's border and reaches 1 this share of the crop's side further in, at the least."""
_ROUND = 0.16
"""Head and face mattes are 0 outside the circle in the crop, and are full this share of its radius further in.

Chins end 0.87 radii from the middle (median of 274 portraits; 0.96 is the longest of a hundred), so only necks fade.
"""
_BLUR_PER_SCALE = 0.4
"""Width (sigma) of the antialiasing blur in output pixels: least error on photographs against a brick-wall filter."""
_LINEAR_BLUR = 1.0 / 6.0
"""Mean variance of the blur of linear interpolation over sub-pixel positions, source pixels."""
_HALF = np.array([-0.01168729, 0.07230035, -0.29860333])
_SHARPEN = np.concatenate([_HALF, [1 - 2 * _HALF.sum()], _HALF[::-1]]).astype(np.float32)
"""Undoes the blur of doubling the density by linear interpolation and then sampling that grid linearly.

Least squares up to 0.85 of the source's finest frequency; sum and variance (-3/16 - 1/24 pixels squared) are exact.
"""


def framing_transform(points: F32 | F64, framing: Framing) -> F64:
    """Find the square a network wants around a face, as a similarity of the unit square.

    ``points`` is (478, 2) in square pixels. Returns (2, 3): (0..1, 0..1) to the same pixels. The head's rigid landmarks
    are fitted by an affine camera; its larger singular value is the scale, so that turning or nodding the head does not
    shrink the square. For frontal faces this is the alignment of FFHQ (Karras et al. 2019) to a few per cent.
    """
    camera = (_POSE @ points[_RIGID_IDS].astype(np.float64)).T
    (a, b), (c, d) = camera[:, :3] @ camera[:, :3].T
    scale = math.sqrt((a + d) / 2 + math.hypot((a - d) / 2, (b + c) / 2))
    cosine, sine = camera[0, 0] + camera[1, 1], camera[1, 0] - camera[0, 1]
    length = math.hypot(cosine, sine)
    drop, side = _SQUARES[framing.name]
    across = scale / length * turn_matrix(cosine, sine)
    corner = across @ np.array([-side / 2, drop - side / 2]) + camera[:, 3]
    return np.column_stack([across * side, corner])


def crop_transform(points: F32 | F64, framing: Framing, size: int, pixel_aspect: float = 1.0) -> F64:
    """Map crop pixels to display-window pixels: (2, 3), continuous coordinates.

    ``points`` is (478, 2) display-window pixels. The crop has square pixels whatever the plate has: where
    ``pixel_aspect`` is not 1 the map is a similarity followed by a squeeze of x.
    """
    to_frame = framing_transform(points * np.array([pixel_aspect, 1.0]), framing)
    to_frame[:, :2] /= size
    to_frame[0] /= pixel_aspect
    return to_frame


def neck_points(points: F32 | F64, rings: Sequence[float] = NECK_RINGS) -> F32:
    """Where the nodes of the neck are, from (..., 478, 2) landmarks alone: (..., 17 for each ring, 2), same units."""
    centre = points[..., :_MESH, :].mean(axis=-2, keepdims=True)
    jaw = points[..., JAW, :] - centre
    return np.ascontiguousarray(np.concatenate([centre + reach * jaw for reach in rings], axis=-2), np.float32)


def turn_matrix(cosine: float, sine: float) -> F64:
    """(2, 2): turns points clockwise on the screen, and scales them by the length of (cosine, sine)."""
    return np.array([[cosine, -sine], [sine, cosine]])


def invert(transform: F64) -> F64:
    """The inverse of an affine (2, 3) map."""
    back = np.linalg.inv(transform[:, :2])
    return np.column_stack([back, -back @ transform[:, 2]])


def map_points(points: F32 | F64, transform: F64) -> F64:
    """(N, 2) points through an affine (2, 3) map."""
    moved: F64 = points @ transform[:, :2].T + transform[:, 2]
    return moved


def bounding_box(to_frame: F64, size: int, within: Window) -> Window:
    """The display-window pixels that a crop of ``size`` touches, within ``within``; empty if it touches none."""
    return region_box(to_frame, Window(0, 0, size, size), within)


def region_box(to_frame: F64, region: Window, within: Window) -> Window:
    """The display-window pixels that a rectangle of crop pixels touches, within ``within``."""
    x, y = np.array([region.x, region.x + region.width]), np.array([region.y, region.y + region.height])
    corners = map_points(np.array([(i, j) for i in x for j in y], dtype=np.float64), to_frame)
    low = np.floor(corners.min(axis=0)).astype(int)
    high = np.ceil(corners.max(axis=0)).astype(int)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])).intersect(within)


def grown(window: Window, margin: int) -> Window:
    """The window and ``margin`` pixels more on each side."""
    return Window(window.x - margin, window.y - margin, window.width + 2 * margin, window.height + 2 * margin)


def extent(image: F32) -> Window:
    """The smallest rectangle of an image (H, W) with every value that is not 0; empty if all values are 0."""
    rows = np.flatnonzero(image.any(axis=1))
    if not rows.size:
        return Window(0, 0, 0, 0)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(image[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return Window(left, top, right - left, bottom - top)


def warp_support(to_frame: F64) -> int:
    """Margin, in plate pixels, around the crop's bounding box that ``warp_to_crop`` reads."""
    return 6 + math.ceil(4 * _BLUR_PER_SCALE * float(np.linalg.norm(to_frame[:, :2], axis=1).max()))


def warp_to_crop(image: F32, window: Window, to_frame: F64, size: int) -> F32:
    """Resample a plate to a crop, antialiased.

    ``image`` is (h, w) or (h, w, c) over ``window`` of the display window; outside it, its edge is repeated. Returns
    (size, size) or (size, size, c). Raises ValueError when ``image`` is empty.
    """
    shift = np.array([window.x, window.y], dtype=np.float64)
    to_image = np.column_stack([to_frame[:, :2], to_frame[:, 2] - shift])
    return _resample(image, to_image, Window(0, 0, size, size), repeat_edge=True)


def warp_to_frame(crop: F32, to_frame: F64, window: Window) -> F32:
    """Resample a crop to the display-window pixels of ``window``, antialiased; zero outside the crop.

    ``crop`` is (S, S) or (S, S, c). Returns (window.height, window.width) or (..., c).
    """
    return _resample(crop, invert(to_frame), window, repeat_edge=False)


def _resample(source: F32, to_source: F64, window: Window, *, repeat_edge: bool) -> F32:
    """Sample ``source`` at the pixels of ``window`` mapped by ``to_source``; outside it is 0, or its edge repeated.

    Linear interpolation is the only kind OpenCV does fast, and its cubic is no better (its kernel does not reproduce a
    slope). So its average blur is undone beforehand; where nothing is minified, on a grid of twice the density.
    That grid's pixels all lie a quarter from the source's, so that the blur of making it is the same everywhere.
    """
    import cv2

    if source.size == 0:
        raise ValueError(f"nothing to resample in an image of shape {source.shape}")
    scales = np.linalg.norm(to_source[:, :2], axis=1)
    dense = 2 if scales.max() <= 1.0 else 1
    if dense == 2:
        sharp = cv2.sepFilter2D(source, -1, _SHARPEN, _SHARPEN, borderType=cv2.BORDER_REPLICATE)
        source = np.asarray(cv2.resize(sharp, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    else:
        blur = _BLUR_PER_SCALE**2 * np.maximum(scales**2 - 1.0, 0.0) - _LINEAR_BLUR
        source = _blurred(source, float(blur[0]), float(blur[1]))
    linear = to_source[:, :2] * dense
    centre = linear @ [window.x + 0.5, window.y + 0.5] + to_source[:, 2] * dense - 0.5
    sampled = cv2.warpAffine(
        source,
        np.column_stack([linear, centre]),
        (window.width, window.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if repeat_edge else cv2.BORDER_CONSTANT,
    )
    return np.asarray(sampled, dtype=np.float32)


def _blurred(image: F32, variance_x: float, variance_y: float) -> F32:
    """Blur by variances in square pixels; a negative variance sharpens."""
    import cv2

    soft = cv2.sepFilter2D(image, -1, _kernel(variance_x), _kernel(variance_y), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, dtype=np.float32)


def _kernel(variance: float) -> F32:
    import cv2

    if variance < 0.4:
        return np.array([variance / 2, 1 - variance, variance / 2], dtype=np.float32)
    sigma = math.sqrt(variance)
    return np.asarray(cv2.getGaussianKernel(2 * math.ceil(4 * sigma) + 1, sigma, cv2.CV_32F), dtype=np.float32)


def st_map(to_frame: F64, size: int, window: Window) -> F32:
    """Positions of the pixels of ``window`` in a crop of ``size``, as a map for Nuke's STMap: (h, w, 2), 0..1.

    S goes right and T up, both from the crop's bottom left corner; a pixel's value is that of its centre. Both are 0
    where the crop does not reach.
    """
    found = np.zeros((*window.shape, 2), np.float32)
    box = bounding_box(to_frame, size, window)
    if box.empty:
        return found
    (a, b, c), (d, e, f) = invert(to_frame) / size
    x = (np.arange(box.width) + box.x + 0.5)[None, :]
    y = (np.arange(box.height) + box.y + 0.5)[:, None]
    across, down = a * x + b * y + c, d * x + e * y + f
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    found[box.slices(window)] = np.where(inside[..., None], np.stack([across, 1 - down], axis=-1), 0)
    return found


def face_matte(points: F32 | F64, size: int, kind: MatteKind, feather: float) -> F32:
    """Draw the matte of a crop: (size, size), 0..1, slope continuous.

    "head": with ears and neck: 1 on the face, falling to exactly 0 at ``_HEAD`` times the outline's distance from the
    middle of the face. "face": the mesh's outline, rising from exactly 0 on it (and outside) to exactly 1 within
    ``feather`` heights of the face inside. Both end, where the crop does not reach as far, in the circle that touches
    its four sides: a neck fades out round. "box": the crop's square, rising as far from its border. ``points`` is
    (478, 2) crop pixels. The crop's border is 0 in any kind.
    """
    height = FACE_HEIGHT * math.sqrt(np.linalg.det(framing_transform(points, Framing(name="ffhq"))[:, :2]))
    reach = max(feather * height, 1.5)
    if kind == "box":
        return _border(size, max(reach, _BORDER * size))
    if kind == "head":
        centre = points[OVAL].mean(axis=0)
        points, reach = centre + _HEAD * (points - centre), max(reach, _HEAD_FEATHER * height)
    return _outline(points, size, reach) * _round(size)


def _round(size: int) -> F32:
    index = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    return smoothstep((1.0 - np.hypot(index[:, None], index[None, :])) / np.float32(_ROUND))


def _border(size: int, reach: float) -> F32:
    index = np.arange(size, dtype=np.float32)
    ramp = smoothstep(np.minimum(index, size - 1 - index) / np.float32(reach))
    return ramp[:, None] * ramp[None, :]


def smoothstep(value: Values) -> Values:
    """Rise from 0 to 1 as ``value`` does, without a kink: 0 below 0, 1 above 1."""
    value = np.clip(value, 0.0, 1.0)
    return value * value * (3.0 - 2.0 * value)


_DEPTH = np.linspace(-1, 1, 129)
_EDGE = np.where(
    np.abs(_DEPTH) < 1 / 3,
    0.5 + 1.125 * _DEPTH - 1.125 * _DEPTH**3,
    (_DEPTH > 0) - np.sign(_DEPTH) * (1.5 - 1.5 * np.abs(_DEPTH)) ** 3 / 6,
)
"""A straight edge blurred by ``spline``, at a depth in reaches: its integral."""


def _outline(points: F32 | F64, size: int, reach: float) -> F32:
    """How deep each pixel lies in the face, from the outline blurred over ``reach``: a half on its edge, 1 that far in.

    The mask is drawn no finer than the blur needs: about eight pixels for the reach. The outline is drawn past the
    crop's edge by the blur's radius, so the crop's border does not show up as an edge.
    """
    import cv2

    step = 2 ** max(0, int(math.log2(reach / 8))) if reach > 8 else 1
    around, side = math.ceil(reach / step), -(-size // step)
    drawn = np.zeros((side + 2 * around, side + 2 * around), dtype=np.uint8)
    at = np.round((points / step - 0.5 + around) * 16).astype(np.int32)
    half = OVAL.index(152)
    for outline in (OVAL, OVAL[: half + 1] + _PROFILE[1:], [*OVAL[half:], OVAL[0], *_PROFILE[:0:-1]]):
        cv2.fillPoly(drawn, [at[outline]], (255,), lineType=cv2.LINE_AA, shift=4)
    kernel = spline(reach / step)
    mask = drawn.astype(np.float32) / np.float32(255)
    soft = cv2.sepFilter2D(mask, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    soft = soft[around : around + side, around : around + side]
    depth = np.interp(soft, _EDGE, _DEPTH).astype(np.float32)
    if step > 1:
        depth = np.asarray(cv2.resize(depth, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    return smoothstep(depth[:size, :size] * np.float32(1.1) - np.float32(0.06))  # a little in: drawing rounds


def spline(reach: float) -> F32:
    """Kernel of a quadratic B-spline that is 0 beyond ``reach``."""
    radius = math.ceil(reach)
    t = np.abs(np.arange(-radius, radius + 1)) * 1.5 / reach
    kernel = np.where(t < 0.5, 0.75 - t**2, np.maximum(1.5 - t, 0) ** 2 / 2)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)

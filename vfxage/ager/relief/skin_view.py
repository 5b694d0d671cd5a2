"""What a crop shows of the face's own skin: bands of detail, bare skin, and the light that falls on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import BANDS, FLOOR, MeanFace
from vfxage.ager.relief.mesh import CANON, Chart
from vfxage.arrays import ArrayData, shaped
from vfxage.colour.curves import LUMA_709
from vfxage.types import F32, F64, U8

_FIT_CELL = 8
"""Pixels of the half grid to one cell of the grid on which the skin's light is fitted."""
_ROUNDS = 6
"""Rounds of the robust fit; after these the weights hardly change."""
_DARK, _BRIGHT, _COLOUR = (0.32, 0.35), (0.45, 0.30), (0.09, 0.16)
"""Deviation from the fitted skin that still counts as skin, and the range above it over which skin fades out: of darker
pixels, of brighter pixels, and of colour, in log units."""
_HAIR, _HAIR_SOFT = 0.065, 0.05
"""Energy of the 1 to 3 pixel band, in log units, above which a pixel is stubble, fringe or rim, and the range of
that."""
_GRAIN = 0.015
"""Energy of that band that grain may have."""
_EDGE, _SHARP = 0.53, 1.0
"""How the sharpness of edges becomes a blur, canonical pixels; fitted to portraits that were blurred by known
amounts."""
_SKIN = np.array([0.27, -0.06, -0.24], np.float32)
"""Log RGB minus luma of skin: the mean of the portraits on which the method was made."""
_NO_LUMA = np.eye(3, dtype=np.float32) - LUMA_709


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SkinView(ArrayData):
    """One crop as the ager sees it: on the chart's window at full density, and on half of it."""

    fine: F32 = field(metadata=shaped("h", "w"))
    """(h, w) the second finest band of log luma, faded out where it is no stronger than grain."""
    bands: tuple[F32, F32, F32] = field(metadata=shaped("h2", "w2"))
    """The three broader bands, half grid."""
    smooth: F32 = field(metadata=shaped("h2", "w2"))
    """Half grid, log luma without the two finest bands."""
    colour: F32 = field(metadata=shaped("h2", "w2", 3))
    """(., ., 3) half grid, log RGB without the finest detail."""
    light: F32 = field(metadata=shaped("h2", "w2", 3))
    """(., ., 3) half grid, the fitted skin: what bare, even skin would be here."""
    darker: F32 = field(metadata=shaped("h2", "w2"))
    """Half grid, log luma above (or below) the fitted skin."""
    tint: F32 = field(metadata=shaped("h2", "w2", 3))
    """(., ., 3) half grid, log RGB beyond that."""
    bare: F32 = field(metadata=shaped("h2", "w2"))
    """Half grid, 0..1: skin, seen by the lens, without hair, rims, glare or shadow."""
    beyond: F32 = field(metadata=shaped("h2", "w2"))
    """Half grid, 0..1: bare skin of ears, neck and hairline, less with distance from the face."""
    seen: F32 = field(metadata=shaped("h2", "w2"))
    """Half grid, 0..1: what the lens sees of the head."""
    masks: dict[str, F32] = field(metadata=shaped("h2", "w2"))
    """Half grid, the masks of the mean face that every crop needs, on this face."""
    unit: float
    """Crop pixels to a canonical pixel."""
    saturation: float
    """Colour of the plate's skin in shares of what portraits have: less in a cool grade, 0 in black and white."""
    softness: float
    """Standard deviation of the plate's own blur (lens, motion, few pixels), in crop pixels; 0 where it is sharp."""


def luma(colour: F32) -> F32:
    """Log luma (h, w) of (h, w, 3) log RGB."""
    return cast(F32, cv2.transform(colour, LUMA_709[None]))


def beyond_luma(colour: F32) -> F32:
    """Log RGB (h, w, 3) less its luma."""
    return cast(F32, cv2.transform(colour, _NO_LUMA))


def spread(grey: F32, colour: Sequence[float] | F32 = (1, 1, 1)) -> F32:
    """(h, w, n): a grey image times each of n shares; numpy's own broadcasting is slow along a short last axis."""
    return cast(F32, cv2.merge([grey * np.float32(share) for share in colour]))


def parts(image: F32) -> list[F32]:
    """The channels of (h, w, n), each (h, w) and contiguous."""
    return cast(list[F32], list(cv2.split(image)))


def strongest(colour: F32) -> F32:
    """(h, w) the largest of each pixel's magnitudes."""
    return cast(F32, np.maximum.reduce(parts(np.abs(colour))))


def halve(image: F32) -> F32:
    """Half the density, by the mean of four; an odd last row or column counts double."""
    size = (-(-image.shape[1] // 2), -(-image.shape[0] // 2))
    return cast(F32, cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def grow(image: F32, shape: tuple[int, ...]) -> F32:
    """To (height, width) ``shape``, linearly."""
    size = (shape[1], shape[0])
    if image.ndim == 3 and image.shape[2] == 2:  # OpenCV is quick with one channel, three or four, slow with two
        return cast(F32, cv2.merge([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in parts(image)]))
    return cast(F32, cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))


def blur(image: F32, sigma: float) -> F32:
    """Gaussian; edges are repeated."""
    return cast(F32, cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3), borderType=cv2.BORDER_REPLICATE))


def disc(radius: int) -> U8:
    """The kernel of a morphological operation."""
    return cast(U8, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def morphed(operation: int, image: F32, radius: float) -> F32:
    """A morphological operation at a radius that need not be whole, so that nothing jumps as a face grows."""
    low = max(1, math.floor(radius))
    rest = min(max(radius - low, 0.0), 1.0)
    result = cast(F32, cv2.morphologyEx(image, operation, disc(low)))
    if rest < 0.02:
        return result
    return cast(F32, cv2.addWeighted(result, 1 - rest, cv2.morphologyEx(image, operation, disc(low + 1)), rest, 0))


def see(rgb: F32, chart: Chart, face: MeanFace, unit: float) -> SkinView:
    """Look at a crop's window: ``rgb`` (h, w, 3) display-referred sRGB, and its chart."""
    log = rgb + np.float32(FLOOR)
    cv2.log(log, dst=log)
    whole = luma(log)
    first, second = (blur(whole, sigma * unit) for sigma in BANDS[:2])
    fine, smooth = first, halve(second)
    fine -= second
    third, fourth = (blur(smooth, sigma * unit / 2) for sigma in BANDS[2:4])
    fifth = grow(blur(halve(fourth), BANDS[4] * unit / 4), smooth.shape)
    power = halve(cast(F32, cv2.multiply(fine, fine)))
    energy = np.sqrt(blur(power, 2.5 * unit))
    lines = np.square(energy) / (np.square(energy) + np.float32(_GRAIN) ** 2)
    fine *= grow(lines, fine.shape)
    hairless = cv2.exp(-np.square(np.maximum(energy - _HAIR, 0) / _HAIR_SOFT))
    masks: dict[str, F32] = {}
    for names, image in face.grouped:
        masks |= zip(names, parts(chart.take_half(image)), strict=True)
    colour = blur(halve(log), 0.8 * unit)
    light, likeness, darker, tint = like_skin(colour, masks["texture"] * chart.seen)
    likeness = blur(cast(F32, cv2.erode(likeness, np.ones((3, 3), np.uint8))), 1.2 * unit)
    bare = likeness * hairless * chart.seen
    return SkinView(
        fine=fine,
        bands=(smooth - third, third - fourth, fourth - fifth),
        smooth=smooth,
        colour=colour,
        light=light,
        darker=darker,
        tint=tint,
        bare=bare,
        beyond=masks["around"] * bare**3,  # a wall beside the face can have nearly the colour of its skin
        seen=chart.seen,
        masks=masks,
        unit=unit,
        saturation=_saturation(light, masks["texture"] * bare),
        softness=_softness(power, energy, third - fourth, masks) * unit,
    )


def _saturation(light: F32, skin: F32) -> float:
    """How much of a portrait's skin colour the fitted skin has; more colour than that comes from the light."""
    total = float(skin.sum())
    if total < 1:
        return 1.0
    mean = np.array(cv2.sumElems(beyond_luma(light) * spread(skin))[:3]) / total
    return float(np.clip(mean @ _SKIN / (_SKIN @ _SKIN), 0, 1.5))


def _softness(fine: F32, around: F32, middle: F32, masks: dict[str, F32]) -> float:
    """The blur of the crop, canonical pixels, measured on hard edges of the face: lids, brows and lips.

    The finer of two bands is weaker there if the crop is blurred. ``fine`` is that band squared, ``around`` its energy
    near each pixel. The median on the skin is grain and pores, and is subtracted. Cheeks and chin are left out, because
    stubble is as strong as an edge.
    """
    edges = np.minimum(masks["eyes"] + masks["brows"] + masks["lips"], 1)
    bearded = masks["cheek_left"] + masks["cheek_right"] + masks["mouth"]
    area, skin = float(edges.sum()), around[masks["texture"] * (1 - bearded) > 0.5]
    if area < 1 or skin.size < 1:
        return 0.0
    grain = float(np.median(skin)) ** 2
    sharp = float((edges * fine).sum()) / area - grain
    broad = float((edges * np.square(middle)).sum()) / area
    ratio = math.sqrt(max(sharp, 1e-9) / max(broad, 1e-9))
    return math.sqrt(max((_EDGE / max(ratio, 0.1)) ** 2 - _SHARP**2, 0.0))


def like_skin(colour: F32, prior: F32) -> tuple[F32, F32, F32, F32]:
    """Fit the skin's colour as a quadratic of position, robustly; say how far each pixel is from it.

    Returns the fit (h, w, 3), the likeness 0..1, and the deviation in luma (h, w) and beyond it (h, w, 3).
    """
    rows, columns = max(2, colour.shape[0] // _FIT_CELL), max(2, colour.shape[1] // _FIT_CELL)
    cells = cv2.resize(colour, (columns, rows), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    trust = cv2.resize(prior, (columns, rows), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    terms = _quadratic(rows, columns).reshape(-1, 6)
    ridge = np.diag([1e-6, 0.3, 0.3, 3, 3, 3]) * max(float(trust.sum()), 1e-3) * 0.02
    weight = trust
    for _ in range(_ROUNDS):
        fit: F64 = np.linalg.solve(terms.T @ (terms * weight[:, None]) + ridge, terms.T @ (cells * weight[:, None]))
        rest = cells - terms @ fit
        level = rest @ LUMA_709
        colours = np.abs(rest - level[:, None]).max(axis=1)
        weight = trust / (1 + (level / 0.18) ** 2 + (colours / 0.1) ** 2) ** 1.5
    light = _evaluated(fit, colour.shape[0], colour.shape[1])
    rest = colour - light
    level, tint = luma(rest), beyond_luma(rest)
    colours = strongest(tint)
    far = [(-level, _DARK), (level, _BRIGHT), (colours, _COLOUR)]
    likeness = cv2.exp(-sum(np.square(np.maximum(value - free, 0) / soft) for value, (free, soft) in far))
    return light, cast(F32, likeness), level, tint


def _quadratic(rows: int, columns: int) -> F64:
    """(rows, columns, 6): 1, x, y, x x, y y, x y at the cells' centres, -0.5..0.5."""
    x, y = np.meshgrid(_centres(columns), _centres(rows))
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)


def _evaluated(fit: F64, rows: int, columns: int) -> F32:
    """(rows, columns, 3): a fit (6, 3) of the terms of ``_quadratic``, row by row as a polynomial of y."""
    x, y = _centres(columns)[:, None], _centres(rows)[:, None]
    by_y = [fit[0] + fit[1] * x + fit[3] * x * x, fit[2] + fit[5] * x, np.broadcast_to(fit[4], (columns, 3))]
    lines = np.concatenate([np.ones_like(y), y, y * y], axis=1) @ np.reshape(by_y, (3, -1))
    return np.asarray(lines, np.float32).reshape(rows, columns, 3)


def _centres(count: int) -> F64:
    return (np.arange(count) + 0.5) / count - 0.5


def canonical_pixels(points: F32, mean: F32) -> float:
    """Crop pixels to a canonical pixel, by the height from forehead to chin (smooth in the points)."""
    seen, own = (float(np.hypot(*(at[10] - at[152]))) for at in (points, mean))
    return max(seen, CANON / 16) / own


def creases_only(band: F32, source: F32) -> F32:
    """1, falling to 0.2 where a dark detail is as short as it is wide: age deepens lines, not moles.

    By the curvatures of the smoothed picture (the eigenvalues of its Hessian): a line is curved one way only.
    """
    xx, yy, xy = (cv2.Sobel(source, cv2.CV_32F, *order, ksize=5) for order in ((2, 0), (0, 2), (1, 1)))
    mean, split = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
    spot = np.maximum(mean - split, 0) / (np.abs(mean) + split + np.float32(1e-6))
    return np.asarray(1 - np.float32(0.8) * np.sqrt(spot) * (band < 0), np.float32)

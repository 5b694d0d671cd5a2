"""Receding temples: above the forehead, hair thins strand by strand and skin shows between.

The forehead's own skin is continued upwards: its colour from the bare skin nearest, its texture mirrored at the
hairline. A fringe that hangs over the forehead stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.older.canvas import noise, smoothstep, stream
from vfxage.ager.relief.skin_view import blur, luma
from vfxage.ager.relief.working import Working
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

_Bits = NDArray[np.bool_]
_FOREHEAD = (105, 66, 107, 9, 336, 296, 334, 332, 297, 338, 10, 109, 67, 103)
"""Landmarks around the forehead."""
_TOP, _CHIN, _SIDES, _BROWS = 10, 152, (127, 356), (105, 334)
_FRINGE = (0.25, 0.08)
"""Share of the forehead under hair at which nothing recedes, and at which all does."""
_MIDDLE, _TEMPLES = 3.0, 19.0
"""How far the hairline goes back at an amount of 1, canonical pixels: in the middle, and how much more at a temple."""
_TEMPLE, _WIDE = 0.62, 0.22
"""Place of a temple and its half width, in halves of the face's width."""
_THINNING = 11.0
"""Canonical pixels over which hair thins out: a shorter way is a patch with an edge."""
_STRANDS = 0.35
"""How much longer a dark strand stays, in shares of that way, for each deviation from its surroundings."""
_BARE, _HAIRY = 0.12, 0.25
"""Matte of the hair below which a pixel gives skin, and below which it belongs to the forehead."""
_NEAREST = ((6.0, 1.0), (12.0, 0.2), (24.0, 0.03), (48.0, 0.003))
"""Blurs, canonical pixels, and weights with which skin is continued: the nearest skin counts most."""
_DARKER = -0.03
"""Log luma of the new skin, which has seen less sun."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Head(ArrayData):
    """Places on the upright head, canonical pixels from the top of the mesh."""

    aside: F32 = field(metadata=shaped("S", "S"))
    """0 in the middle and 1 at the side of the face."""
    across: F32 = field(metadata=shaped("S", "S"))
    above: F32 = field(metadata=shaped("S", "S"))
    above_brows: F32 = field(metadata=shaped("S", "S"))
    forehead: F32 = field(metadata=shaped("S", "S"))
    """0 or 1."""


def receded(work: Working, mattes: Mattes, aged: F32, amount: float, name: str) -> F32:
    """(S, S, 3) change of ``aged``, the log RGB of the crop (``FLOOR`` added); ``amount`` is 1 for an ordinary man."""
    head, unit = _head(work), work.unit
    cover = float((mattes.hair * head.forehead).sum() / max(float(head.forehead.sum()), 1.0))
    shown = float(smoothstep(np.full(1, cover, np.float32), *_FRINGE)[0])
    skin = (mattes.hair < _HAIRY) & (head.above_brows > -6) & (head.aside < 1) & (head.above < 70)
    front = _joined(skin, head.forehead)
    if amount * shown <= 0 or not front.any():
        return np.zeros_like(aged)
    revealed = _revealed(luma(aged), head, front, mattes, (amount, unit, name)) * np.float32(shown)
    inner = cv2.erode((front & (mattes.hair < _BARE)).astype(np.uint8), np.ones((11, 11), np.uint8))
    trust = np.asarray(inner, np.float32)
    if not trust.any() or not revealed.any():
        return np.zeros_like(aged)
    change = _continued(aged, trust, unit) - aged
    return cast(F32, change * revealed[..., None])


def _head(work: Working) -> _Head:
    points, size = work.points.astype(np.float64), len(work.rgb)
    up = (points[_TOP] - points[_CHIN]) / max(float(np.linalg.norm(points[_TOP] - points[_CHIN])), 1e-3)
    y, x = np.mgrid[:size, :size].astype(np.float32) + np.float32(0.5)
    dx, dy = (
        (value - np.float32(origin)) / np.float32(work.unit) for value, origin in zip((x, y), points[_TOP], strict=True)
    )
    across, above = (np.float32(a) * dx + np.float32(b) * dy for a, b in ((-up[1], up[0]), up))
    brow = float(((points[list(_BROWS)] - points[_TOP]) @ up).mean()) / work.unit
    half = max(float(np.linalg.norm(points[_SIDES[0]] - points[_SIDES[1]])) / work.unit / 2, 1.0)
    forehead = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(forehead, cv2.convexHull(points[list(_FOREHEAD)].astype(np.int32)), (1.0,))
    aside = np.abs(across) / np.float32(half)
    return _Head(aside=aside, across=across, above=above, above_brows=above - np.float32(brow), forehead=forehead)


def _joined(skin: _Bits, forehead: F32) -> _Bits:
    """The skin that is joined to the most of the forehead's."""
    _, labels = cv2.connectedComponents(skin.astype(np.uint8))
    sizes = np.bincount(labels[(forehead > 0) & skin], minlength=2)
    return np.asarray(labels == max(int(sizes[1:].argmax()) + 1, 1))


def _revealed(level: F32, head: _Head, front: _Bits, mattes: Mattes, asked: tuple[float, float, str]) -> F32:
    """(S, S) 0..1, how far skin shows through the hair. ``asked`` is the amount, the unit and the face's name."""
    amount, unit, name = asked
    away = cv2.distanceTransform((~front).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(unit)
    depth = np.float32(_MIDDLE) + np.float32(_TEMPLES) * np.exp(-np.square((head.aside - _TEMPLE) / _WIDE))
    depth *= np.float32(amount) * smoothstep(head.above_brows, 6, 34) * smoothstep(head.aside, 1.0, 0.8)
    draw, across, above = stream(name, "temples"), head.across, head.above
    ragged = sum(np.float32(share) * noise(draw, across / np.float32(wide), above / np.float32(long))
                 for share, wide, long in ((5, 11, 11), (3, 4, 9), (1.5, 1.6, 5)))  # fmt: skip
    strands = level - blur(level, 2 * unit)
    strands = strands / (np.sqrt(blur(np.square(strands), 5 * unit)) + np.float32(0.02))
    inside = depth + np.float32(0.35) * np.minimum(depth / 12, 1) * ragged - away
    open_hair = inside / np.float32(_THINNING) + np.float32(_STRANDS) * np.clip(strands, -2, 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    hair = np.clip(1.3 * blur(np.asarray(cv2.dilate(mattes.hair, disc), np.float32), 2.5 * unit), 0, 1)
    person = blur(np.asarray(cv2.erode(mattes.person, np.ones((9, 9), np.uint8)), np.float32), 1.5 * unit)
    shown = smoothstep(np.asarray(open_hair, np.float32), -1.2, 1.6) * smoothstep(depth, 0.5, 6)
    return np.asarray(shown * hair * person * smoothstep(head.above_brows, 3, 8), np.float32)


def _continued(log: F32, trust: F32, unit: float) -> F32:
    """(S, S, 3) log RGB of skin that goes on where ``trust`` (S, S), 0 or 1, ends."""
    colours, weights = np.zeros_like(log), np.full(trust.shape, 1e-7, np.float32)
    for sigma, weight in _NEAREST:
        weights += np.float32(weight) * blur(trust, sigma * unit)
        colours += np.float32(weight) * blur(log * trust[..., None], sigma * unit)
    level = luma(log)
    shade = np.float32(0.35) * np.clip(blur(level, 7 * unit) - blur(level, 24 * unit), -0.2, 0.2)
    return cast(
        F32, colours / weights[..., None] + _mirrored(log, trust, unit) + (shade + np.float32(_DARKER))[..., None]
    )


def _mirrored(log: F32, trust: F32, unit: float) -> F32:
    """(S, S, 3) the skin's fine detail, mirrored at the border of ``trust``."""
    fine = (log - blur(log, 2.5 * unit)) * blur(trust, 1.0)[..., None]
    bare = trust > 0.5
    _, labels = cv2.distanceTransformWithLabels(
        (~bare).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(bare)
    nearest = np.zeros((int(labels.max()) + 1, 2), np.float32)
    nearest[labels[rows, columns]] = np.stack([columns, rows], axis=1)
    size = len(log)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    at = [2 * blur(np.ascontiguousarray(nearest[labels][..., k]), 7 * unit) - own for k, own in enumerate((x, y))]
    return cast(F32, cv2.remap(fine, at[0], at[1], cv2.INTER_LINEAR))

"""Relief of the skin on donors' photographs, unfolded onto the mean face: dark is deep.

Nobody is copied. Only fine bands are kept, spots are taken away, and each place of the face takes its relief from
another photograph, or from the other half of the same face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.mean_face import FLOOR, MeanFace
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.older.canvas import Canvas, noise, smoothstep, stream
from vfxage.ager.relief.skin_view import blur, creases_only, grow, luma
from vfxage.ager.relief.working import Working
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

DONOR = "donor"
"""Name of the array in the study, and of its part in the relief: (CANON, CANON) heights, canonical pixels."""
_SIGMAS = (0.7, 1.4, 2.8, 5.0)
"""Blurs, canonical pixels, that part skin into three bands. What the first takes away is grain. What the last leaves is
folds and the shape of the face, by which a person is known."""
_GAINS = (0.8, 1.0, 0.5)
"""Share of each band, finest first: the broadest is partly light."""
_WANTED = (0.011, 0.016, 0.019)
"""Spread, in log luma, to which each band is scaled: photographs differ in light, retouching and focus."""
_FACTOR = (0.5, 1.8)
"""Least and greatest factor for that: more would make relief of grain and of compression."""
_EVEN = 7.0
"""Canonical pixels within which no place has stronger detail than usual: nostrils, and the folds of a smile, have."""
_LIMIT = 1.8
"""Detail is limited to so many times its own spread: a scar, a mole or a smile's fold belongs to its owner."""
_RIDGE = 0.35
"""Share of bright detail: light reaches a ridge from all sides."""
_DEEP = 9.0
"""Height for one unit of log luma, in widths of the band, so that a donor has about 0.65 of the other fine relief."""
_PATCH = 34.0
"""Size of a place that takes its relief from one half of one face, canonical pixels: a third of a cheek."""
_PURE = 5.0
"""How clearly each place takes one photograph: 0 would average all of them, and an average of pores has no pores."""
_NEAR = 5.0
"""Canonical pixels from hair, rims and shadow within which skin is not trusted."""
_SURE = 0.5
"""Trust above which the spread of detail is measured."""
_ENOUGH = 0.08
"""Share of the face's skin that a photograph must show."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DonorSkin(ArrayData):
    """The fine relief of one photograph on the mean face."""

    height: F32 = field(metadata=shaped(CANON, CANON))
    """Canonical pixels."""
    trust: F32 = field(metadata=shaped(CANON, CANON))
    """0..1, bare skin that the lens sees."""


def donor_skin(work: Working, hair: F32, mean_face: MeanFace) -> DonorSkin | None:
    """Unfold the skin of one photograph; None if it shows too little of it. ``hair`` (S, S) is 0..1."""
    if work.view is None:
        return None
    chart = mean_face.mesh.unfolded(work.points, CANON)
    at = np.full((CANON, CANON, 2), -CANON, np.float32)
    at[chart.window.slices(Canvas.whole(1).window)] = chart.at
    shape = work.view.rgb.shape
    skin = np.zeros(work.rgb.shape[:2], np.float32)
    skin[work.view.chart.window.slices(work.window)] = grow(work.view.seen_skin.bare, shape)
    taken = _taken(skin * (1 - hair), at)
    texture = cast(F32, cv2.resize(mean_face.masks["texture"], (CANON, CANON), interpolation=cv2.INTER_LINEAR))
    near = cv2.erode(smoothstep(taken, 0.45, 0.8), np.ones((int(_NEAR), int(_NEAR)), np.uint8))
    trust = np.asarray(blur(np.asarray(near, np.float32), _NEAR / 2) * texture, np.float32)
    if trust.sum() < _ENOUGH * texture.sum():
        return None
    log = luma(np.log(work.rgb + np.float32(FLOOR)))
    return DonorSkin(height=_height(_taken(log, at), trust), trust=trust)


def mixed_skin(skins: Sequence[DonorSkin], name: str) -> F32:
    """The heights (CANON, CANON) that a face called ``name`` gets from donors: a mosaic of halves of their faces.

    Blended places keep the strength of unblended ones. Where no donor shows skin, the height is 0.
    """
    draw = stream(name, DONOR)
    x, y = Canvas.whole(1).grid()
    mixed, squares, trusted = (np.zeros((CANON, CANON), np.float32) for _ in range(3))
    for skin in skins:
        for height, trust in ((skin.height, skin.trust), (skin.height[:, ::-1], skin.trust[:, ::-1])):
            choice = noise(draw, x / np.float32(_PATCH), y / np.float32(_PATCH))
            weight = trust * cv2.exp(np.float32(_PURE) * choice)
            mixed += weight * height
            squares += np.square(weight)
            trusted = np.maximum(trusted, trust)
    return np.asarray(trusted * mixed / np.sqrt(np.maximum(squares, 1e-12)), np.float32)


def _taken(image: F32, at: F32) -> F32:
    """(CANON, CANON) samples of a crop's image; its border is repeated."""
    taken = cv2.remap(image, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return cast(F32, taken)


def _height(log: F32, trust: F32) -> F32:
    blurred = [blur(log, sigma) for sigma in _SIGMAS]
    bands = [fine - broad for fine, broad in pairwise(blurred)]
    lines = blur(creases_only(bands[0] + bands[1], blur(bands[0] + bands[1] + bands[2], 1.0)), 0.8)
    height = np.zeros_like(log)
    for band, gain, wanted, width in zip(bands, _GAINS, _WANTED, _SIGMAS, strict=False):
        spread = float(np.percentile(np.abs(band[trust > _SURE]), 68)) + 1e-6  # a few deep folds must not count
        least, most = _FACTOR
        around = np.sqrt(blur(np.square(band), _EVEN))
        detail = band * np.float32(spread) / np.maximum(around, np.float32(spread))
        detail = _LIMIT * spread * np.tanh(detail / np.float32(_LIMIT * spread))
        detail *= np.float32(_DEEP * gain * width * min(max(wanted / spread, least), most))
        height += np.where(detail < 0, detail * lines, np.float32(_RIDGE) * detail)
    # Broad relief that the limits above left is removed, so that no slope stays at the border of the skin.
    level = blur(height * trust, _SIGMAS[-1]) / np.maximum(blur(trust, _SIGMAS[-1]), np.float32(0.05))
    return np.asarray(height - level, np.float32)

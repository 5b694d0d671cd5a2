"""Photographs of the same person at another age steer how much of each part of the change comes.

The face of the plate is aged to the photograph's age with every part at 0, 1 and 2. The amount at which it has as much
of a part as the photograph is the amount that the face gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.skin_view import SkinView, halve, luma
from vfxage.face.look import Look
from vfxage.types import F32, Study

REFERENCES = "references"
"""Name of the array in the study: rows of an age and an amount for each of ``KINDS``."""
KINDS = ("folds", "lines", "hair")
TRIED = (0.0, 1.0, 2.0)
"""Amounts with which the face of the plate is aged for the comparison."""
_LEAST, _MOST = 0.3, 2.0
"""Amounts that a photograph can ask for. Retouching and flat light remove all lines, which no age does."""
_PIXEL_BLUR = 0.5
"""Blur (sigma) of a picture by its pixels, pixels."""
_SOFTER = 0.3
"""Canonical pixels by which a photograph may be softer than the plate, so that its lines still count."""
_TELLING = 0.05
"""Relative change of a measure between no part and twice the part; a smaller change tells nothing."""
_FOLDED = 96.0
"""Percentile of depth that stands for folds: they take a few per cent of the skin."""
_HAIR_PIXELS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How much of each kind one picture of a face shows."""

    folds: float
    """Depth of the deepest valleys of the skin, log luma."""
    lines: float
    """Fine relief, log luma."""
    hair: float
    """Log luma of the hair of the head above that of the skin; NaN without hair."""
    softness: float
    """Blur (sigma) by lens and pixels, canonical pixels."""


def marks_of(seen_skin: SkinView, rgb: F32, hair: F32, pixel: float) -> Marks:
    """Measure one picture.

    ``rgb`` (S, S, 3) and ``hair`` (S, S) are the crop at its working density; ``pixel`` is a pixel of the picture that
    it was cut from, canonical pixels.
    """
    skin = seen_skin.masks["texture"] * seen_skin.bare
    total = max(float(skin.sum()), 1.0)

    depth = -(seen_skin.bands[1] + seen_skin.bands[2])
    sure = hair > 0.9
    level = float((luma(seen_skin.light) * skin).sum() / total)
    strands = float(luma(np.log(rgb[sure] + np.float32(FLOOR))[None]).mean()) if sure.sum() > _HAIR_PIXELS else math.nan
    return Marks(
        folds=float(np.percentile(depth[skin > 0.5], _FOLDED)) if (skin > 0.5).any() else 0.0,
        lines=math.sqrt(float((halve(np.square(seen_skin.fine)) * skin).sum()) / total),
        hair=strands - level,
        softness=math.hypot(seen_skin.softness / seen_skin.unit, _PIXEL_BLUR * pixel),
    )


def amounts(photographs: Sequence[Marks], tried: Sequence[Sequence[Marks]]) -> list[float]:
    """The amount of each of ``KINDS`` that photographs of one age ask for.

    ``tried`` holds, for each amount of ``TRIED``, the marks of the plate's face aged to that age. What cannot be told
    is 1.
    """
    found = []
    for kind in KINDS:
        ours = [float(np.mean([getattr(one, kind) for one in marks])) for marks in tried]
        plate_soft = float(np.median([one.softness for one in tried[0]]))
        usable = [one for one in photographs if kind != "lines" or one.softness < plate_soft + _SOFTER]
        wanted = [_amount(getattr(one, kind), ours) for one in usable]
        found.append(float(np.median(wanted)) if wanted else 1.0)
    return found


def _amount(wanted: float, ours: Sequence[float]) -> float:
    """The amount at which ``ours``, measured at those of ``TRIED``, is ``wanted``."""
    rise = ours[-1] - ours[0]
    if not math.isfinite(wanted + sum(ours)) or abs(rise) < _TELLING * abs(ours[0]):
        return 1.0
    order = 1.0 if rise > 0 else -1.0
    rising = np.maximum.accumulate(order * np.asarray(ours))  # a small dip between the amounts tells nothing
    return min(max(float(np.interp(order * wanted, rising, TRIED)), _LEAST), _MOST)


def referred(look: Look, study: Study, ages: tuple[float, float]) -> Look:
    """The look with the amounts of the references on the side of the target age: linear between their ages."""
    rows = study.get(REFERENCES)
    if rows is None:
        return look
    source, target = ages
    rows = rows[(rows[:, 0] > source) == (target > source)]
    if not len(rows):
        return look
    found = {kind: float(np.interp(target, rows[:, 0], rows[:, 1 + k])) for k, kind in enumerate(KINDS)}
    found["texture"] = found["lines"]
    return replace(look, **{kind: getattr(look, kind) * amount for kind, amount in found.items()})

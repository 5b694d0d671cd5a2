"""How much of each part of the relief an age brings. Parts come at their own time, so all ages read as one life."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vfxage.face.look import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the relief."""

    weight: float
    """Its weight at 35 years of wear."""
    pace: float
    """How early it comes: below 1 is even, 2.6 is mostly in the first half."""
    gentle: float = 1.0
    """Factor of the weight on gentle plates: smooth young skin, soft light."""
    kind: str = "folds"
    """The part of the artist's look that it belongs to."""
    neck: bool = False
    """Whether it lies on the neck."""


_TEXTURE = ("slack", "dry", "donor", "neck_crepe")
"""Fine relief that is no line."""


def _parts(kind: str, **rows: tuple[float, float, float]) -> Mapping[str, Part]:
    return MappingProxyType({
        name.replace("_", " "): Part(weight=weight, pace=pace, gentle=gentle, neck=name.startswith(("neck", "ear")),
                                     kind="texture" if name in _TEXTURE else kind)
        for name, (weight, pace, gentle) in rows.items()
    })  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The weights of all parts, by eye on portraits at +20 and +35 years.

    Their means over the faces of 79 young people were held against how the luma of 314 portraits of one studio changes
    with age: broad shade is slight there, cheeks hardly get darker and heaps hardly brighter, while narrow creases,
    lids and spots make the age.
    """

    sides: Mapping[str, Part] = field(
        default_factory=lambda: _parts(
            "folds",
            nasolabial=(1.45, 2.9, 1.35), marionette=(0.7, 2.0, 1.3), cheek_fold=(0.30, 1.6, 1.0),
            bags=(0.55, 3.2, 1.25), lids=(0.75, 3.2, 1.25), jowl=(0.75, 2.6, 1.3), hollows=(0.12, 1.2, 1.0),
            frown=(0.65, 2.0, 0.9), chin=(0.6, 1.6, 1.0), forehead=(0.62, 2.9, 1.1),
        )
    )  # fmt: skip
    """The broad side of each fold: soft shading, which makes gentle faces old."""
    creases: Mapping[str, Part] = field(
        default_factory=lambda: _parts(
            "folds",
            nasolabial=(1.35, 2.9, 0.75), marionette=(0.68, 2.0, 0.7), cheek_fold=(0.24, 1.6, 0.5),
            bags=(0.72, 3.2, 0.75), lids=(0.95, 3.2, 0.9), jowl=(0.50, 1.6, 1.0), hollows=(0.1, 1.5, 1.0),
            frown=(0.6, 2.0, 0.6), chin=(0.5, 1.5, 0.5), forehead=(0.92, 2.9, 0.7),
        )
    )  # fmt: skip
    """The crease of each fold. On gentle plates a hard crease reads as a pen line."""
    lines: Mapping[str, Part] = field(
        default_factory=lambda: _parts(
            "lines",
            furrows=(0.78, 2.9, 0.9), crow=(1.2, 2.8, 1.0), under=(1.3, 2.8, 1.0), cheek=(0.65, 2.0, 0.5),
            lip_lines=(1.0, 1.5, 0.75), slack=(0.48, 2.2, 0.75), dry=(1.1, 2.8, 1.1),
        )
    )  # fmt: skip
    """Fine lines and texture."""
    neck: Mapping[str, Part] = field(
        default_factory=lambda: {
            **_parts(
                "folds",
                neck_slack=(1.0, 0.5, 1.1), neck_cords=(1.0, 0.3, 1.0), neck_rings=(0.95, 0.7, 0.75),
                neck_folds=(0.9, 0.3, 0.9), ear_folds=(1.0, 0.5, 0.9),
            ),
            **_parts("lines", neck_lines=(1.2, 0.8, 0.9), neck_crepe=(1.3, 0.4, 1.0)),
        }
    )  # fmt: skip
    """Relief of neck and ears: rings come first, cords and hanging folds late."""
    donated: Mapping[str, Part] = field(default_factory=lambda: _parts("lines", donor=(0.68, 2.2, 0.6)))
    """Fine relief from photographs of donors, for faces that have them."""
    gain: float = 2.2
    """Factor of all weights."""
    late: float = 1.2
    """What a unit of wear past 1 adds to every part, in shares of its weight."""


GROWTH = Growth()
_SOFT = 0.1
"""Wear over which late growth begins."""


def progress(wear_change: float, pace: float) -> float:
    """0 at no wear and 1 at a wear of 1 (35 years), quick at first: the first years read as more than later ones.

    Past a wear of 1 it goes on growing: an old face is no copy of a worn one.
    """
    late = _past_one(wear_change) - _past_one(0.0)
    return (1 - math.exp(-pace * wear_change)) / (1 - math.exp(-pace)) + GROWTH.late * late


def _past_one(wear_change: float) -> float:
    """Wear past 1, softly from 0."""
    return _SOFT * math.log1p(math.exp((wear_change - 1) / _SOFT))


def weights(
    parts: Mapping[str, Part], wear_change: float, gentle: float, severity: float, look: Look
) -> dict[str, float]:
    """The weight of each part at a change of wear; ``gentle`` is 0..1 and ``severity`` a factor."""
    return {
        name: GROWTH.gain * severity * part.weight * progress(wear_change, part.pace) * (1 + gentle * (part.gentle - 1))
        * getattr(look, part.kind) * (look.neck if part.neck else 1.0)
        for name, part in parts.items()
    }  # fmt: skip

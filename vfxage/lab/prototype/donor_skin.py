"""Old skin, cut by region from several people: the detail that young skin does not have.

An assembly takes each region from another person. If there are enough people, each person gives only a few regions, so
that nobody's whole face can be rebuilt from the data file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.prototype.change import creases_only
from vfxage.ager.prototype.data import REGIONS
from vfxage.ager.prototype.mesh import CANON
from vfxage.ager.prototype.sight import blur, luma
from vfxage.arrays import ArrayData, shaped
from vfxage.lab.portraits import Portrait
from vfxage.lab.prototype.regress import Unfolded
from vfxage.types import F32

ASSEMBLIES = 6
MOST_REGIONS = 3
"""Most regions, over all assemblies, that one person gives while other people offer the region too."""
_LIMIT = 2.6
"""Detail is limited to so many times its own spread, because a scar or a mole does not come with age."""
_WANTED = (0.020, 0.026, 0.034, 0.036, 0.030)
"""Spread, in log luma, to which each band of an assembly is scaled, because portraits are retouched differently."""
_GAIN = (0.8, 1.0, 1.0, 0.9, 0.55)
"""Gain of each band after that, finest first. The finest band is mostly grain, the broadest mostly light."""
_REASON = (0.6, 1.7)
"""Least and greatest factor of a band."""
_BRIGHT = 0.40
"""Share of the bright side of detail: creases change more with age than the ridges between them."""
_COLOUR = (0.35, 0.35, 0.25, 0.10, 0.0)
"""Share of each band's colour: broad colour comes from the light or from make-up."""
_FLAT = 24.0
"""Canonical pixels past which an assembly changes nothing: broad light is the portrait's, not the age's."""
_NOSE = 0.2
"""Share of the detail on a nose, which is shine and pores instead of lines."""
_COVER = {"forehead": 0.95, "eye": 0.80, "cheek": 0.85, "mouth": 0.75, "nose": 0.80}
"""Share of a region that must be the donor's bare skin."""
_HAIRY = {"forehead": 0.0175, "eye": 0.031, "cheek": 0.024, "mouth": 0.019, "nose": 0.022}
"""Spread of the two finest bands above which it is stubble, a fringe or a rim."""
_SHAVEN = 0.0145
"""The same about the mouth of a man, whose stubble is finer than wrinkles are."""
_ACROSS = 0.56
"""Share of the detail's slope that must run down the forehead: creases lie across, strands hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One region of one donor, mirrored or not."""

    score: float
    donor: int
    """Which portrait; one person may have several."""
    person: str
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Donor(ArrayData):
    """The detail that one old face has and young faces do not have."""

    person: str
    levels: tuple[F32, ...] = field(metadata=shaped(CANON, CANON))
    """Five of (CANON, CANON) log luma, masked to skin."""
    colours: tuple[F32, ...] = field(metadata=shaped(CANON, CANON, 3))
    """Five of (CANON, CANON, 3) log RGB beyond luma, masked."""
    bare: F32 = field(metadata=shaped(CANON, CANON))
    """(CANON, CANON) 0..1, well inside the skin."""


def donor_of(portrait: Portrait, seen: Unfolded, young: tuple[F32, ...], texture: F32) -> Donor:
    """Subtract the mean young bands (five of (CANON, CANON, 3)) from those of an old face."""
    mask = seen.skin * texture
    levels, colours = [], []
    for band, usual in zip(seen.bands, young, strict=True):
        rest = band - usual
        level = luma(rest)
        colours.append((rest - level[..., None]) * mask[..., None])
        bound = np.float32(_LIMIT * _spread(level, mask))
        levels.append(bound * np.tanh(level / bound) * mask)
    lines = creases_only(levels[1] + levels[2], blur(levels[1] + levels[2] + levels[3], 1.0))
    levels[:3] = [level * blur(lines, 0.8) for level in levels[:3]]  # freckles and pores are their owner's
    bare = blur(np.asarray(cv2.erode(seen.skin, np.ones((7, 7), np.uint8)), np.float32), 2.0)
    return Donor(person=portrait.person, levels=tuple(levels), colours=tuple(colours), bare=bare)


def offers_of(donor: Donor, index: int, portrait: Portrait, masks: dict[str, F32]) -> dict[str, list[Offer]]:
    """The regions that a donor offers, by name without the side, with scores. Hair, rims and shadows are left out."""
    found: dict[str, list[Offer]] = {}
    lines = donor.levels[1] + donor.levels[2] + np.float32(0.6) * donor.levels[3]
    down, across = (np.square(cv2.Sobel(lines, cv2.CV_32F, *order)) for order in ((0, 1), (1, 0)))
    finest = np.square(donor.levels[0]) + np.square(donor.levels[1])
    glasses, man = portrait.labels.get("glasses", "0") == "1", portrait.labels.get("sex", "M").upper()[:1] != "F"
    for name in (region for region in REGIONS if not region.endswith("_right")):
        kind = kind_of(name)
        if glasses and kind != "mouth":
            continue
        for mirrored in (False, True) if "_" in name else (False,):
            area = masks[name] * masks["texture"]
            area = area[:, ::-1] if mirrored else area
            weight = area * donor.bare
            hairy = float(np.sqrt(_mean(finest, weight)))
            strands = kind == "forehead" and _mean(down, weight) < _ACROSS * _mean(down + across, weight)
            stubble = kind == "mouth" and man and hairy > _SHAVEN
            if float(weight.sum() / area.sum()) < _COVER[kind] or hairy > _HAIRY[kind] or strands or stubble:
                continue
            dark, bright = (np.sqrt(_mean(np.square(part), weight)) for part in
                            (np.minimum(lines, 0), np.maximum(lines, 0)))  # fmt: skip
            worth = float(dark * np.sqrt(min(dark / max(bright, 1e-3), 1.6)) * (1 + (portrait.age - 60) / 60))
            found.setdefault(kind, []).append(Offer(score=worth, donor=index, person=donor.person, mirrored=mirrored))
    return found


def kind_of(region: str) -> str:
    """A region's name without its side."""
    return region.partition("_")[0]


def choose(offers: dict[str, list[Offer]]) -> list[dict[str, Offer]]:
    """For each assembly and region the best offer, no person twice in one, each person a few times in all.

    A region that nobody offers is in no assembly. A region that only people of this assembly offer is left out of it.
    If too few people offer a region, they give it more often than ``MOST_REGIONS``.
    """
    used: Counter[str] = Counter()
    chosen = []
    for _ in range(ASSEMBLIES):
        assembly: dict[str, Offer] = {}
        for name in REGIONS:
            taken = {offer.person for offer in assembly.values()}
            free = [o for o in offers.get(kind_of(name), []) if o.person not in taken]
            fresh = [o for o in free if used[o.person] < MOST_REGIONS] or free
            if fresh:
                best = max(fresh, key=lambda o: (o.score * (1 - 0.25 * min(used[o.person], 3)), -o.donor))
                assembly[name] = best
                used[best.person] += 1
        chosen.append(assembly)
    return chosen


def assemble(chosen: dict[str, Offer], donors: dict[int, Donor], masks: dict[str, F32]) -> tuple[F32, F32, F32]:
    """One assembly: fine and middle (CANON, CANON) log luma, and (CANON / 2, CANON / 2, 2) log R and B beyond it."""
    fine, middle = np.zeros((2, CANON, CANON), np.float32)
    colour = np.zeros((CANON, CANON, 3), np.float32)
    for name, offer in chosen.items():
        donor = donors[offer.donor]
        turn = slice(None, None, -1) if offer.mirrored != name.endswith("_right") else slice(None)
        bare = donor.bare[:, turn]
        area = masks[name] * masks["texture"] * np.float32(_NOSE if name == "nose" else 1) * bare
        for k, (level, tint) in enumerate(zip(donor.levels, donor.colours, strict=True)):
            level, tint = level[:, turn], tint[:, turn]
            gain = _GAIN[k] * float(np.clip(_WANTED[k] / max(_spread(level, area), 1e-4), *_REASON))
            detail = np.where(level < 0, level, _BRIGHT * level) * area * np.float32(gain)
            detail -= blur(detail, _FLAT) * masks["texture"]
            if k < 2:
                fine += detail
            else:
                middle += detail
            colour += tint * (area * np.float32(gain * _COLOUR[k]))[..., None]
    small = cv2.resize(blur(colour, 1.0), (CANON // 2,) * 2, interpolation=cv2.INTER_AREA)
    return fine, middle, np.ascontiguousarray(np.asarray(small, np.float32)[..., (0, 2)])


def _mean(image: F32, weight: F32) -> float:
    return float((image * weight).sum() / max(float(weight.sum()), 1e-6))


def _spread(level: F32, weight: F32) -> float:
    return float(np.sqrt(_mean(np.square(level), weight)))

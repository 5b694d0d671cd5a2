"""Mattes of hair, beard, brows and the person on a crop. What skin and hair look like is learned once per shot.

A pixel is described by its brightness, its colour and its fine detail. Two small mixtures of Gaussians, one of the
face's skin and one of its hair, decide between them, and a guided filter (He et al. 2013) brings the matte to the
picture's own edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.bristles import bristle, fine_detail
from vfxage.ager.relief.head import BROWS, Head, head_of
from vfxage.ager.relief.headwear import wrapped
from vfxage.ager.relief.hues import hue_of_hair, ruddiness
from vfxage.ager.relief.joined_hair import joined_hair, with_islands
from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.mixture import Mixture
from vfxage.ager.relief.over_ears import over_ears
from vfxage.ager.relief.sight import blur, halve, luma, parts
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32, FaceCrop, Study

SIDE = 160
"""Side of the grid on which skin and hair are told apart, pixels."""
_SURE = 0.3
"""Weight from which a pixel counts as skin when the spread of skin is measured."""
_FEWEST = 20
"""Pixels of sure skin, at least: fewer say nothing about a face."""
_FEWEST_HAIR, _SURE_HAIR = 30, 0.4
"""Weight of likely hair on a crop, at least, and the weight from which a pixel is surely likely hair."""
_BRISTLE = (2.7, 3.05)
"""Fine detail of the beard zone over that of the cheeks: beards have 3.0 to 8.3, skin that is shaved, or retouched
round the zone, up to 2.75."""
_BEARDED = (0.16, 0.23)
"""Share of the beard zone that looks like hair: below the first there is no beard."""
_REACH_SOFT, _REACH_GAIN, _REACH_BORDER = 0.006, 2.5, 0.08
"""Softness of the reach of hair and of its end at the crop's border, in sides of the crop, and the gain that makes it 1
where there is hair, so that a matte that trembles does not tremble twice."""
_STUBBLE = (3.4, 4.0)
"""Fine detail of the beard zone over that of the cheeks from which there is stubble, whatever its colour: a beard is
often fairer than the hair of the head. Bare skin has up to 2.9."""
_STUBBLE_ROUGH, _WHISKER_ROUGH = (0.55, 0.7), (0.25, 0.5)
"""Log of the finest detail above the skin's from which a place is stubble, or may be beard if it looks like hair, and
the ranges over which it surely is: the shaded side of a jaw is dark, but smooth."""
_WHISKERS = 2.0
"""Log density below the bar of skin from which a place of a beard is whiskers, though redder than the hair."""
_CHEEKS = (-0.25, 0.2)
"""Heights between which skin is surely bare: above the beard, below the fringe."""
_LOCKS = 4.0
"""Log density below the bar of skin at which a place on a cheek is surely a lock of hair, not shade."""
_PERSON = (0.45, 0.35)
"""Matte of the person from which hair may be hers, and the range over which it is: a flag behind her is not."""
_CLOTH = ((0.9, 0.4), (0.25, 0.20))
"""Log of red over green, and of blue over green, from which a colour is none of hair, and the ranges over which it
surely is none."""
_REDDER = 0.4
"""How much redder than the hair of the head that is, on average: red hair is redder still in shade."""
_SPILL = 0.5
"""How much bluer than that hair may be, for each unit that the backdrop is bluer: its light falls on hair."""
_BACKDROP = 0.1
"""Matte of the person below which a pixel is the backdrop."""
_BLACK = 0.6
"""Log luma below the skin's from which hair is dark enough to have a blue sheen."""
_FRINGE_ROUGH, _FRINGE_DARK = (0.35, 0.4), (0.25, 0.3)
"""Log of the finest detail above the skin's, and log luma below the skin's, from which a place on the forehead may be
a fringe, and the ranges over which it surely is: gloss is as bright as grey hair, but smooth."""
_SCALP_LIKE, _SCALP_DARK, _SCALP_SMOOTH = 12.0, 0.65, 0.3
"""Log density below the bar of skin, log luma below the skin's, and log of fine detail above the skin's, up to which
what was learned as hair is a shaved or bald scalp in its own light. Hair on sharp portraits has 0.7 more detail than
skin, scalps have up to 0.25; black hair on soft plates is smooth too, but darker than a scalp in shade."""
_HOLE = 7.0
"""Half of the width up to which a hole in the hair is closed, canonical pixels."""
_HOLE_ROUGH = (0.1, 0.3)
"""Log of fine detail above that of the skin from which a hole is hair, and the range over which it surely is."""
_LOCK_ROUGH = (0.7, 0.4)
"""The same for a lock that is not joined to the other hair: a collar is smooth."""
_NEAR_EARS = np.ones((15, 15), np.uint8)
"""How far an ear may reach from where ears are, pixels of the grid."""
_LIT_ROUGH = (0.5, 0.4)
"""Log of fine detail above that of the skin from which what lies above the face is hair, though lit brown hair has the
colour of skin in shade, and the range over which it surely is: scalps have up to 0.4 more, hair 0.6 and more."""
_NAMES = ("hair_skin", "hair_hair", "hair_limits")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mattes(ArrayData):
    """Mattes of one crop, 0..1."""

    hair: F32 = field(metadata=shaped("S", "S"))
    """Hair of the head."""
    beard: F32 = field(metadata=shaped("S", "S"))
    brows: F32 = field(metadata=shaped("S", "S"))
    person: F32 = field(metadata=shaped("S", "S"))
    """The person, against what lies behind."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HairStudy(ArrayData):
    """What skin and hair of one face look like, for the whole shot."""

    skin: Mixture | None
    hair: Mixture | None
    """None if no hair was found, or a scarf hides it."""
    bar: float
    """Log density of the skin's mixture below which a pixel is no skin."""
    low: float
    high: float
    """Log density of the hair's mixture from which a pixel may be hair, and is hair."""
    level: float
    """Log luma of the skin."""
    bearded: float
    """0..1, whether the face has a beard."""
    stubbly: float
    """0..1, whether what is rough where beards grow is hair of any colour."""
    fine: float
    """Bristle of the skin of the upper face, from ``fine_detail``."""

    def packed(self) -> Study:
        """As named arrays."""
        numbers = [self.bar, self.low, self.high, self.level, self.bearded, self.stubbly, self.fine]
        limits = np.array(numbers, np.float32)
        empty = np.zeros((0, 0), np.float32)
        skin = empty if self.skin is None else self.skin.packed()
        return dict(zip(_NAMES, (skin, empty if self.hair is None else self.hair.packed(), limits), strict=True))

    @staticmethod
    def unpacked(study: Study) -> HairStudy:
        """From the arrays of ``packed``."""
        skin, hair = (Mixture.unpacked(study[name]) if study[name].size else None for name in _NAMES[:2])
        bar, low, high, level, bearded, stubbly, fine = (float(value) for value in study[_NAMES[2]])
        return HairStudy(
            skin=skin, hair=hair, bar=bar, low=low, high=high, level=level,
            bearded=bearded, stubbly=stubbly, fine=fine,
        )  # fmt: skip


def learn_hair(samples: Sequence[tuple[FaceCrop, F32]], beard: bool | None = None) -> HairStudy:
    """Learn skin and hair of one face from crops with their person mattes (S, S).

    ``beard`` says by hand whether the face has a beard.
    """
    heads = [head_of(crop.points, person, SIDE) for crop, person in samples]
    features = [_features(crop.rgb, head) for (crop, _), head in zip(samples, heads, strict=True)]
    pixels = np.concatenate([feature.reshape(-1, 4) for feature in features])
    on_skin = np.concatenate(
        [_smooth_skin(crop.rgb, head).ravel() for (crop, _), head in zip(samples, heads, strict=True)]
    )
    skin = Mixture.fitted(pixels, on_skin, 2) if (on_skin > _SURE).sum() >= _FEWEST else None
    if skin is None:
        return HairStudy(skin=None, hair=None, bar=0, low=0, high=1, level=0, bearded=0, stubbly=0, fine=0)
    likely = skin.log_density(pixels)
    usual = on_skin * (likely > np.percentile(likely[on_skin > _SURE], 12))
    skin = Mixture.fitted(pixels, usual, 3) or skin
    likely = skin.log_density(pixels)
    bar = float(np.percentile(likely[usual > _SURE], 3))
    hair, low, high = _hair_mixture(pixels, heads, likely < bar - 1, (skin, bar))
    if hair is not None:
        like_hair = ((hair.log_density(pixels) > high) & (likely < bar - 1)).reshape(-1, SIDE, SIDE)
        covered = [wrapped(*crop) for crop in zip(features, like_hair, heads, strict=True)]
        hair = None if 2 * sum(covered) > len(covered) else hair
    level = float((pixels[:, 0] * on_skin).sum() / max(on_skin.sum(), 1e-3))
    bare = on_skin * np.concatenate([(1 - head.beard_zone).ravel() for head in heads])
    bristles = np.concatenate([fine_detail(crop.rgb, SIDE).ravel() for crop, _ in samples])
    fine = float((bristles * bare).sum() / max(bare.sum(), 1e-3))
    study = HairStudy(skin=skin, hair=hair, bar=bar, low=low, high=high, level=level, bearded=0, stubbly=0, fine=fine)
    found = [_beardedness(crop, feature, head, study)
             for (crop, _), feature, head in zip(samples, features, heads, strict=True)]  # fmt: skip
    bearded, stubbly = (float(np.median(values)) for values in zip(*found, strict=True))
    if beard is not None:
        return replace(study, bearded=float(beard), stubbly=float(beard))
    return replace(study, bearded=max(bearded, stubbly), stubbly=stubbly)


def _smooth_skin(rgb: F32, head: Head) -> F32:
    """(SIDE, SIDE) where there is sure skin: above the brows only what is as smooth as the cheeks, so no fringe."""
    bristles, cheeks = fine_detail(rgb, SIDE), head.skin * (head.height < _CHEEKS[1]) * (head.height > _CHEEKS[0])
    fine = float((bristles * cheeks).sum() / max(float(cheeks.sum()), 1e-3))
    rough = smoothstep((bristles - np.float32(fine + _FRINGE_ROUGH[0])) / np.float32(_FRINGE_ROUGH[1]))
    return np.asarray(head.skin * (1 - rough * (head.height > _CHEEKS[1])), np.float32)


def _hair_mixture(
    pixels: F32, heads: Sequence[Head], unlike: NDArray[np.bool_], known: tuple[Mixture, float]
) -> tuple[Mixture | None, float, float]:
    """The mixture of the hair, and its log densities from which a pixel may be, and is, hair.

    It is learned above the face, from pixels ``unlike`` skin. Beside the face there are collars and backgrounds too, so
    that is the second choice, for bald heads. ``known`` is the mixture of the skin and its bar.
    """
    above = np.concatenate([head.above.ravel() for head in heads]) * unlike
    beside = np.concatenate([head.beside.ravel() for head in heads]) * unlike
    for where in (above, np.maximum(above, np.float32(0.6) * beside)):
        enough = where.sum() >= _FEWEST_HAIR * len(heads) and (where > _SURE_HAIR).sum() > 10
        hair = Mixture.fitted(pixels, where, 3) if enough else None
        kept = [] if hair is None else _no_scalp(hair, *known)
        if hair is None or not kept:
            continue
        sure = pixels[where > _SURE_HAIR]
        of = np.isin(hair.component(sure), kept)
        hair = hair.only(kept)
        if of.sum() > 10:
            found = hair.log_density(sure[of])
            return hair, float(np.percentile(found, 1)) - 3, float(np.percentile(found, 5))
    return None, 0.0, 0.0


def _no_scalp(hair: Mixture, skin: Mixture, bar: float) -> list[int]:
    """The Gaussians of what was learned as hair that are none of a bare scalp: as smooth as skin, and much like it."""
    level, detail = (float(skin.means[:, k].mean()) for k in (0, 3))
    like = (bar - skin.log_density(hair.means) < _SCALP_LIKE) & (level - hair.means[:, 0] < _SCALP_DARK)
    smooth = hair.means[:, 3] < detail + _SCALP_SMOOTH
    return [int(k) for k in np.flatnonzero(~(like & smooth))]


def mattes_of(crop: FaceCrop, person: F32, study: HairStudy) -> Mattes:
    """The mattes of one crop; ``person`` is its (S, S) matte of the person."""
    size = len(crop.rgb)
    head = head_of(crop.points, person, SIDE)
    brows = _brows(crop.points, size, head.unit * size / SIDE)
    none = np.zeros((size, size), np.float32)
    if study.skin is None or study.hair is None:
        return Mattes(hair=none, beard=none, brows=brows, person=person)
    features = _features(crop.rgb, head)
    like_skin, like_hair = (
        mixture.log_density(features.reshape(-1, 4)).reshape(SIDE, SIDE) for mixture in (study.skin, study.hair)
    )
    level, kernel = luma(crop.rgb), (2 * max(1, int(2 * head.unit * size / SIDE)) + 1,) * 2
    bristles = fine_detail(crop.rgb, SIDE)
    hair = _refined(level, _hair(features, (like_hair, like_skin), bristles, head, study), kernel)
    beard = none
    if study.bearded > 0:
        whiskers = np.float32(study.bearded) * _whiskers(bristles, (like_hair, like_skin), head, study)
        beard = _refined(level, whiskers, kernel)
    return Mattes(hair=hair, beard=beard, brows=brows, person=person)


def reach_of(printed: F32, size: int) -> F32:
    """(size, size) 0..1 for a matte (S, S) of hair and neck: 1 wherever there is any, soft around, 0 on the border."""
    half = halve(np.asarray(cv2.dilate(printed, np.ones((5, 5), np.uint8)), np.float32))
    wide = blur(half, _REACH_SOFT * len(half))
    reach = np.asarray(cv2.resize(smoothstep(_REACH_GAIN * wide), (size, size), interpolation=cv2.INTER_LINEAR))
    return reach * _inside(size)


def hair_of_crop(hair: F32, size: int) -> F32:
    """(size, size) 0..1 for a hair matte (S, S) of any density: it fades out before the crop's border."""
    return np.asarray(cv2.resize(hair, (size, size), interpolation=cv2.INTER_LINEAR), np.float32) * _inside(size)


def _inside(size: int) -> F32:
    """(size, size) 1, falling to 0 on the border."""
    index = np.arange(size, dtype=np.float32)
    edge = smoothstep(np.minimum(index, size - 1 - index) / np.float32(_REACH_BORDER * size))
    return np.asarray(edge[:, None] * edge[None, :], np.float32)


def _features(rgb: F32, head: Head) -> F32:
    """(SIDE, SIDE, 4): log luma, two colours, and the log of the fine detail."""
    small = np.asarray(np.clip(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), 0, 1), np.float32)
    log = cast(F32, cv2.log(blur(small, 1.2 * head.unit) + np.float32(FLOOR)))
    fine = luma(cast(F32, cv2.log(small + np.float32(FLOOR))))
    fine = fine - blur(fine, 2.2 * head.unit)
    energy = np.sqrt(blur(fine * fine, 2.5 * head.unit)) + np.float32(0.01)
    red, green, blue = parts(log)
    return cast(F32, cv2.merge([luma(log), red - green, blue - green, cast(F32, cv2.log(energy))]))


def _hair(features: F32, like: tuple[F32, F32], bristles: F32, head: Head, study: HairStudy) -> F32:
    """(SIDE, SIDE) 0..1: hair of the head; ``like`` are the log densities of hair and of skin."""
    like_hair, like_skin = like
    darker = np.float32(study.level) - features[..., 0]
    odds = np.clip((like_hair - like_skin) / 2, -8, 8)
    unlike = smoothstep((np.float32(study.bar) - like_skin) / np.float32(_LOCKS))
    finer, sure = bristles - np.float32(study.fine), np.asarray(like_hair > study.high, np.float32)
    ruddy = ruddiness(features, head, (study.level, study.hair))
    surely, over_ear = over_ears(unlike, darker, finer - ruddy, sure, head)
    odds = odds - 10 * head.ears * (1 - over_ear) - 5 * head.neck
    lit = smoothstep((finer - np.float32(_LIT_ROUGH[0])) / np.float32(_LIT_ROUGH[1]))
    odds = odds + 8 * head.above * lit
    matte = smoothstep((like_hair - study.low) / max(study.high - study.low, 1e-3)) / (1 + np.exp(-odds))
    matte = matte * (1 - head.face * np.maximum(head.inner, head.brows)) * (1 - head.beard_zone)
    rough = smoothstep((finer - np.float32(_FRINGE_ROUGH[0])) / np.float32(_FRINGE_ROUGH[1]))
    dark = smoothstep((darker - np.float32(_FRINGE_DARK[0])) / np.float32(_FRINGE_DARK[1]))
    matte = matte * (1 - head.brow_and_above * (1 - np.maximum(rough, dark)))
    cheeks, cloth = head.face * (head.height < _CHEEKS[1]), _cloth(features, darker, head.person, study)
    matte = matte * (1 - cheeks * (1 - unlike)) * (1 - cloth)
    person = smoothstep((head.person - np.float32(_PERSON[0])) / np.float32(_PERSON[1]))
    matte = np.asarray(matte * smoothstep((head.height + 1.9) / 0.7) * person, np.float32)
    seed = np.maximum(head.above, 0.6 * head.beside) * (like_skin < study.bar - 1)
    locks = (
        sure * unlike * (1 - head.neck) * smoothstep((finer - np.float32(_LOCK_ROUGH[0])) / np.float32(_LOCK_ROUGH[1]))
    )
    matte = matte * joined_hair(matte, np.asarray(seed, np.float32), surely, locks, head)
    rough = smoothstep((finer - np.float32(_HOLE_ROUGH[0])) / np.float32(_HOLE_ROUGH[1]))
    matte = _without_holes(matte, rough * (1 - head.ears * (1 - over_ear)), head.unit)
    alike = np.maximum(like_hair > study.low, hue_of_hair(features, study.hair)) - 2 * ruddy * cv2.dilate(
        head.ears, _NEAR_EARS
    )
    return with_islands(matte, rough * np.asarray(alike, np.float32), head)


def _without_holes(matte: F32, rough: F32, unit: float) -> F32:
    """The matte with its gaps and holes closed where the picture is ``rough``, 0..1: locks that look like skin."""
    side = 2 * max(1, round(_HOLE * unit)) + 1
    closed = cv2.morphologyEx(matte, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.maximum(matte, closed * rough)


def _cloth(features: F32, darker: F32, person: F32, study: HairStudy) -> F32:
    """(SIDE, SIDE) 0..1 where the colour is none of hair: too red, or blue where it is not black."""
    backdrop = person < _BACKDROP
    behind = float(features[..., 2][backdrop].mean()) if backdrop.any() else 0.0
    (reddest, most_red), (bluest, most_blue) = _CLOTH
    bluest += _SPILL * max(behind - bluest, 0.0)
    if study.hair is not None:
        reddest = max(reddest, float(study.hair.means[:, 1].mean()) + _REDDER)
    red = smoothstep((features[..., 1] - np.float32(reddest)) / np.float32(most_red))
    blue = smoothstep((features[..., 2] - np.float32(bluest)) / np.float32(most_blue))
    return np.asarray(np.maximum(red, blue * (1 - smoothstep((darker - np.float32(_BLACK)) / np.float32(_BLACK)))))


def _whiskers(bristles: F32, like: tuple[F32, F32], head: Head, study: HairStudy) -> F32:
    """(SIDE, SIDE) 0..1: where the lower face is rough and looks like hair, or is so rough that stubble grows.

    ``like`` are the log densities of hair and of skin.
    """
    unlike = np.float32(study.bar - _WHISKERS) - like[1]
    odds = np.clip(np.maximum((like[0] - like[1]) / 2 + 1, unlike if study.bearded else -8), -8, 8)
    matte = smoothstep((-0.12 - head.height) / 0.13) / (1 + np.exp(-odds)) * np.maximum(head.face, head.chin)
    finer = bristles - np.float32(study.fine)
    matte = matte * smoothstep((finer - np.float32(_WHISKER_ROUGH[0])) / np.float32(_WHISKER_ROUGH[1]))
    roughest = _STUBBLE_ROUGH if study.stubbly else _WHISKER_ROUGH
    stubble = smoothstep((finer - np.float32(roughest[0])) / np.float32(roughest[1]))
    stubble *= cv2.erode(head.face * head.person, np.ones((5, 5), np.uint8))  # an outline is rough too
    stubble *= smoothstep((-0.2 - head.height) / 0.2) * np.float32(max(study.stubbly, study.bearded))
    return np.asarray(np.maximum(matte, stubble) * (1 - head.lips) * (1 - head.nose) * head.person, np.float32)


def _beardedness(crop: FaceCrop, features: F32, head: Head, study: HairStudy) -> tuple[float, float]:
    """0..1 each on one sample: the beard zone looks like hair and is rough; it is so rough that stubble grows on it."""
    bristly = bristle(crop.rgb, crop.points)
    stubbly = float(smoothstep(np.array((bristly - _STUBBLE[0]) / (_STUBBLE[1] - _STUBBLE[0]))))
    if study.skin is None or study.hair is None:
        return 0.0, stubbly
    pixels = features.reshape(-1, 4)
    like_hair, like_skin = (m.log_density(pixels).reshape(SIDE, SIDE) for m in (study.hair, study.skin))
    zone = head.beard_zone * (1 - head.lips) * (1 - head.nose) * (head.height < -0.25)
    bristles = fine_detail(crop.rgb, SIDE)
    share = float((_whiskers(bristles, (like_hair, like_skin), head, study) * zone).sum() / max(float(zone.sum()), 1))
    rough = (bristly - _BRISTLE[0]) / (_BRISTLE[1] - _BRISTLE[0])
    hairy = (share - _BEARDED[0]) / (_BEARDED[1] - _BEARDED[0])
    return float(smoothstep(np.array(hairy)) * smoothstep(np.array(rough))), stubbly


def _brows(points: F32, size: int, unit: float) -> F32:
    """(S, S) 0..1: the area of both brows."""
    drawn = np.zeros((size, size), np.uint8)
    for ids in BROWS:
        hull = cv2.convexHull(np.clip(np.round(points[list(ids)]), -size, 2 * size).astype(np.int32))
        cv2.fillConvexPoly(drawn, hull, (1,), cv2.LINE_8)
    return blur(drawn.astype(np.float32), 1.0 * unit)


def _refined(level: F32, matte: F32, kernel: tuple[int, int]) -> F32:
    """The matte (S, S) at the edges of a picture's luma ``level`` (S, S); its coefficients are found on a half grid."""
    size = len(level)
    half = (size // 2, size // 2)
    guide = cast(F32, cv2.resize(level, half, interpolation=cv2.INTER_AREA))
    coarse = cast(F32, cv2.resize(matte, half, interpolation=cv2.INTER_LINEAR))
    mean, soft = cv2.blur(guide, kernel), cv2.blur(coarse, kernel)
    variance = cv2.blur(guide * guide, kernel) - mean * mean + np.float32(4e-4)
    slope = (cv2.blur(guide * coarse, kernel) - mean * soft) / variance
    offset = soft - slope * mean
    slope, offset = (cv2.resize(cv2.blur(part, kernel), (size, size)) for part in (slope, offset))
    return np.asarray(np.clip(slope * level + offset, 0, 1), np.float32)

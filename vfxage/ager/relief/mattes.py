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

from vfxage.ager.prototype.data import FLOOR
from vfxage.ager.prototype.sight import blur, luma
from vfxage.ager.relief.head import BROWS, Head, head_of
from vfxage.ager.relief.mixture import Mixture
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import smoothstep
from vfxage.types import F32, FaceCrop, Study

SIDE = 160
"""Side of the grid on which skin and hair are told apart, pixels."""
_SURE = 0.3
"""Weight from which a pixel counts as skin when the spread of skin is measured."""
_FEWEST = 20
"""Pixels of sure skin, at least: fewer say nothing about a face."""
_BEARD = (199, 200, 208, 428, 140, 369, 171, 396, 175, 170, 395, 211, 431, 32, 262, 136, 365, 164, 165, 391)
_CHEEK = (50, 280, 205, 425, 101, 330, 118, 347, 151, 9, 4)
"""Landmarks where beards grow, and on skin where none grows."""
_BRISTLE = (2.6, 3.6)
"""Fine detail of the beard zone over that of the cheeks: stubble up to 3.4, beards about 4.9, bare skin up to 2.9."""
_BEARDED = (0.16, 0.23)
"""Share of the beard zone that looks like hair: below the first there is no beard."""
_REACH_SOFT, _REACH_GAIN, _REACH_BORDER = 0.006, 2.5, 0.08
"""Softness of the reach of hair and of its end at the crop's border, in sides of the crop, and the gain that makes it 1
where there is hair, so that a matte that trembles does not tremble twice."""
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
    """None if no hair was found."""
    bar: float
    """Log density of the skin's mixture below which a pixel is no skin."""
    low: float
    high: float
    """Log density of the hair's mixture from which a pixel may be hair, and is hair."""
    level: float
    """Log luma of the skin."""
    bearded: float
    """0..1, whether the face has a beard."""

    def packed(self) -> Study:
        """As named arrays."""
        limits = np.array([self.bar, self.low, self.high, self.level, self.bearded], np.float32)
        empty = np.zeros((0, 0), np.float32)
        skin = empty if self.skin is None else self.skin.packed()
        return dict(zip(_NAMES, (skin, empty if self.hair is None else self.hair.packed(), limits), strict=True))

    @staticmethod
    def unpacked(study: Study) -> HairStudy:
        """From the arrays of ``packed``."""
        skin, hair = (Mixture.unpacked(study[name]) if study[name].size else None for name in _NAMES[:2])
        bar, low, high, level, bearded = (float(value) for value in study[_NAMES[2]])
        return HairStudy(skin=skin, hair=hair, bar=bar, low=low, high=high, level=level, bearded=bearded)


def learn_hair(samples: Sequence[tuple[FaceCrop, F32]], beard: bool | None = None) -> HairStudy:
    """Learn skin and hair of one face from crops with their person mattes (S, S).

    ``beard`` says by hand whether the face has a beard.
    """
    heads = [head_of(crop.points, person, SIDE) for crop, person in samples]
    features = [_features(crop.rgb, head) for (crop, _), head in zip(samples, heads, strict=True)]
    pixels = np.concatenate([feature.reshape(-1, 4) for feature in features])
    on_skin = np.concatenate([head.skin.ravel() for head in heads])
    skin = Mixture.fitted(pixels, on_skin, 2) if (on_skin > _SURE).sum() >= _FEWEST else None
    if skin is None:
        return HairStudy(skin=None, hair=None, bar=0, low=0, high=1, level=0, bearded=0)
    likely = skin.log_density(pixels)
    usual = on_skin * (likely > np.percentile(likely[on_skin > _SURE], 12))
    skin = Mixture.fitted(pixels, usual, 3) or skin
    likely = skin.log_density(pixels)
    bar = float(np.percentile(likely[usual > _SURE], 3))
    where = np.concatenate([np.maximum(head.above, 0.6 * head.beside).ravel() for head in heads]) * (likely < bar - 1)
    hair = Mixture.fitted(pixels, where, 3) if where.sum() >= 30 * len(samples) and (where > 0.4).sum() > 10 else None
    low = high = 0.0
    if hair is not None:
        found = hair.log_density(pixels)[where > 0.4]
        low, high = float(np.percentile(found, 1)) - 3, float(np.percentile(found, 5))
    level = float((pixels[:, 0] * on_skin).sum() / max(on_skin.sum(), 1e-3))
    study = HairStudy(skin=skin, hair=hair, bar=bar, low=low, high=high, level=level, bearded=0)
    shares = [_beardedness(crop, feature, head, study)
              for (crop, _), feature, head in zip(samples, features, heads, strict=True)]  # fmt: skip
    bearded = float(np.median(shares) if beard is None else beard)
    return replace(study, bearded=bearded)


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
    hair = _refined(crop.rgb, _hair(features, like_hair, like_skin, head, study), head.unit * size / SIDE)
    beard = none
    if study.bearded > 0:
        whiskers = np.float32(study.bearded) * _whiskers(like_hair, like_skin, head)
        beard = _refined(crop.rgb, whiskers, head.unit * size / SIDE)
    return Mattes(hair=hair, beard=beard, brows=brows, person=person)


def reach_of_hair(hair: F32, size: int) -> F32:
    """(size, size) 0..1 for a hair matte (S, S): 1 wherever there is hair, soft around it, 0 on the crop's border."""
    wide = blur(np.asarray(cv2.dilate(hair, np.ones((5, 5), np.uint8)), np.float32), _REACH_SOFT * len(hair))
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
    small = np.clip(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), 0, 1)
    log = np.log(blur(np.asarray(small, np.float32), 1.2 * head.unit) + np.float32(FLOOR))
    fine = luma(np.log(small + np.float32(FLOOR)))
    fine = fine - blur(fine, 2.2 * head.unit)
    energy = np.sqrt(blur(fine * fine, 2.5 * head.unit))
    return np.dstack([luma(log), log[..., 0] - log[..., 1], log[..., 2] - log[..., 1], np.log(energy + 0.01)])


def _hair(features: F32, like_hair: F32, like_skin: F32, head: Head, study: HairStudy) -> F32:
    """(SIDE, SIDE) 0..1: hair of the head."""
    darker = np.float32(study.level) - features[..., 0]
    odds = np.clip((like_hair - like_skin) / 2, -8, 8)
    odds = odds - 10 * head.ears * (1 - smoothstep((darker - 1.3) / 0.5)) - 5 * head.neck
    matte = smoothstep((like_hair - study.low) / max(study.high - study.low, 1e-3)) / (1 + np.exp(-odds))
    matte = matte * (1 - head.inner) * (1 - head.brows) * (1 - head.beard_zone)
    matte = np.asarray(matte * smoothstep((head.height + 1.9) / 0.7) * head.person, np.float32)
    seed = np.maximum(head.above, 0.6 * head.beside) * (like_skin < study.bar - 1)
    count, labels = cv2.connectedComponents((matte > 0.35).astype(np.uint8))
    joined = np.bincount(labels.ravel(), weights=seed.ravel(), minlength=count) > 6
    joined[0] = False
    kept = cv2.dilate(joined[labels].astype(np.uint8), np.ones((5, 5), np.uint8))
    return matte * blur(kept.astype(np.float32), 1.0)


def _whiskers(like_hair: F32, like_skin: F32, head: Head) -> F32:
    """(SIDE, SIDE) 0..1: where the lower face looks like hair."""
    odds = np.clip((like_hair - like_skin) / 2 + 1, -8, 8)
    matte = smoothstep((-0.12 - head.height) / 0.13) / (1 + np.exp(-odds))
    return np.asarray(matte * (1 - head.lips) * (1 - head.nose) * head.face * head.person, np.float32)


def _beardedness(crop: FaceCrop, features: F32, head: Head, study: HairStudy) -> float:
    """0..1 on one sample: the beard zone looks like hair, and it is rough."""
    if study.skin is None or study.hair is None:
        return 0.0
    pixels = features.reshape(-1, 4)
    like_hair, like_skin = (m.log_density(pixels).reshape(SIDE, SIDE) for m in (study.hair, study.skin))
    zone = head.beard_zone * (1 - head.lips) * (1 - head.nose) * (head.height < -0.25)
    share = float((_whiskers(like_hair, like_skin, head) * zone).sum() / max(float(zone.sum()), 1))
    rough = (bristle(crop.rgb, crop.points) - _BRISTLE[0]) / (_BRISTLE[1] - _BRISTLE[0])
    hairy = (share - _BEARDED[0]) / (_BEARDED[1] - _BEARDED[0])
    return float(smoothstep(np.array(hairy)) * smoothstep(np.array(rough)))


def bristle(rgb: F32, points: F32) -> float:
    """Fine detail where beards grow, over that of cheeks and brow; ``points`` (478, 2) crop pixels."""
    level = luma(np.log(np.clip(rgb, 0, 1) + np.float32(FLOOR)))
    scale = len(rgb) / 512
    fine = level - blur(level, 2.5 * scale)
    energy = np.sqrt(blur(fine * fine, 4 * scale))
    x, y = np.clip(points.astype(int), 0, len(rgb) - 1).T
    zone, skin = (float(np.median(energy[y[list(ids)], x[list(ids)]])) for ids in (_BEARD, _CHEEK))
    return zone / max(skin, 1e-4)


def _brows(points: F32, size: int, unit: float) -> F32:
    """(S, S) 0..1: the area of both brows."""
    drawn = np.zeros((size, size), np.uint8)
    for ids in BROWS:
        hull = cv2.convexHull(np.clip(np.round(points[list(ids)]), -size, 2 * size).astype(np.int32))
        cv2.fillConvexPoly(drawn, hull, (1,), cv2.LINE_8)
    return blur(drawn.astype(np.float32), 1.0 * unit)


def _refined(rgb: F32, matte: F32, unit: float) -> F32:
    """The matte (S, S) at the picture's own edges; its coefficients are found on a half grid."""
    size = len(rgb)
    half = (size // 2, size // 2)
    guide = luma(np.asarray(cv2.resize(rgb, half, interpolation=cv2.INTER_AREA), np.float32))
    coarse = cast(F32, cv2.resize(matte, half, interpolation=cv2.INTER_LINEAR))
    kernel = (2 * max(1, int(2 * unit)) + 1,) * 2
    mean, soft = cv2.blur(guide, kernel), cv2.blur(coarse, kernel)
    variance = cv2.blur(guide * guide, kernel) - mean * mean + np.float32(4e-4)
    slope = (cv2.blur(guide * coarse, kernel) - mean * soft) / variance
    offset = soft - slope * mean
    slope, offset = (cv2.resize(cv2.blur(part, kernel), (size, size)) for part in (slope, offset))
    return np.asarray(np.clip(slope * luma(rgb) + offset, 0, 1), np.float32)

"""How the skin of a face and its neck moves from one picture to another: optical flow at every node of the mesh.

The flow is Lucas and Kanade's in pyramids (Bouguet 2000), at nodes of the face and at points of the neck, forwards and
backwards. A patch of it keeps its shape, so the second picture is first bent back as the face moves: as its landmarks
do for a first flow, and as most of that flow does for a second. On a portrait on an ellipsoid that turns before a wall,
with grain and compression, it is off by 0.1 pixels a frame, and by 0.1 to 0.2 over 7 frames. OpenCV's dense inverse
search (DIS) is off by 0.3 a frame there, and creeps on a still picture of a movie.

Cheeks and foreheads have few details. So a face is fitted three times, from broad to close: a quadratic over the whole
face, then the parts around each node, then its nearest neighbours. A node without details of its own moves as the skin
around it does. Nodes at the outline count less, for their patch shows the background, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.face.track.fits import Bend, Fit, common_part, fitted, neighbours, over_all, quadratic
from vfxage.geometry import NECK_POINTS, NECK_RINGS, neck_points
from vfxage.types import F32, F64, POINTS, U8, Window

if TYPE_CHECKING:
    from vfxage.face.track.canvas import Cutout, Picture

NODES = POINTS + NECK_POINTS
"""Nodes that the skin carries: the landmarks, then those of the neck."""
HOPS = (1, 7)
"""Pictures over which the flow is measured: a longer step drifts less than many short ones."""
_SAMPLED = (1.1, NECK_RINGS[0], 1.35, 1.48, NECK_RINGS[1])
"""Rings of the neck on which the flow is measured, in distances of the jaw from the middle of the face."""
_NECK_NODES = np.concatenate([np.arange(NECK_POINTS // 2) + _SAMPLED.index(reach) * (NECK_POINTS // 2)
                              for reach in NECK_RINGS])  # fmt: skip
"""The nodes of the neck among the points on which its flow is measured."""
_SPREAD = (
    "0 3 4 5 6 7 8 9 10 13 14 17 18 20 21 24 26 29 31 32 34 35 36 38 39 40 43 44 45 46 47 50 51 53 54 55 58 "
    "61 63 65 67 68 69 70 71 75 81 83 84 86 91 92 93 96 98 99 100 101 102 103 104 105 106 107 108 109 111 114 "
    "116 117 118 119 121 122 123 124 126 127 128 129 131 132 134 135 136 137 138 139 140 142 143 145 147 148 "
    "149 150 151 152 156 158 160 162 164 165 167 168 169 170 171 172 174 175 176 177 178 181 182 185 186 187 "
    "188 190 192 193 194 195 196 197 198 199 200 201 202 203 204 205 206 207 208 209 210 211 212 213 214 215 "
    "216 217 218 219 220 221 222 223 225 226 227 229 231 234 236 238 244 247 248 251 253 260 262 263 264 265 "
    "266 267 269 270 273 275 276 277 280 281 283 284 285 286 288 291 293 296 297 298 299 300 301 305 309 311 "
    "312 313 315 317 321 322 323 327 328 329 330 331 332 333 334 335 336 337 338 339 340 343 344 345 346 347 "
    "348 350 351 352 353 355 356 358 361 363 364 365 366 367 368 369 370 371 372 373 376 377 378 379 381 383 "
    "386 389 391 393 394 395 396 397 399 400 401 402 405 406 407 410 411 412 413 416 417 418 419 420 421 422 "
    "423 424 425 426 427 428 429 430 431 432 433 434 435 436 437 439 440 442 443 444 446 447 448 449 451 453 "
    "454 456 461 465 "
)
_EVEN = np.array(_SPREAD.split(), np.int64)
"""Landmarks on which the face's flow is measured: spread evenly (0.033 faces apart, farthest point first), for those
about eyes and lips lie closer together than the patch is wide."""
_FACE = 400
"""Height to which a larger face is shrunk for the flow, pixels: more costs time and gains nothing."""
_FACE_FLOWS = (15, 2, 6), (15, 1, 6)
"""Side of the patch that is followed on the face, pixels; levels of the pyramid; steps at most. A larger patch is less
exact. The first flow finds how the whole face moves, the second how each part does."""
_THIN = 3
"""The first flow follows every third landmark of the second."""
_TURNED = 0.03
"""Change of the motion from pixel to pixel from which the face is bent back: less moves the edge of a patch by 0.2
pixels."""
_NECK_FLOWS = (15, 3, 10), (31, 3, 10)
"""The same on the neck, whose motion nothing foretells. The large patch is for points that the small one loses."""
_ENOUGH = 0.005
"""Length of the flow's last step, pixels."""
_LOST = 0.5
"""A point with less trust than this is followed again with the larger patch."""
_MARGIN = 0.12
"""Room around the nodes, in faces."""
_THERE_AND_BACK = 0.5
"""A point that comes back this far from where it began, in pixels of the flow's picture, is trusted 37 %."""
_DETAIL = 0.01
"""Square root of the least eigenvalue of the gradients in a patch from which a point is trusted in full."""
_NEAR_FACE, _WIDE_FACE, _NEAR_NECK = (9, 0.03), (20, 0.08), (20, 0.12)
"""Neighbours over which the flow is fitted, and how far they count, in faces: close and wide on the face; on the neck.
"""
_FIRM, _FIRM_WIDE = 0.05, 0.3
"""Trust, in nodes, with which a close and a wide fit keep to the broader one."""
_CARRIED = 0.7
"""Most trust in a node that only the skin around it carries."""
_COVERED = (0.55, 0.9)
"""Shares of a patch on the face at which its node counts not at all, and in full."""
_TORN = (0.7, 1.2)
"""Change of the motion from pixel to pixel up to which a node is trusted in full, and from which not at all: skin that
comes twice as near changes it by 1, and more would tear it."""
_STRANGE = 0.025
"""A node whose flow disagrees this much with the landmarks, in faces, beside what all nodes have in common, is trusted
37 %. A hand before the face moves like no skin."""
_OWN = (0.1, 0.3, 1.0, 1.0, 1.0)
"""How far each ring of the neck counts in the motion that all its points share: the inner ones may show the jaw."""
_STRANGE_NECK = 0.006
"""A point of the neck that moves this much otherwise, in faces, counts half: it shows the jaw, or clothes. Where most
points do, their median counts half."""
_SKIN = (10.0, 20.0)
"""Difference in colour (Cr and Cb, of 255) from the face up to which a point of the neck counts as skin, and from which
it does not: hair, clothes and the background move otherwise."""
_LIT = 0.35
"""Skin of the neck has at least this share of the face's luminance."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SkinMotion(ArrayData):
    """The motion of the skin at the nodes of a face from one picture to another."""

    motion: F32 = field(metadata=shaped(NODES, 2))
    """(512, 2) from where a node is on the one picture, pixels of the tracking canvas."""
    gradient: F32 = field(metadata=shaped(NODES, 2, 2))
    """(512, 2, 2) change of that motion (x and y) for each pixel in x and in y."""
    trust: F32 = field(metadata=shaped(NODES))
    """(512,) 0..1."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The part of two pictures around a face, shrunk for the flow."""

    one: U8
    other: U8
    """Luma."""
    detail: F32
    """0..1: whether the first picture has enough to follow around each pixel."""
    colour: U8
    """The first picture, three channels, much smaller: Y, Cr, Cb."""


def skin_motion(one: Picture | Cutout, other: Picture, stops: int, points: F32, there: F32) -> SkinMotion:
    """The motion from ``one`` to ``other``, on which the landmarks (478, 2) are at ``points`` and ``there``.

    Both pictures are seen at the exposure of ``stops``. A flash or blur makes the trust small.
    """
    samples, expected = (np.concatenate([p, neck_points(p, _SAMPLED)]).astype(np.float64) for p in (points, there))
    size = float(np.ptp(points, axis=0).max())
    box = _box(np.concatenate([samples, expected]), _MARGIN * size, one.shape)
    if min(box.shape) <= _NECK_FLOWS[-1][0]:  # outside the picture
        return _nothing()
    scale, low = min(1.0, _FACE / size), np.array([box.x, box.y])
    pair = _pair([picture.cut(box, stops) for picture in (one, other)], scale, size)
    shrunk = np.array(pair.one.shape[::-1]) / (box.width, box.height)
    begin, end = (samples - low) * shrunk, (expected - low) * shrunk
    face = _face_motion(pair, begin[:POINTS], end[:POINTS], size * scale)
    neck = _neck_motion(pair, begin, np.median(end - begin, axis=0), size * scale)
    joined = [np.concatenate([a, b[_NECK_NODES]]) for a, b in zip(face, neck, strict=True)]
    return SkinMotion(
        motion=np.ascontiguousarray(joined[0] / shrunk, np.float32),
        gradient=np.ascontiguousarray(joined[1] * (shrunk / shrunk[:, None]), np.float32),
        trust=np.ascontiguousarray(joined[2], np.float32),
    )


def _face_motion(pair: _Pair, begin: F64, end: F64, size: float) -> Fit:
    """The motion at the landmarks, which are at ``begin`` and ``end`` (478, 2)."""
    even, landmarks = begin[_EVEN], (end - begin)[_EVEN]
    terms = quadratic(begin, begin.mean(0), size)
    bend = Bend(over_all(terms, end - begin, np.ones(len(begin))), begin.mean(0), size)
    covered, broad = _on_the_face(begin, pair.one.shape)[_EVEN], terms[_EVEN]
    for rows, how in zip((slice(None, None, _THIN), slice(None)), _FACE_FLOWS, strict=True):
        flow = _bent_flow(pair, even[rows], bend, how)
        like = flow.returns * _with_the_face(broad[rows], flow.motion - landmarks[rows], flow.sure, size)
        trust = like * flow.detail * covered[rows]
        rest = flow.motion - bend.at(even[rows])
        bend = replace(bend, terms=bend.terms + common_part(broad[rows], rest, trust, size)[0])
    motion, near = bend.at(begin), neighbours(begin, even, size, _NEAR_FACE)
    wide = fitted(neighbours(begin, even, size, _WIDE_FACE), flow.motion - motion[_EVEN], trust, _FIRM_WIDE)
    motion = motion + wide[0]
    close = fitted(near, flow.motion - motion[_EVEN], trust, _FIRM)
    motion = motion + close[0]
    agreed = fitted(near, like[:, None], flow.detail)[0][:, 0]
    carried = _CARRIED * wide[2] * agreed
    gradient = fitted(near, motion[_EVEN], np.ones(len(even)))[1]
    return motion, gradient, np.clip(np.maximum(close[2], carried), 0, 1) * _whole(gradient)


def _whole(gradient: F64) -> F64:
    """(M,) 0..1: whether the skin is not torn where its motion has this gradient (M, 2, 2)."""
    change = np.linalg.norm(gradient, ord=2, axis=(1, 2))
    return np.asarray(np.clip((_TORN[1] - change) / (_TORN[1] - _TORN[0]), 0, 1), np.float64)


def _bent_flow(pair: _Pair, samples: F64, bend: Bend, how: tuple[int, int, int]) -> _Flow:
    """Follow points of a face (M, 2) into the other picture, bent back as the landmarks move.

    A patch keeps its shape there. Where the bend hardly changes it, the other picture is used as it is, which is
    sharper.
    """
    import cv2

    guess = bend.at(samples)
    if bend.stretch(samples) < _TURNED:
        return _flow(pair, samples, guess, how)
    source = bend.map(pair.one.shape)
    bent = cv2.remap(pair.other, source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    flow = _flow(replace(pair, other=np.asarray(bent, np.uint8)), samples, np.zeros_like(samples), how)
    return replace(flow, motion=flow.motion + bend.at(samples + flow.motion))


def _neck_motion(pair: _Pair, begin: F64, guess: F64, size: float) -> Fit:
    """The motion on the neck; ``begin`` (M, 2) has the landmarks before its points."""
    samples = begin[POINTS:]
    start = np.repeat(guess[None], len(samples), 0)
    found = _flow(pair, samples, start, _NECK_FLOWS[0])
    motion, trust = found.motion, found.sure
    lost = np.flatnonzero(trust < _LOST)
    if len(lost):
        again = _flow(pair, samples[lost], start[lost], _NECK_FLOWS[1])
        better = again.sure > trust[lost]
        motion[lost[better]], trust[lost[better]] = again.motion[better], again.sure[better]
    trust *= _skin_coloured(pair.colour, begin / np.array(pair.one.shape[::-1]))
    terms = quadratic(samples, samples.mean(0), size)[:, :3]
    common, miss = common_part(terms, motion, trust * np.repeat(_OWN, NECK_POINTS // 2), size)
    whole, gradient = terms @ common, np.broadcast_to(common[1:].T / size, (len(samples), 2, 2))
    doubt = miss / max(_STRANGE_NECK, 2 * float(np.median(miss)))
    near = fitted(neighbours(samples, samples, size, _NEAR_NECK), motion - whole, trust / (1 + doubt**4), _FIRM)
    return whole + near[0], gradient + near[1], near[2]


def _nothing() -> SkinMotion:
    return SkinMotion(
        motion=np.zeros((NODES, 2), np.float32),
        gradient=np.zeros((NODES, 2, 2), np.float32),
        trust=np.zeros(NODES, np.float32),
    )


def around_face(picture: Picture, points: F32) -> Window:
    """The part of a picture that the flow at a face with these landmarks (478, 2) looks at."""
    samples = np.concatenate([points, neck_points(points, _SAMPLED)]).astype(np.float64)
    return _box(samples, _MARGIN * float(np.ptp(points, axis=0).max()), picture.shape)


def _box(samples: F64, margin: float, shape: tuple[int, int]) -> Window:
    """What a picture must show of samples (M, 2) and a margin around them."""
    low, high = np.floor(samples.min(0) - margin).astype(int), np.ceil(samples.max(0) + margin).astype(int)
    return Window(*low.tolist(), *(high - low).tolist()).intersect(Window(0, 0, *shape[::-1]))


def _pair(pictures: Sequence[U8], scale: float, size: float) -> _Pair:
    import cv2

    def shrunk(image: U8, by: float) -> U8:
        sides = [max(1, round(side * by)) for side in (image.shape[1], image.shape[0])]
        return np.asarray(cv2.resize(image, sides, interpolation=cv2.INTER_AREA), np.uint8) if by < 1 else image

    one, other = (shrunk(np.asarray(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), np.uint8), scale) for p in pictures)
    detail = np.maximum(cv2.cornerMinEigenVal(one, 7), 0) / _DETAIL**2
    small = shrunk(pictures[0], min(1.0, 64 / size))
    return _Pair(
        one=one,
        other=other,
        detail=np.asarray(np.clip(detail, 0.01, 1), np.float32),
        colour=np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb), np.uint8),
    )


@dataclass(frozen=True, slots=True)
class _Flow:
    """The flow at some points."""

    motion: F64
    """(M, 2)."""
    returns: F64
    """(M,) 0..1: whether a point comes back to where it began."""
    detail: F64
    """(M,) 0..1: whether there is enough in the patch to follow."""

    @property
    def sure(self) -> F64:
        """(M,) 0..1: trust in each point by itself."""
        return self.returns * self.detail


def _flow(pair: _Pair, samples: F64, guess: F64, how: tuple[int, int, int]) -> _Flow:
    """Follow points (M, 2), in pixels of the pair; ``how`` is one of the ways above."""
    import cv2

    side, levels, steps = how
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, steps, _ENOUGH)
    settings = {"winSize": (side, side), "maxLevel": levels, "criteria": criteria,
                "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}  # fmt: skip
    at = np.ascontiguousarray(samples - 0.5, np.float32)  # OpenCV counts from the pixel's centre
    went, seen, _ = cv2.calcOpticalFlowPyrLK(pair.one, pair.other, at, (at + guess).astype(np.float32), **settings)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(pair.other, pair.one, went, at.copy(), **settings)  # type: ignore[call-overload]
    limit = np.array(pair.one.shape[::-1]) - 1
    inside = ((at >= 0) & (at <= limit) & (went >= 0) & (went <= limit)).all(1)
    astray = np.linalg.norm(back - at, axis=1) / _THERE_AND_BACK
    return _Flow(
        motion=np.asarray(went - at, np.float64),
        returns=np.asarray(inside * (seen[:, 0] > 0) * (again[:, 0] > 0) * np.exp(-(astray**2)), np.float64),
        detail=_at(pair.detail, at).astype(np.float64),
    )


def _at(image: F32, places: F32 | F64) -> F32:
    """The image at the pixels nearest to places (M, 2), which OpenCV counts from a pixel's centre."""
    x, y = np.clip(np.rint(places), 0, np.array(image.shape[1::-1]) - 1).astype(int).T
    return np.asarray(image[y, x], np.float32)


def _on_the_face(samples: F64, shape: tuple[int, ...]) -> F64:
    """(478,) 0..1: how much of a node's patch is on the face, and not on what moves beside it."""
    import cv2

    inside = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(samples - 0.5).astype(np.int32)), (1,))
    share = _at(np.asarray(cv2.blur(inside, _FACE_FLOWS[0][:1] * 2), np.float32), samples - 0.5)
    return np.asarray(np.clip((share - _COVERED[0]) / (_COVERED[1] - _COVERED[0]), 0.02, 1), np.float64)


def _with_the_face(base: F64, apart: F64, trust: F64, size: float) -> F64:
    """(M,) 0..1: how well the flow agrees with the landmarks' own motion, but for what all have in common."""
    return np.asarray(np.exp(-((common_part(base, apart, trust, size)[1] / _STRANGE) ** 2)), np.float64)


def _skin_coloured(colour: U8, share: F64) -> F64:
    """(M - 478,) 0..1: whether the neck's points look like the face's; ``share`` (M, 2) is where all points are."""
    limit = np.array(colour.shape[1::-1])
    x, y = np.clip(np.floor(share * limit), 0, limit - 1).astype(int).T
    seen = colour[y, x].astype(np.float64)
    usual = np.median(seen[:POINTS], axis=0)
    away = np.abs(seen[POINTS:, 1:] - usual[1:]).max(1)
    like = np.clip((_SKIN[1] - away) / (_SKIN[1] - _SKIN[0]), 0, 1)
    return np.asarray(like * (seen[POINTS:, 0] > _LIT * usual[0]), np.float64)

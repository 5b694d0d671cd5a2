"""Steadier steps: each is averaged with its neighbours' along the motion of the face.

The window is a few frames either side and there is no other memory, so that any split of the range gives the same bits.
Crops are stabilised already: only what moves within the face (lips, lids, turning) is left for optical flow to follow,
and where the flow does not explain the picture the neighbour does not count.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.colour.curves import LUMA_709
from vfxage.geometry import extent
from vfxage.types import F32, U8, FaceCrop, FaceDelta, FrameDeltas, Window

_SMALL = 160
"""Side of the crop in which motion is measured, pixels."""
_PATCH = 5
"""Side of the patch, in small pixels, over which pictures are compared."""
_ROWS = 64
"""Rows averaged at a time, so that the work space stays in the cache."""
_TOLERANCE = (0.012, 0.05)
"""Least and most difference, in sRGB, that passes for grain; in between it is measured."""
_STILL = (0.6, 0.85)
"""Motion counts in full where it leaves less than the first share of the difference, not at all above the second."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A crop's small picture: what flow and comparison see."""

    luma: F32
    codes: U8


@dataclass(frozen=True, slots=True)
class _Held:
    """A frame in the window."""

    item: FrameDeltas
    take: int
    looks: dict[int, _Look]
    """Per face."""

    @property
    def number(self) -> int:
        return self.item.frame.number

    def find(self, face: int) -> FaceDelta | None:
        """The face's delta."""
        return next((d for d in self.item.deltas if d.crop.face == face), None)


_Near = tuple[_Held, FaceDelta]
"""A frame in the window and the face's delta on it."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """Settings that are the same for every frame."""

    radius: int
    strength: float
    search: cv2.DISOpticalFlow
    """Keeps only work space: the result depends on the two pictures alone."""


def steady(items: Iterable[FrameDeltas], radius: int, strength: float, cuts: Sequence[int]) -> Iterator[FrameDeltas]:
    """Filter every face's step and hair over the frames whose numbers are within ``radius``, following the motion.

    ``items`` ascend by frame number; ``cuts`` are the first frames of takes. A neighbour counts only if the face was
    present, at the same crop size, all the way to it and no cut lies between. ``strength`` 0..1 weighs the neighbours;
    with 0, or radius 0, the very items are passed on. Holds at most ``2 * radius + 1`` items.
    """
    if radius == 0 or strength == 0:
        yield from items
        return
    filter_ = _Filter(radius, strength, _search())
    held: list[_Held] = []
    centre = 0
    for item in items:
        number = item.frame.number
        while centre < len(held) and held[centre].number + radius < number:
            yield _filtered(filter_, held, centre)
            centre += 1
        nearest = held[centre].number if centre < len(held) else number
        old = sum(one.number < nearest - radius for one in held)
        del held[:old]
        centre -= old
        looks = {delta.crop.face: _look(delta.crop) for delta in item.deltas}
        held.append(_Held(item, bisect_right(cuts, number), looks))
    for last in range(centre, len(held)):
        yield _filtered(filter_, held, last)


def _search() -> cv2.DISOpticalFlow:
    """Dense inverse search (Kroeger et al. 2016), with nothing that depends on the number of threads."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    search.setFinestScale(1)
    search.setUseSpatialPropagation(False)  # it goes stripe by stripe, one per thread
    return search


def _filtered(filter_: _Filter, held: Sequence[_Held], centre: int) -> FrameDeltas:
    here = held[centre]
    deltas = []
    for delta in here.item.deltas:
        steps, hairs = (list(_neighbours(held, centre, filter_.radius, (delta, counts))) for counts in (_steps, _hairs))
        deltas.append(_average(filter_, delta, here, steps, hairs) if steps or hairs else delta)
    return FrameDeltas(frame=here.item.frame, deltas=tuple(deltas))


def _steps(delta: FaceDelta) -> bool:
    """Whether its step counts: with an intensity of 0 it is 0."""
    return delta.crop.intensity != 0


def _hairs(delta: FaceDelta) -> bool:
    return delta.hair is not None


def _neighbours(
    held: Sequence[_Held], centre: int, radius: int, wanted: tuple[FaceDelta, Callable[[FaceDelta], bool]]
) -> Iterator[_Near]:
    """The frames that count for a delta; ``wanted`` is the delta, and which deltas count."""
    here, (delta, counts) = held[centre], wanted
    if not counts(delta):
        return
    for side in (range(centre - 1, -1, -1), range(centre + 1, len(held))):
        for index in side:
            there = held[index]
            other = there.find(delta.crop.face)
            if abs(there.number - here.number) > radius or there.take != here.take:
                break
            if other is None or not counts(other) or other.step.shape != delta.step.shape:
                break
            yield there, other


def _average(
    filter_: _Filter, delta: FaceDelta, here: _Held, steps: Sequence[_Near], hairs: Sequence[_Near]
) -> FaceDelta:
    """Average the step where the matte is, and the hair where it is; elsewhere they stay, for nothing looks at them."""
    face, size = delta.crop.face, delta.step.shape[0]
    motions = {}
    for there in {there.number: there for there, _ in (*steps, *hairs)}.values():
        flow, trust = _motion(filter_.search, here.looks[face], there.looks[face])
        weight = filter_.strength * (1.0 - ((there.number - here.number) / (filter_.radius + 1)) ** 2)
        motions[there.number] = np.dstack([flow * np.float32(size / _SMALL), trust * np.float32(weight)])
    step, hair = delta.step, delta.hair
    if steps:
        step = _mixed(step, [(motions[there.number], other.step) for there, other in steps], extent(delta.crop.matte))
    if hairs and hair is not None:
        moved = [(motions[there.number], other.hair) for there, other in hairs if other.hair is not None]
        hair = np.clip(_mixed(hair, moved, extent(hair)), 0, 1)
    return FaceDelta(crop=delta.crop, step=step, hair=hair)


def _mixed(own: F32, moved: Sequence[tuple[F32, F32]], box: Window) -> F32:
    """``own``, averaged in ``box`` with the others: (motion and weight, image) of each."""
    mixed = own.copy()
    for top in range(0, box.height, _ROWS):
        strip = Window(box.x, box.y + top, box.width, min(_ROWS, box.height - top))
        _mix(mixed[strip.slices(Window(0, 0, len(own), len(own)))], moved, strip)
    return mixed


def _mix(own: F32, moved: Sequence[tuple[F32, F32]], strip: Window) -> None:
    """Average ``own``, a strip of an image, with the others' in place: (motion and weight, image) of each."""
    total = np.ones(strip.shape, dtype=np.float32)
    for motion, image in moved:
        grown = _enlarged(motion, image.shape[0], strip)
        along = _along(image, grown, strip)
        weight = np.ascontiguousarray(grown[..., 2])
        along *= _like(weight, along)
        own += along
        total += weight
    own /= _like(total, own)


def _like(weight: F32, image: F32) -> F32:
    """The weight for each channel of the image."""
    return weight if image.ndim == 2 else np.asarray(cv2.merge([weight] * image.shape[2]), np.float32)


def _look(crop: FaceCrop) -> _Look:
    full = cv2.transform(crop.rgb, LUMA_709[None])
    luma = np.asarray(cv2.resize(full, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA), dtype=np.float32)
    return _Look(luma, np.asarray(luma * 255 + 0.5, dtype=np.uint8))


def _motion(search: cv2.DISOpticalFlow, here: _Look, there: _Look) -> tuple[F32, F32]:
    """Flow in small pixels (R, R, 2), and how far to trust it (R, R), 0..1.

    Flow fits grain too: where it explains the picture hardly better than standing still does, it is drawn to zero.
    """
    flow = np.asarray(search.calc(here.codes, there.codes, None), dtype=np.float32)  # type: ignore[call-overload]
    still = _difference(here.luma, there.luma)
    left = _difference(here.luma, _shifted(there.luma, flow)) / (still + np.float32(1e-8))
    low, high = _STILL
    share = np.clip((high - left) / np.float32(high - low), 0, 1)
    flow *= cv2.merge([share, share])
    difference = _difference(here.luma, _shifted(there.luma, flow))
    least, most = _TOLERANCE
    grain = np.clip(2 * np.median(difference), least**2, most**2)
    return flow, np.exp(difference / np.float32(-2 * grain))


def _difference(one: F32, other: F32) -> F32:
    """Mean square over a patch."""
    return np.asarray(cv2.blur((one - other) ** 2, (_PATCH, _PATCH)), dtype=np.float32)


def _shifted(image: F32, flow: F32) -> F32:
    grid = np.arange(_SMALL, dtype=np.float32)
    x, y = flow[..., 0] + grid[None, :], flow[..., 1] + grid[:, None]
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)


def _enlarged(small: F32, size: int, box: Window) -> F32:
    """The small image at the crop's pixels of ``box``."""
    scale = _SMALL / size
    to_small = np.array([[scale, 0, (box.x + 0.5) * scale - 0.5], [0, scale, (box.y + 0.5) * scale - 0.5]])
    grown = cv2.warpAffine(
        small,
        to_small,
        (box.width, box.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(grown, dtype=np.float32)


def _along(step: F32, flow: F32, box: Window) -> F32:
    """The neighbour's step where this frame's pixels of ``box`` went."""
    x = flow[..., 0] + np.arange(box.x, box.x + box.width, dtype=np.float32)[None, :]
    y = flow[..., 1] + np.arange(box.y, box.y + box.height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(step, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)

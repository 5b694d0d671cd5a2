"""Find cuts: the first frames of takes, as opposed to flashes, pans and fast motion.

Blocks of a thumbnail are matched with their neighbourhood on the other side of the suspected cut by normalised
cross-correlation, which allows for motion and changes of exposure. A new take begins where frames just after have
blocks that match nothing in the frames just before. Flashes and black frames of up to ``FLASH`` frames are looked past,
and a change of the light alone is no cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from vfxage.colour.curves import LUMA_709, srgb_encode
from vfxage.face.exposure import stops_for
from vfxage.face.track.canvas import Picture
from vfxage.types import F32

FLASH = 5
"""Frames of a flash, or of black, that may interrupt a take."""
_BACK, _AHEAD = 2, 3
"""Frames compared on each side of a suspected cut, if no flash is beside it."""
_KEY = (0.3, 4.0)
"""Range of luminance for the brightest hundredth of the compared frames: other plates are scaled into it."""
_WIDTH, _BLOCK, _REACH = 96, 12, 10
_SUBJECT, _SUBJECT_BLOCKS = 0.5, 6
"""Before a plain backdrop, a new take changes at least this share of the blocks with structure, if there are so many.
Such a change counts only if it is far above the one from frame to frame."""
_FLAT = 4.0
"""A block of less contrast than this (8-bit standard deviation) has no structure to match: its colour decides."""
_EXPLAINED = 0.7
_STILL, _STILL_BLOCKS, _STILL_SHARE = 0.85, 4, 0.8
"""If blocks with structure on both sides, at least so many, correlate so well where they are, in such a share of them,
then only the light has changed."""
_NEAR = 12.0
"""A flat block this near in colour (8-bit, per channel) is the same."""
_CUT, _PLAIN_CUT, _FAR_CUT, _CONTRAST = 0.3, 0.55, 0.8, 3.0
"""Limits for the fraction of unmatched blocks: suspicious; certain; certain if frames between were not compared; and
the least ratio to the fractions just before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One frame on the tracking canvas."""

    number: int
    picture: Picture
    """Of the same size for a whole shot."""
    cut: bool
    """The first frame of a take, other than the shot's first."""


def thumbnail(picture: Picture) -> F32:
    """(h, 96, 3) linear light, small enough that grain and detail do not matter; averaged as the eye does, by roots."""
    import cv2

    height = max(_BLOCK * 2, round(_WIDTH * picture.shape[0] / picture.shape[1]))
    roots = cv2.sqrt(picture.whole_light())
    small = cv2.GaussianBlur(cv2.resize(roots, (_WIDTH, height), interpolation=cv2.INTER_AREA), (3, 3), 0)
    return np.asarray(small**2, np.float32)


def unexplained(before: F32, after: F32) -> float:
    """Fraction 0..1 of the blocks of ``after`` that have no match near their place in ``before`` (sRGB, 0..255)."""
    return _compare(before, after)[0]


def _compare(before: F32, after: F32) -> tuple[float, float]:
    """The unmatched fractions of all blocks, and of those with structure (0 if these are few): of the subject."""
    flat = structured = lost = changed = 0
    for y, x in _places(after):
        block = after[y : y + _BLOCK, x : x + _BLOCK]
        if _has_structure(block):
            structured += 1
            changed += not _is_found(before, block, y, x)
        else:
            flat += 1
            lost += bool(np.abs(_around(before, y, x) - block.mean((0, 1))).sum(-1).min() > 3 * _NEAR)
    subject = changed / structured if structured >= _SUBJECT_BLOCKS else 0.0
    return (lost + changed) / (flat + structured), subject


def _shows_nothing_new(before: F32, after: F32) -> bool:
    """Whether what has structure in ``after`` is in ``before`` too: a flash shows the same, black shows nothing."""
    relit = _relit(before, after)
    found = []
    for y, x in _places(after):
        block = after[y : y + _BLOCK, x : x + _BLOCK]
        if _has_structure(block):
            found.append(_is_found(before, block, y, x) or _is_found(relit, block, y, x))
    return found.count(False) <= _CUT * len(found)


def _only_light_changes(one: F32, other: F32) -> bool:
    """Whether the same things stand at the same places, under other light."""
    return any(_stand_still(_relit(before, after), after) for before, after in ((one, other), (other, one)))


def _stand_still(before: F32, after: F32) -> bool:
    pairs = [tuple(side[y : y + _BLOCK, x : x + _BLOCK] for side in (before, after)) for y, x in _places(after)]
    both = [_correlation(*pair) for pair in pairs if _has_structure(pair[0]) and _has_structure(pair[1])]
    same = sum(value >= _STILL for value in both)
    return len(both) >= _STILL_BLOCKS and same >= _STILL_SHARE * len(both)


def _relit(before: F32, after: F32) -> F32:
    """``before`` with the histograms of ``after``: in its light, if that is the only difference, clipped or not."""
    matched = np.empty_like(before)
    for channel in range(before.shape[2]):
        _, where, counts = np.unique(before[..., channel], return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - counts / 2) / where.size
        values = np.sort(after[..., channel], axis=None)  # once: np.quantile is slow with thousands of ranks
        quantiles = np.interp(ranks * (values.size - 1), np.arange(values.size), values)
        matched[..., channel] = quantiles[where].reshape(before.shape[:2])
    return matched


def _places(small: F32) -> list[tuple[int, int]]:
    """Row and column of the first pixel of every block."""
    height, width = small.shape[:2]
    rows, columns = range(0, height - _BLOCK + 1, _BLOCK), range(0, width - _BLOCK + 1, _BLOCK)
    return [(y, x) for y in rows for x in columns]


def _around(small: F32, y: int, x: int) -> F32:
    y0, x0 = max(0, y - _REACH), max(0, x - _REACH)
    return small[y0 : y + _BLOCK + _REACH, x0 : x + _BLOCK + _REACH]


def _has_structure(block: F32) -> bool:
    return bool(block.mean(-1).std() >= _FLAT)


def _is_found(before: F32, block: F32, y: int, x: int) -> bool:
    """Whether a block with structure is in ``before``: where it is, as it mostly is, or around."""
    import cv2

    if _correlation(before[y : y + _BLOCK, x : x + _BLOCK], block) >= _EXPLAINED:
        return True
    match = cv2.matchTemplate(_around(before, y, x), block, cv2.TM_CCOEFF_NORMED)
    return float(match.max()) >= _EXPLAINED


def _correlation(before: F32, after: F32) -> float:
    """Correlation -1..1 of two blocks of the same place; 0 where one is all of one colour."""
    one, other = before - before.mean((0, 1)), after - after.mean((0, 1))
    return float((one * other).sum()) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-6)


@dataclass(frozen=True, slots=True)
class _Glimpse:
    number: int
    small: F32
    """Linear light as ``thumbnail`` gives it, or sRGB 0..255 where it is compared."""
    brightest: float
    """Luminance of the brightest hundredth."""

    @classmethod
    def of(cls, shown: Shown) -> _Glimpse:
        small = thumbnail(shown.picture)
        return cls(shown.number, small, float(np.percentile(small @ LUMA_709, 99)))

    def exposed(self, stops: float) -> _Glimpse:
        """Light to sRGB 0..255, raised by ``stops``."""
        code = np.clip(srgb_encode(self.small * np.float32(2.0**stops)), 0, 1)
        return replace(self, small=code * np.float32(255))


def _is_cut(before: list[_Glimpse], after: list[_Glimpse]) -> bool:
    """Whether a take begins at ``after[0]``; up to ``FLASH + 1`` frames on each side, both in order of time.

    Over a jump in the frame numbers a single take may change much: it is measured against jumps as long.
    """
    stops = stops_for(max(glimpse.brightest for glimpse in (*before, *after)), _KEY)
    jump = after[0].number - before[-1].number
    one, other = before[-1].exposed(stops).small, after[0].exposed(stops).small
    whole, subject = _compare(one, other)
    if (whole < _CUT and subject < _SUBJECT) or _only_light_changes(one, other):
        return False
    before, after = ([glimpse.exposed(stops) for glimpse in side] for side in (before, after))
    near_before, near_after = before[-_BACK:], after[:_AHEAD]
    beyond_before, beyond_after = _beyond_flash(before[::-1], _BACK), _beyond_flash(after, _AHEAD)
    over = [_compare(a.small, b.small) for a in (*near_before, *beyond_before) for b in (*near_after, *beyond_after)]
    across, subject = (min(values) for values in zip(*over, strict=True))
    if across >= (_PLAIN_CUT if jump == 1 else _FAR_CUT):
        return True
    pairs = [(a, b) for row in (near_before, near_after) for a, b in pairwise(row) if b.number - a.number >= jump]
    steps = [_compare(a.small, b.small) for a, b in pairs] or [(0.0, 0.0) if jump == 1 else (1.0, 1.0)]
    beside, subject_beside = (max(values) for values in zip(*steps, strict=True))
    changed = subject >= _SUBJECT and subject >= _CONTRAST * subject_beside
    return bool(changed or (across >= _CUT and across >= _CONTRAST * beside))


def _beyond_flash(row: list[_Glimpse], near: int) -> list[_Glimpse]:
    """Frames beyond the first ``near`` of a row, if all frames before them in the row are a flash, or black."""
    for place in range(near, len(row)):
        beyond = row[place].small
        if all(
            unexplained(beyond, flash.small) >= _CUT and _shows_nothing_new(beyond, flash.small)
            for flash in row[:place]
        ):
            return row[place:]
    return []


def mark_cuts(pictures: Iterable[Shown]) -> Iterator[Shown]:
    """Pass the pictures on with ``cut`` set, ``FLASH + 1`` frames late; never holds more than that."""
    side = FLASH + 1
    waiting: deque[Shown] = deque()
    seen: deque[_Glimpse] = deque(maxlen=2 * side)

    def release() -> Shown:
        ahead = len(waiting)
        before, after = list(seen)[:-ahead], list(seen)[-ahead:]
        return replace(waiting.popleft(), cut=bool(before) and _is_cut(before, after))

    for shown in pictures:
        waiting.append(shown)
        seen.append(_Glimpse.of(shown))
        if len(waiting) == side:
            yield release()
    while waiting:
        yield release()

"""Find cuts: the first frames of takes, as opposed to flashes, pans and fast motion.

Blocks of a thumbnail are matched with their neighbourhood on the other side of the suspected cut by normalised
cross-correlation, which allows for motion and changes of exposure. A new take begins where frames just after have
blocks that match nothing in the frames just before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, U8

AHEAD = 3
"""Frames compared after a suspected cut: a flash is shorter."""
_WIDTH, _BLOCK, _REACH = 96, 12, 10
_FLAT = 4.0
"""A block of less contrast than this (8-bit standard deviation) has no structure to match: its colour decides."""
_EXPLAINED = 0.7
_NEAR = 12.0
"""A flat block this near in colour (8-bit, per channel) is the same."""
_CUT, _PLAIN_CUT, _FAR_CUT, _CONTRAST = 0.3, 0.55, 0.8, 3.0
"""Limits for the fraction of unmatched blocks: suspicious; certain; certain if frames between were not compared; and
the least ratio to the fractions just before and after."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Shown(ArrayData):
    """One frame on the tracking canvas."""

    number: int
    picture: U8 = field(metadata=shaped("H", "W", 3, dtype=np.uint8))
    """(H, W, 3) sRGB, of the same size for a whole shot."""
    cut: bool
    """The first frame of a take, other than the shot's first."""


def thumbnail(picture: U8) -> F32:
    """(h, 96, 3) float32, small enough that grain and detail do not matter."""
    import cv2

    height = max(_BLOCK * 2, round(_WIDTH * picture.shape[0] / picture.shape[1]))
    small = cv2.resize(picture, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.float32)


def unexplained(before: F32, after: F32) -> float:
    """Fraction 0..1 of the blocks of ``after`` that have no match near their place in ``before``."""
    import cv2

    height, width = after.shape[:2]
    blocks = lost = 0
    for y in range(0, height - _BLOCK + 1, _BLOCK):
        for x in range(0, width - _BLOCK + 1, _BLOCK):
            block = after[y : y + _BLOCK, x : x + _BLOCK]
            blocks += 1
            y0, x0 = max(0, y - _REACH), max(0, x - _REACH)
            around = before[y0 : y + _BLOCK + _REACH, x0 : x + _BLOCK + _REACH]
            if block.mean(-1).std() >= _FLAT:
                if _still(before[y : y + _BLOCK, x : x + _BLOCK], block):
                    continue
                match = cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED)
                lost += float(match.max()) < _EXPLAINED
            else:
                lost += bool(np.abs(around - block.mean((0, 1))).sum(-1).min() > 3 * _NEAR)
    return lost / blocks


def _still(before: F32, after: F32) -> bool:
    """Whether a block matches at its own place. Most blocks do, and then no search around it is needed."""
    one, other = before - before.mean((0, 1)), after - after.mean((0, 1))
    return float((one * other).sum()) >= _EXPLAINED * float(np.linalg.norm(one) * np.linalg.norm(other))


@dataclass(frozen=True, slots=True)
class _Glimpse:
    number: int
    small: F32


def _is_cut(before: list[_Glimpse], after: list[_Glimpse]) -> bool:
    """Whether a take begins at ``after[0]``; up to two before and three after, both in order of time.

    Over a jump in the frame numbers a single take may change much: it is measured against jumps as long.
    """
    jump = after[0].number - before[-1].number
    here = unexplained(before[-1].small, after[0].small)
    if here < _CUT:
        return False
    across = min(unexplained(a.small, b.small) for a in before[-2:] for b in after[:AHEAD])
    if across >= (_PLAIN_CUT if jump == 1 else _FAR_CUT):
        return True
    pairs = [(a, b) for row in (before[-2:], after[:AHEAD]) for a, b in pairwise(row) if b.number - a.number >= jump]
    beside = max((unexplained(a.small, b.small) for a, b in pairs), default=0.0 if jump == 1 else 1.0)
    return across >= _CUT and across >= _CONTRAST * beside


def mark_cuts(pictures: Iterable[Shown]) -> Iterator[Shown]:
    """Pass the pictures on with ``cut`` set, ``AHEAD`` frames late; never holds more than that."""
    waiting: deque[Shown] = deque()
    seen: deque[_Glimpse] = deque(maxlen=AHEAD + 2)

    def release() -> Shown:
        ahead = len(waiting)
        before, after = list(seen)[:-ahead], list(seen)[-ahead:]
        return replace(waiting.popleft(), cut=bool(before) and _is_cut(before, after))

    for shown in pictures:
        waiting.append(shown)
        seen.append(_Glimpse(shown.number, thumbnail(shown.picture)))
        if len(waiting) == AHEAD:
            yield release()
    while waiting:
        yield release()

"""Pictures of a face in unlike poses, kept to follow its skin over long times.

Flow from frame to frame drifts, and so does flow over a few frames. But a face comes back to poses that it had before.
Every few frames its skin is followed from the kept picture that is most like the present one, however old that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.face.track.canvas import Cutout, Picture
from vfxage.face.track.skin import SkinMotion, around_face, skin_motion
from vfxage.face.track.smooth import poses_of
from vfxage.types import F32, F64, POINTS

_EVERY = 12
"""Frames from one that is followed from a kept picture, and may be kept, to the next."""
_KEPT = 8
"""Most pictures that are kept of a face."""
_ALIKE = 0.1
"""Largest distance of two poses, in face units, over which skin is followed: further on, the same skin looks otherwise.
"""


@dataclass(frozen=True, slots=True, repr=False)
class _Kept(ArrayData):
    number: int
    points: F32 = field(metadata=shaped(POINTS, 2))
    """(478, 2)."""
    shape: F64 = field(metadata=shaped(POINTS, 2, dtype=np.float64))
    """(478, 2) the landmarks in face units: without place, roll and size."""
    seen: Cutout


@dataclass(slots=True)
class KeptPictures:
    """The kept pictures of one face."""

    kept: list[_Kept] = field(default_factory=list)
    """By frame number."""
    last: int | None = None
    """The last frame that could be kept."""

    def motions(self, number: int, picture: Picture, stops: int, points: F32) -> dict[tuple[int, int], SkinMotion]:
        """The motion to this frame from the kept one that is most like it, if it is a frame for that.

        ``points`` (478, 2) are its landmarks. The frame may be kept afterwards. Frames come in order.
        """
        if self.last is not None and number - self.last < _EVERY:
            return {}
        self.last = number
        self.kept = [kept for kept in self.kept if kept.seen.stops == stops]
        whole = points[None].astype(np.float64)
        seen = Cutout.of(picture, around_face(picture, points), stops)
        now = _Kept(number, points, poses_of(whole).shapes(whole)[0], seen)
        nearest = min(self.kept, key=lambda kept: _apart(kept, now), default=None)
        self._keep(now)
        if nearest is None or _apart(nearest, now) > _ALIKE:
            return {}
        return {(nearest.number, number): skin_motion(nearest.seen, picture, stops, nearest.points, points)}

    def forget(self) -> None:
        """Let go of the pictures."""
        self.kept.clear()

    def _keep(self, picture: _Kept) -> None:
        """Keep a picture; of the two poses that are most alike, the later one goes."""
        self.kept.append(picture)
        if len(self.kept) > _KEPT:
            alike = min(combinations(range(len(self.kept)), 2), key=lambda two: _apart(*(self.kept[k] for k in two)))
            del self.kept[max(alike)]


def _apart(one: _Kept, other: _Kept) -> float:
    """Root mean square distance of two poses, in face units."""
    return float(np.sqrt(np.square(one.shape - other.shape).sum(axis=1).mean()))

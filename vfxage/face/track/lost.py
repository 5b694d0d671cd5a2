"""Faces that are lost: frames on which a face of the shot has no track, and people whom no face of the shot takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vfxage.face.track.select import Selecting, name_of, tracks_by_face
from vfxage.face.track.tracks import Tracks
from vfxage.frames import FrameRange
from vfxage.types import F32, FaceTrack

Why = Literal["gap", "vanishes", "take", "nowhere", "not taken"]

_WHY: dict[Why, str] = {
    "gap": "it is there before and after them",
    "vanishes": "it does not leave the picture",
    "take": "it has no track between these cuts",
    "nowhere": "it has no track at all",
    "not taken": "no face of the shot selects it",
}
_SUBSTANTIAL = 0.2
"""Of the faces of ``all``, those that come and go count only with this share of the largest area and time."""
_OUTSIDE = 0.25
"""A face leaves the picture if this part of its width or height is outside, a few frames after it was last seen. The
tracker loses a face while much of it is still in the picture; a close-up may always have a little of it outside."""
_AHEAD, _MOTION = 8, 5
"""Frames for which the motion goes on unseen, and frames from which it is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Frames of a shot on which one face is lost."""

    face: str
    """The name of the face in the shot, else its ``select:``; a track of ``select: all`` has its number too."""
    numbers: tuple[int, ...]
    """Plate frame numbers, ascending."""
    why: Why
    """gap: found before and after; vanishes: comes or goes inside the picture; take: not found in a whole take;
    nowhere: not found at all; not taken: a person of the plate whom no face of the shot selects."""

    def __str__(self) -> str:
        frames = FrameRange(self.numbers)
        where = f"in frame{'' if len(frames) == 1 else 's'} {frames} ({_WHY[self.why]})"
        return f"{self.face} {where}" if self.why == "not taken" else f"{self.face}: not found {where}"

    def described(self) -> dict[str, Any]:
        """As plain data, for reports and JSON."""
        return {
            "face": self.face,
            "frames": str(FrameRange(self.numbers)),
            "count": len(self.numbers),
            "why": self.why,
            "text": str(self),
        }


def lost_faces(
    tracks: Tracks, faces: Sequence[Selecting], size: tuple[int, int], numbers: Sequence[int]
) -> tuple[Lost, ...]:
    """Find the faces of the shot that are lost on some of ``numbers``, and the people whom none of them takes.

    ``size`` is the width and height of the display window in pixels. A gap that tracking has filled is not a loss. A
    face that comes in or goes out through the edge of the picture is none either, nor is a small face of ``all``.
    """
    wanted = frozenset(numbers)
    found: dict[tuple[str, Why], list[int]] = {}
    free = {track.face: track for track in tracks.faces}
    for face, own in tracks_by_face(tracks, faces):
        for track in own:
            del free[track.face]
        for who, why, gone in _losses(tracks, face, own, size):
            found.setdefault((who, why), []).extend(n for n in gone if n in wanted)
    for track in free.values():
        found[f"track {track.face}", "not taken"] = [n for n in track.numbers.tolist() if n in wanted]
    return tuple(Lost(face=who, why=why, numbers=tuple(sorted(gone))) for (who, why), gone in found.items() if gone)


def _losses(
    tracks: Tracks, face: Selecting, own: Sequence[FaceTrack], size: tuple[int, int]
) -> Iterator[tuple[str, Why, Sequence[int]]]:
    who = name_of(face)
    if not own:
        yield who, "nowhere", tracks.numbers
        return
    for take in _takes(tracks):
        here = [track for track in own if take[0] <= track.numbers[0] <= take[-1]]
        if not here:
            yield who, "take", take
        most = max(map(_area, here), default=0)
        for track in here:
            name = f"{who}, track {track.face}" if face.select == "all" else who
            first, last, have = int(track.numbers[0]), int(track.numbers[-1]), frozenset(track.numbers.tolist())
            yield name, "gap", [n for n in take if first < n < last and n not in have]
            if _area(track) >= _SUBSTANTIAL * most:
                yield name, "vanishes", [
                    *([] if _leaves(track.points[::-1], size) else [n for n in take if n < first]),
                    *([] if _leaves(track.points, size) else [n for n in take if n > last]),
                ]  # fmt: skip


def _takes(tracks: Tracks) -> list[list[int]]:
    """The frames of each take."""
    places = np.searchsorted(tracks.numbers, tracks.cuts)
    return [take.tolist() for take in np.split(np.array(tracks.numbers, np.int32), places) if len(take)]


def _area(track: FaceTrack) -> float:
    """Area of the face's box, summed over time."""
    return float(np.prod(np.ptp(track.points, axis=1), axis=1).sum())


def _leaves(points: F32, size: tuple[int, int]) -> bool:
    """Whether a face (T, 478, 2) goes out through the edge of the picture after its last frame."""
    last = points[-1]
    seen = points[-1 - _MOTION :]
    motion = (last - seen[0]).mean(0) / max(1, len(seen) - 1)
    low, high = last.min(0) + _AHEAD * motion, last.max(0) + _AHEAD * motion
    inside = (high - low) * _OUTSIDE
    return bool(((low < -inside) | (high > np.array(size) + inside)).any())

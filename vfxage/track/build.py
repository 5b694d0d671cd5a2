"""The track pass: a shot's frames once, in; smoothed tracks out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vfxage.landmarks import FaceFinder
from vfxage.track.canvas import Canvas, ToSdr8
from vfxage.track.cuts import Shown, mark_cuts
from vfxage.track.people import people, real
from vfxage.track.sightings import Sighting, Watcher
from vfxage.track.smooth import bridge, smooth
from vfxage.track.tracks import Tracks
from vfxage.types import F32, F64, POINTS, ClipInfo, FaceTrack, Frame

RAMP = 5
"""Frames over which the effect comes and goes with a face inside a take."""


class TrackingSettings(Protocol):
    """The shot's ``tracking:``."""

    @property
    def max_gap(self) -> int:
        """Frames without a face that are bridged."""
        ...

    @property
    def smoothing(self) -> float:
        """0 bridges and mends only, 1 is the usual measure."""
        ...

    @property
    def min_face(self) -> int:
        """Height of the smallest face sought, pixels."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    first: int
    """Ordinals of its pictures, inclusive."""
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def build_tracks(
    frames: Iterable[Frame], colour: ToSdr8, settings: TrackingSettings, clip: ClipInfo, *, key: str = ""
) -> Tracks:
    """Find, follow, name and steady every face of ``frames`` (ascending numbers), reading them once.

    Holds a dozen 8-bit pictures at a time, and landmarks. Points are display-window pixels. Deterministic.
    """
    canvas = Canvas.of(clip)
    numbers: list[int] = []
    cuts: list[int] = []
    with FaceFinder(settings.min_face) as finder:
        watcher = Watcher(finder, settings.max_gap)
        for shown in mark_cuts(_pictures(frames, colour, canvas)):
            if shown.cut:
                cuts.append(len(numbers))
            numbers.append(shown.number)
            watcher.step(shown)
        sightings = watcher.finish()
    bounds = [0, *cuts, len(numbers)]
    takes = [_Take(first=a, last=b - 1) for a, b in pairwise(bounds)]
    kept = [item for item in sightings if real(item, len(takes[item.take]))]
    shot = _Shot(np.array(numbers, np.int32), canvas, settings)
    tracks = [shot.track(chain, takes[chain[0].take]) for chain in people(kept, settings.max_gap)]
    faces = tuple(FaceTrack(face=face, **fields) for face, fields in enumerate(tracks))
    return Tracks(faces=faces, cuts=tuple(numbers[cut] for cut in cuts), numbers=tuple(numbers), key=key)


def _pictures(frames: Iterable[Frame], colour: ToSdr8, canvas: Canvas) -> Iterator[Shown]:
    for frame in frames:
        yield Shown(number=frame.number, picture=canvas.picture(frame, colour), cut=False)


@dataclass(frozen=True, slots=True)
class _Shot:
    """What turns ordinals and picture pixels into frame numbers and display-window pixels."""

    numbers: NDArray[np.int32]
    canvas: Canvas
    settings: TrackingSettings

    def track(self, chain: list[Sighting], take: _Take) -> dict[str, NDArray[Any]]:
        """The fields of one person's FaceTrack."""
        places = np.array([place for item in chain for place in item.places])
        seen = [detection for item in chain for detection in item.seen]
        points = self.canvas.to_display(np.stack([detection.points for detection in seen]))
        confidence = np.array([detection.confidence for detection in seen])
        yaw = np.array([detection.yaw for detection in seen])
        breaks = np.flatnonzero(np.diff(places) > self.settings.max_gap + 1) + 1
        parts = [
            self._stretch(places[part], points[part], confidence[part], yaw[part], take)
            for part in np.split(np.arange(len(places)), breaks)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _stretch(
        self, places: NDArray[np.int64], points: F32, confidence: F64, yaw: F64, take: _Take
    ) -> dict[str, NDArray[Any]]:
        """One unbroken run of frames, its short holes bridged."""
        first, last = int(places[0]), int(places[-1])
        count, at = last - first + 1, places - first
        known = np.zeros(count, bool)
        known[at] = True
        whole = np.zeros((count, POINTS, 2), np.float32)
        whole[at] = points
        sure, turn = np.zeros(count, np.float32), np.zeros((count, 1))
        sure[at], turn[at, 0] = confidence, yaw
        return {
            "numbers": self.numbers[first : last + 1],
            "points": smooth(whole, known, self.settings.smoothing),
            "confidence": sure,
            "presence": presence(count, comes=first > take.first, goes=last < take.last),
            "yaw": bridge(turn, known)[:, 0].astype(np.float32),
        }


def presence(count: int, *, comes: bool, goes: bool) -> F32:
    """(count,) weight of the effect: a smooth ramp where a face comes or goes inside a take, else 1."""
    place = np.arange(1, count + 1) / (RAMP + 1)
    ramp = np.ones(count)
    if comes:
        ramp = np.minimum(ramp, place)
    if goes:
        ramp = np.minimum(ramp, place[::-1])
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)

"""The track pass: a shot's frames once, in; smoothed tracks out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vfxage.face.detect import FaceFinder
from vfxage.face.detect.hands import Hand, HandFinder
from vfxage.face.track.canvas import Canvas, ToLight
from vfxage.face.track.cuts import Shown, mark_cuts
from vfxage.face.track.hands import hand_tracks
from vfxage.face.track.people import PROOF, is_face, link_identities
from vfxage.face.track.smooth import bridge, smooth
from vfxage.face.track.tracklets import FaceFollower, Tracklet
from vfxage.face.track.tracks import Tracks
from vfxage.geometry import smoothstep
from vfxage.types import F32, F64, POINTS, U8, ClipInfo, FaceTrack, Frame

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
        """Height of the smallest face to find, pixels."""
        ...


def build_tracks(
    frames: Iterable[Frame], colour: ToLight, settings: TrackingSettings, clip: ClipInfo, *, key: str = ""
) -> Tracks:
    """Find, follow, name and steady every face of ``frames`` (ascending numbers), and hands near them, in one reading.

    Holds about fifteen pictures at a time, and landmarks. Points are display-window pixels. Deterministic. The numbers
    may step; where they jump over more than ``max_gap`` frames nothing is bridged, followed or smoothed across.
    """
    canvas = Canvas.of(clip)
    numbers: list[int] = []
    cuts: list[int] = []
    hands: dict[int, list[Hand]] = {}
    with FaceFinder(settings.min_face) as finder, HandFinder() as hand_finder:

        def on_faces_known(number: int, picture: U8, near: list[F32]) -> None:
            found = hand_finder.near(picture, near)
            if found:
                hands.setdefault(number, []).extend(found)

        follower = FaceFollower(finder, settings.max_gap, on_faces_known)
        for shown in mark_cuts(_pictures(frames, colour, canvas)):
            if shown.cut:
                cuts.append(len(numbers))
            numbers.append(shown.number)
            follower.step(shown)
        tracklets = follower.finish()
    shot = _Shot(np.array(numbers, np.int32), _runs(numbers, cuts, settings.max_gap), canvas, settings)
    tracks = [shot.track(chain) for chain in shot.people(tracklets)]
    faces = tuple(FaceTrack(face=face, **fields) for face, fields in enumerate(tracks))
    return Tracks(
        faces=faces,
        hands=hand_tracks(list(hands.items()), shot.runs, faces, canvas, settings.smoothing),
        cuts=tuple(numbers[cut] for cut in cuts),
        numbers=tuple(numbers),
        key=key,
    )


def _pictures(frames: Iterable[Frame], colour: ToLight, canvas: Canvas) -> Iterator[Shown]:
    for frame in frames:
        yield Shown(number=frame.number, picture=canvas.picture(frame, colour), cut=False)


def _runs(numbers: list[int], cuts: list[int], max_gap: int) -> list[NDArray[np.int32]]:
    """The numbers in unbroken runs: parted at cuts (ordinals) and where they jump over more than ``max_gap`` frames."""
    whole = np.array(numbers, np.int32)
    jumps = np.flatnonzero(np.diff(whole) > max_gap + 1) + 1
    return np.split(whole, sorted({*cuts, *jumps.tolist()}))


@dataclass(frozen=True, slots=True)
class _Shot:
    """Tuning of the step from tracklets to tracks."""

    numbers: NDArray[np.int32]
    """Every frame that was searched."""
    runs: list[NDArray[np.int32]]
    canvas: Canvas
    settings: TrackingSettings

    def people(self, tracklets: list[Tracklet]) -> list[list[Tracklet]]:
        """Keep the chains of tracklets that are faces; short runs are judged together with their person."""
        lengths = [self._looked([item]) for item in tracklets]
        kept = [s for s, length in zip(tracklets, lengths, strict=True) if length < PROOF or is_face([s], length)]
        chains = link_identities(kept, self.settings.max_gap)
        return [chain for chain in chains if is_face(chain, self._looked(chain))]

    def _looked(self, chain: list[Tracklet]) -> int:
        """Count the frames on which the face could be seen.

        That is the whole of each run; but a face that comes in shortly before the run ends, or leaves shortly after it
        begins, cannot be seen on the other frames.
        """
        runs = {int(run[0]): run for run in (self.run(item.numbers[0]) for item in chain)}
        counts = []
        for run in runs.values():
            seen = [item for item in chain if run[0] <= item.numbers[0] <= run[-1]]
            first, last = seen[0].numbers[0], seen[-1].numbers[-1]
            after_first, until_last = run >= first, run <= last
            counts.append(int(after_first.sum() if last == run[-1] else until_last.sum() if first == run[0] else len(run)))
        return sum(counts)

    def run(self, number: int) -> NDArray[np.int32]:
        """The run of frames that ``number`` is in."""
        return self.runs[int(np.searchsorted([run[0] for run in self.runs], number, side="right")) - 1]

    def track(self, chain: list[Tracklet]) -> dict[str, NDArray[Any]]:
        """The fields of one person's FaceTrack."""
        numbers = np.array([number for item in chain for number in item.numbers])
        seen = [detection for item in chain for detection in item.seen]
        points = self.canvas.to_display(np.stack([detection.points for detection in seen]))
        confidence = np.array([detection.confidence * detection.vote for detection in seen])
        yaw = np.array([detection.yaw for detection in seen])
        breaks = np.flatnonzero(np.diff(numbers) > self.settings.max_gap + 1) + 1
        parts = [
            self._stretch(numbers[part], points[part], confidence[part], yaw[part])
            for part in np.split(np.arange(len(numbers)), breaks)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _stretch(self, numbers: NDArray[np.int64], points: F32, confidence: F64, yaw: F64) -> dict[str, NDArray[Any]]:
        """Track one unbroken run of frames and bridge its short gaps; time is measured in frame numbers."""
        first, last = int(numbers[0]), int(numbers[-1])
        looked = self.numbers[(self.numbers >= first) & (self.numbers <= last)]
        step = max(1, int(np.gcd.reduce(np.diff(looked)))) if len(looked) > 1 else 1
        count, at, shown = (last - first) // step + 1, (numbers - first) // step, (looked - first) // step
        known = np.zeros(count, bool)
        known[at] = True
        whole = np.zeros((count, POINTS, 2), np.float32)
        whole[at] = points
        sure, turn = np.zeros(count, np.float32), np.zeros((count, 1))
        sure[at], turn[at, 0] = confidence, yaw
        return {
            "numbers": looked,
            "points": smooth(whole, known, self.settings.smoothing)[shown],
            "confidence": sure[shown],
            "presence": presence(len(looked), comes=first > self.run(first)[0], goes=last < self.run(last)[-1]),
            "yaw": bridge(turn, known)[shown, 0].astype(np.float32),
        }


def presence(count: int, *, comes: bool, goes: bool) -> F32:
    """(count,) weight of the effect: a smooth ramp where a face comes or goes inside a take, else 1."""
    place = np.arange(1, count + 1) / (RAMP + 1)
    ramp = np.ones(count)
    if comes:
        ramp = np.minimum(ramp, place)
    if goes:
        ramp = np.minimum(ramp, place[::-1])
    return smoothstep(ramp).astype(np.float32)

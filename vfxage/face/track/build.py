"""The track pass: a shot's frames once, in; what is found on them, and smoothed tracks, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from vfxage.face.detect import FaceFinder
from vfxage.face.detect.hands import Hand, HandFinder
from vfxage.face.track.canvas import Canvas, ToLight
from vfxage.face.track.cuts import Shown, mark_cuts
from vfxage.face.track.extend import Searched, extended
from vfxage.face.track.findings import Findings, TrackingSettings
from vfxage.face.track.steadied import tracks_within
from vfxage.face.track.tracklets import FaceFollower
from vfxage.face.track.tracks import Tracks
from vfxage.types import F32, U8, ClipInfo, Frame


@dataclass(frozen=True, slots=True)
class Finders:
    """Open finders of faces and hands, for one thread at a time; they remember nothing between pictures."""

    faces: FaceFinder
    hands: HandFinder


@contextmanager
def open_finders(min_face: float) -> Iterator[Finders]:
    """Open both, which takes about as long as searching a picture. Raises InstallError if MediaPipe does not work."""
    with FaceFinder(min_face) as faces, HandFinder() as hands:
        yield Finders(faces, hands)


def build_tracks(frames: Iterable[Frame], colour: ToLight, settings: TrackingSettings, clip: ClipInfo) -> Tracks:
    """Find, follow, name and steady every face of ``frames`` (ascending numbers), and hands near them, in one reading.

    Holds about fifteen pictures at a time, and landmarks. Points are display-window pixels. Deterministic. The numbers
    may step; where they jump over more than ``max_gap`` frames nothing is bridged, followed or smoothed across.
    """
    nothing = Findings(canvas=Canvas.of(clip))
    searched = search(frames, colour, settings, nothing.canvas)
    found = extended(nothing, searched, frozenset(searched.numbers), settings)
    return tracks_within(found, found.numbers, settings)


def search(
    frames: Iterable[Frame],
    colour: ToLight,
    settings: TrackingSettings,
    canvas: Canvas,
    finders: Finders | None = None,
) -> Searched:
    """Search ``frames`` (ascending numbers) for cuts, faces and hands, as if there were no others.

    ``finders`` are open ones, for ``settings.min_face``; None opens them for this search.
    """
    numbers: list[int] = []
    cuts: list[int] = []
    hands: dict[int, list[Hand]] = {}
    with open_finders(settings.min_face) if finders is None else nullcontext(finders) as using:

        def on_faces_known(number: int, picture: U8, near: list[F32]) -> None:
            found = using.hands.near(picture, near)
            if found:
                hands.setdefault(number, []).extend(found)

        follower = FaceFollower(using.faces, settings.max_gap, on_faces_known)
        for shown in mark_cuts(_pictures(frames, colour, canvas)):
            if shown.cut:
                cuts.append(shown.number)
            numbers.append(shown.number)
            follower.step(shown)
        tracklets = follower.finish()
    return Searched(
        numbers=tuple(numbers), cuts=tuple(cuts), tracklets=tuple(tracklets), hands=tuple(sorted(hands.items()))
    )


def _pictures(frames: Iterable[Frame], colour: ToLight, canvas: Canvas) -> Iterator[Shown]:
    for frame in frames:
        yield Shown(number=frame.number, picture=canvas.picture(frame, colour), cut=False)

"""Which track a shot's face means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from vfxage.errors import ShotError
from vfxage.face.track.tracks import Measures, Tracks
from vfxage.frames import FrameRange
from vfxage.types import F32, FaceTrack

_SUBSTANTIAL = 0.2
"""Left and right are chosen among faces with at least this share of the take's largest presence."""


class Selecting(Protocol):
    """A face as a shot names it."""

    @property
    def name(self) -> str | None:
        """Its name, if any."""
        ...

    @property
    def select(self) -> Any:
        """ "all", "largest", "left", "right", or a frame and a point."""
        ...


F = TypeVar("F", bound=Selecting)


def select_faces(tracks: Tracks, faces: Sequence[F]) -> tuple[tuple[F, FaceTrack], ...]:
    """Give each face of the shot its tracks: one per take for largest, left and right, every free track for all.

    A track belongs to the first face that selects it. "all" may find no face, because a frame without a face is data.
    Any other face without a track raises ShotError, which names the faces that were found and their places.
    """
    chosen: list[tuple[F, FaceTrack]] = []
    for face, found in tracks_by_face(tracks, faces):
        if not found and face.select != "all":
            raise _nothing(tracks, {track.face for _, track in chosen}, face)
        chosen += [(face, track) for track in found]
    return tuple(chosen)


def taken_by(tracks: Tracks, faces: Sequence[Selecting]) -> dict[int, str]:
    """The name of the face of the shot that takes each track, by the track's number; free tracks are left out."""
    return {track.face: name_of(face) for face, own in tracks_by_face(tracks, faces) for track in own}


def faces_not_found(tracks: Tracks, faces: Sequence[F]) -> tuple[F, ...]:
    """Faces of the shot that have no track; "all" is one of them if there are no tracks."""
    return tuple(face for face, found in tracks_by_face(tracks, faces) if not found)


def tracks_by_face(tracks: Tracks, faces: Sequence[F]) -> Iterator[tuple[F, list[FaceTrack]]]:
    """Every face of the shot with the tracks that it takes; none where it is not found."""
    taken: set[int] = set()
    for face in faces:
        found = _find(tracks, [track for track in tracks.faces if track.face not in taken], face)
        taken |= {track.face for track in found}
        yield face, found


def _find(tracks: Tracks, free: list[FaceTrack], face: Selecting) -> list[FaceTrack]:
    if face.select == "all":
        return free
    if isinstance(face.select, str):
        return [_pick(tracks, group, face.select) for group in _by_take(tracks, free)]
    frame = int(face.select.frame)
    places = [(track, points) for track in free for points in _points_at(tracks, track, frame)]
    return _at_point(places, face.select.point)


def _by_take(tracks: Tracks, free: list[FaceTrack]) -> list[list[FaceTrack]]:
    groups: dict[int, list[FaceTrack]] = {}
    for track in free:
        groups.setdefault(int(np.searchsorted(tracks.cuts, track.numbers[0], side="right")), []).append(track)
    return [groups[take] for take in sorted(groups)]


def _pick(tracks: Tracks, group: list[FaceTrack], which: str) -> FaceTrack:
    """One face of a take. Faces that a longer range added do not change the choice among those before them."""
    measured = [(track, tracks.measures.get(track.face) or measured_once(track)) for track in group]
    first = min(one.since for _, one in measured)
    oldest = [(track, one) for track, one in measured if one.since == first]
    most = max(one.area for _, one in oldest)
    if which == "largest":
        return next(track for track, one in oldest if one.area == most)
    substantial = [(one.across, track) for track, one in oldest if one.area >= _SUBSTANTIAL * most]
    return (min if which == "left" else max)(substantial, key=lambda item: item[0])[1]


def measured_once(track: FaceTrack) -> Measures:
    """Measure what the choice among faces depends on."""
    return Measures(
        since=0,
        light=math.nan,
        area=float(np.prod(np.ptp(track.points, axis=1), axis=1).sum()),
        across=float(track.points[:, :, 0].mean()),
        extents={},
    )


def _points_at(tracks: Tracks, track: FaceTrack, frame: int) -> list[F32]:
    """Landmarks of a face on a frame; on one that is not in the range any more, as they were found there."""
    if tracks.found is None or frame in tracks.numbers:
        return list(track.points[track.numbers == frame])
    people = [person for person in tracks.found.people if person.face == track.face]
    return [points for person in people for points in person.points[person.numbers == frame]]


def _at_point(places: Iterable[tuple[FaceTrack, F32]], point: Sequence[float]) -> list[FaceTrack]:
    best: tuple[float, FaceTrack] | None = None
    for track, points in places:
        low, high = points.min(0), points.max(0)
        outside = np.maximum(np.maximum(low - point, np.asarray(point) - high), 0)
        distance = float(np.hypot(*outside))
        inside = float(np.hypot(*(points.mean(0) - point))) * 1e-6  # of two boxes around it, the nearer centre
        if distance <= float(high[0] - low[0]) and (best is None or distance + inside < best[0]):
            best = distance + inside, track
    return [] if best is None else [best[1]]


def name_of(face: Selecting) -> str:
    """The name of a face in the shot, else words for its ``select:``."""
    if face.name:
        return face.name
    if face.select == "all":
        return "every face"
    return f"{select_words(face)} face" if isinstance(face.select, str) else f"face at {select_words(face)}"


def select_words(face: Selecting) -> str:
    """What a face's ``select:`` says, in words."""
    select = face.select
    return select if isinstance(select, str) else f"point {tuple(select.point)} at frame {select.frame}"


def _nothing(tracks: Tracks, taken: set[int], face: Selecting) -> ShotError:
    wanted = select_words(face)
    who = f"face {face.name!r} (select: {wanted})" if face.name else f"select: {wanted}"
    if not tracks.faces:
        searched = _worded(tracks.numbers) if len(tracks.numbers) else "no frame"
        return ShotError(f"{who} finds no face: the plate shows none in {searched}", fix="see `vfxage track --json`")
    there = "; ".join(_describe(track, track.face in taken) for track in tracks.faces)
    free = [track for track in tracks.faces if track.face not in taken]
    fix = f"select one of them by a point, such as {_point(free[0])}" if free else "remove this face from the shot"
    return ShotError(f"{who} finds no face among: {there}", fix=fix)


def _point(track: FaceTrack) -> str:
    """A ``select:`` by point that finds the face, as a shot file writes it."""
    x, y = track.points[0].mean(0)
    return f"select: {{frame: {track.numbers[0]}, point: [{x:.0f}, {y:.0f}]}}"


def _describe(track: FaceTrack, taken: bool) -> str:
    x, y = track.points[0].mean(0)
    used = ", taken by an earlier face" if taken else ""
    return f"face {track.face} in {_worded(track.numbers)} around ({x:.0f}, {y:.0f}) at frame {track.numbers[0]}{used}"


def _worded(numbers: Iterable[int]) -> str:
    frames = FrameRange(tuple(int(number) for number in numbers))
    return f"frame{'s' if len(frames.numbers) > 1 else ''} {str(frames).replace(' ', ', ')}"

"""Tracks of a shot: saved ones used again, and longer ranges tracked from them.

What was tracked stays. The file of the tracks holds what was found on each frame, in whatever range. Only frames that
it does not have, or whose plate file has changed, are searched.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from math import nan

from vfxage.errors import ReadError, ShotError
from vfxage.face.crop import usual_extent
from vfxage.face.exposure import face_light, plate_stops
from vfxage.face.track import (
    FRAMINGS,
    Canvas,
    Findings,
    Tracks,
    extended,
    frames_to_search,
    load_tracks,
    measured_once,
    search,
    tracks_within,
)
from vfxage.frames import FrameRange
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Advance, Progress, counted
from vfxage.render.job import Job
from vfxage.types import Frame, Framing

_GROWN = 1.3
"""A face that is this much larger than when its crop was planned is worth a note."""


def tracks_on_file(job: Job, progress: Progress) -> Tracks | None:
    """The saved tracks, whatever they were made from; None if there are none, or with a note if they are damaged."""
    if not job.tracks_path.exists():
        return None
    try:
        return load_tracks(job.tracks_path)
    except ReadError as error:
        progress.note(f"saved tracks cannot be used and are made again: {error}")
        return None


def saved_tracks(job: Job, progress: Progress) -> Tracks | None:
    """The saved tracks on the frames of the shot; None if there are none, or if they must be made again.

    Raises ShotError if they must be made again and are locked.
    """
    saved = tracks_on_file(job, progress)
    if saved is None:
        return None
    if changes(job, saved):
        refuse_locked(job, saved)
        return None
    return on_the_shot(job, saved)


def on_the_shot(job: Job, saved: Tracks) -> Tracks:
    """Saved tracks, which hold all frames of the shot, on these frames only."""
    if {*saved.numbers, *saved.missing} == {*job.numbers} or saved.found is None:
        return saved
    tracks = tracks_within(saved.found, job.numbers, job.shot.tracking, key=saved.key)
    return replace(tracks, measures=saved.measures, studies=saved.studies, locked=saved.locked)


def refuse_locked(job: Job, saved: Tracks) -> None:
    """Raise ShotError with what has changed if the saved tracks are locked."""
    if saved.locked:
        what = "; ".join(changes(job, saved)) or "they are to be made again"
        fix = f"undo the change, or run `vfxage track {job.shot.path.name} --unlock` to track again"
        raise ShotError(f"the tracks are locked, and {what}", path=job.tracks_path, fix=fix)


def changes(job: Job, saved: Tracks) -> list[str]:
    """Clauses on why the saved tracks cannot be used as they are; none if they can."""
    if saved.key != job.tracks_key():
        return _changed_settings(json.loads(saved.key or "{}"), json.loads(job.tracks_key()))
    new = _new_frames(job, job.numbers, saved.found)
    untracked = [n for n in new if saved.found is None or n not in {*saved.found.numbers, *saved.found.missing}]
    clauses = [f"frames {FrameRange.of(untracked)} are not tracked"] if untracked else []
    others = sorted(new - {*untracked})
    return [*clauses, f"the plate has changed at frames {FrameRange.of(others)}"] if others else clauses


def _changed_settings(before: dict[str, object], now: dict[str, object]) -> list[str]:
    words = {
        "vfxage": "the version of vfxage",
        "colour": "the colour space of the plate or the OpenColorIO config",
        "movie": "the movie file or its first frame",
    }
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    shown = [
        f"{words[name]} has changed" if name in words else f"`{name}` is {now.get(name)} and was {before.get(name)}"
        for name in names
    ]
    return shown or ["they are of another kind"]


def _new_frames(job: Job, numbers: Sequence[int], found: Findings | None) -> frozenset[int]:
    """Frames that must be searched: not searched yet, or their plate file has changed since then."""
    if found is None:
        return frozenset(numbers)
    known = {*found.numbers} | (set() if job.shot.missing_frames == "error" else {*found.missing})
    files = job.plate_files(numbers)
    return frozenset(n for n in numbers if n not in known or files.get(n) != found.files.get(n))


def find_tracks(
    job: Job, numbers: Sequence[int], progress: Progress, *, key: str = "", saved: Tracks | None = None
) -> Tracks:
    """Track ``numbers`` and measure their faces; saves nothing.

    Of ``saved`` tracks with the same key everything is kept: only frames that they do not have, or whose plate file has
    changed, are searched. With a ``key``, the tracks also carry a digest of each plate file. It is taken right after
    the frame was read, while the operating system still has the bytes, so a render need not read the plate once more
    for its fingerprints.
    """
    before = saved.found if saved else None
    new = _new_frames(job, numbers, before)
    found = before.without(new) if before else Findings(canvas=Canvas.of(job.clip))
    if not found.numbers:
        found = Findings(canvas=Canvas.of(job.clip), stops=_stops(job, numbers))
    digests: dict[int, str] = {}
    to_digest = new if key and (job.clip.kind == "sequence" or not found.plate) else frozenset()
    groups = frames_to_search(numbers, new)
    with progress.stage("track", sum(map(len, groups))) as advance:
        for group in groups:
            with _read(job, group, advance) as frames, _digested(job, frames, to_digest, digests) as passed:
                seen = (frame for frame in passed if not frame.missing)
                colour = job.colour.exposed(found.stops)
                searched = search(seen, colour, job.shot.tracking, found.canvas)
            found = extended(found, searched, new.intersection(group), job.shot.tracking)
    found = replace(
        found,
        missing=tuple(sorted({*found.missing, *job.missing(sorted(new))})),
        files={**found.files, **(job.plate_files(sorted(new)) if key else {})},
        plate={**found.plate, **digests},
    )
    tracks = tracks_within(found, numbers, job.shot.tracking, key=key)
    if not tracks.numbers:
        raise ReadError("none of its frames can be read", path=job.clip.path, fix="restore them")
    return _with_measures(job, tracks, saved)


def _stops(job: Job, numbers: Sequence[int]) -> float:
    exposure = job.shot.exposure
    return plate_stops(job.reader, numbers, job.colour) if exposure == "auto" else exposure


@contextmanager
def _read(job: Job, numbers: Sequence[int], advance: Advance) -> Iterator[Iterator[Frame]]:
    with closing(job.reader.read(numbers)) as plate, prefetch(plate) as frames:
        yield counted(frames, advance, lambda frame: frame.number)


@contextmanager
def _digested(
    job: Job, frames: Iterable[Frame], wanted: Collection[int], digests: dict[int, str]
) -> Iterator[Iterator[Frame]]:
    """Pass the frames on, and collect the digest of each ``wanted`` frame's file in a thread; a movie is one file."""
    if not wanted:
        yield iter(frames)
        return

    def add(frame: Frame) -> Frame:
        if frame.number in wanted and not frame.missing and (job.clip.kind == "sequence" or not digests):
            digests[frame.number] = job.file_digest(frame.number)
        return frame

    with ordered_map(add, frames) as passed:
        yield passed


def _with_measures(job: Job, tracks: Tracks, saved: Tracks | None) -> Tracks:
    """The tracks with the measures and studies of known faces as they were, and of new faces measured now."""
    found = tracks.found
    people = {person.face for person in found.people} if found else set()
    measures = {face: one for face, one in saved.measures.items() if face in people} if saved else {}
    since = 1 + max((one.since for one in measures.values()), default=-1)
    new = {
        track.face: replace(
            measured_once(track),
            since=since,
            light=face_light(job.reader, track, job.colour) if job.shot.exposure == "auto" else nan,
            extents={name: usual_extent(track, Framing(name=name), job.clip.pixel_aspect) for name in FRAMINGS},
        )
        for track in tracks.faces
        if track.face not in measures
    }
    return replace(tracks, measures=measures | new, studies=saved.studies if saved and measures else {})


def note_grown_faces(job: Job, tracks: Tracks, progress: Progress) -> None:
    """Note faces that a longer range shows so much larger that their crops are too small for it."""
    for track in tracks.faces:
        kept = tracks.measures[track.face].extents
        if job.shot.crop_size is None and any(
            usual_extent(track, Framing(name=name), job.clip.pixel_aspect) > _GROWN * kept[name] for name in FRAMINGS
        ):
            progress.note(
                f"face {track.face} is larger in the new range, and its crop stays as it is for the frames that are "
                "rendered: `vfxage track --overwrite` plans it anew for all frames"
            )

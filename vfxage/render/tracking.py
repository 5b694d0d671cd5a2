"""Tracks of a shot: saved ones used again, and longer ranges tracked from them.

What was tracked stays. The file of the tracks holds what was found on each frame, in whatever range. Only frames that
it does not have, or whose plate file has changed, are searched.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from math import nan

from vfxage.errors import ReadError, ShotError
from vfxage.face.crop import usual_extent
from vfxage.face.exposure import face_light
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
from vfxage.render.job import NO_FILE, Job
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
    change = change_since(job, saved)
    if change:
        refuse_locked(job, saved, change)
        return None
    return on_the_shot(job, saved, change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Why saved tracks cannot be used as they are; false if they can."""

    settings: tuple[str, ...] = ()
    """Clauses on what else the tracks were made from; the whole shot must be tracked again."""
    untracked: frozenset[int] = frozenset()
    """Frames of the shot that were not searched yet."""
    repainted: frozenset[int] = frozenset()
    """Frames whose plate file has another content than when they were searched."""
    files: Mapping[int, str] = field(default_factory=dict)
    """Digest of name, size and time of each frame's plate file now."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.untracked or self.repainted)

    @property
    def new(self) -> frozenset[int]:
        """Frames that must be searched."""
        return self.untracked | self.repainted

    def __str__(self) -> str:
        clauses = list(self.settings)
        if self.untracked:
            clauses.append(f"they do not have {frames_text(self.untracked)} of the shot")
        if self.repainted:
            clauses.append(f"the plate has changed at {frames_text(self.repainted)}")
        return ", and ".join(clauses)


def frames_text(numbers: Collection[int]) -> str:
    """Frame numbers in words: frame 5, frames 5-7 12."""
    return f"frame{'s' if len(numbers) > 1 else ''} {FrameRange.of(sorted(numbers))}"


def change_since(job: Job, saved: Tracks) -> Change:
    """Compare the shot with what its saved tracks were made from.

    A plate file with another name, size or time is read: if its content is the same, its frame has not changed.
    """
    before, now = json.loads(saved.key or "{}"), json.loads(job.tracks_key())
    if before != now:
        return Change(settings=_changed_settings(before, now))
    found = saved.found or Findings(canvas=Canvas.of(job.clip))
    known = {*found.numbers} | (set() if job.shot.missing_frames == "error" else {*found.missing})
    files = job.plate_files(job.numbers)
    read: dict[str, str] = {}

    def repainted(number: int) -> bool:
        if files[number] == found.files.get(number):
            return False
        if number not in found.plate or files[number] == NO_FILE:
            return True
        if files[number] not in read:
            read[files[number]] = job.file_digest(number)
        return read[files[number]] != found.plate[number]

    return Change(
        untracked=frozenset(n for n in job.numbers if n not in known),
        repainted=frozenset(n for n in job.numbers if n in known and repainted(n)),
        files=files,
    )


def _changed_settings(before: Mapping[str, object], now: Mapping[str, object]) -> tuple[str, ...]:
    words = {
        "vfxage": "the version of vfxage has changed",
        "colour": "the colour space of the plate or the OpenColorIO config has changed",
        "first_frame": "the number of the movie's first frame has changed",
    }
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return tuple(words.get(name, f"`{name}` is {now.get(name)} and was {before.get(name)}") for name in names)


def on_the_shot(job: Job, saved: Tracks, change: Change) -> Tracks:
    """Saved tracks, which hold all frames of the shot, on these frames only."""
    found = saved.found
    if found is None:
        return saved
    files = {**found.files, **change.files}
    if {*saved.numbers, *saved.missing} == {*job.numbers} and files == found.files:
        return saved
    tracks = tracks_within(replace(found, files=files), job.numbers, job.shot.tracking, key=saved.key)
    return replace(tracks, measures=saved.measures, studies=saved.studies, locked=saved.locked)


def refuse_locked(job: Job, saved: Tracks, change: Change) -> None:
    """Raise ShotError that says what has changed if the saved tracks are locked."""
    if saved.locked:
        what = str(change) or "`--overwrite` asks to make them again"
        fix = f"undo the change, or run `vfxage track --unlock {job.shot.path.name}` to track again"
        raise ShotError(f"the tracks are locked, and {what}", path=job.tracks_path, fix=fix)


def find_tracks(job: Job, numbers: Sequence[int], progress: Progress, *, key: str = "") -> Tracks:
    """Track ``numbers`` and measure their faces; saves nothing.

    With a ``key``, the tracks also carry a digest of each plate file. It is taken right after the frame was read, while
    the operating system still has the bytes, so a render need not read the plate once more for its fingerprints.
    """
    files = job.plate_files(numbers) if key else {}
    nothing = Findings(canvas=Canvas.of(job.clip), files=files)
    found = _searched(job, nothing, numbers, frozenset(numbers), progress)
    return _with_measures(job, tracks_within(found, numbers, job.shot.tracking, key=key), None)


def extend_tracks(job: Job, saved: Tracks, change: Change, progress: Progress) -> Tracks:
    """Track only the frames of the shot that the saved tracks do not have, or whose plate has changed; saves nothing.

    All else is kept. If no frame of the shot is kept because the plate is another one, the shot is tracked anew.
    """
    if saved.found is None or (change.repainted and change.new >= {*job.numbers}):
        return find_tracks(job, job.numbers, progress, key=saved.key)
    kept = replace(saved.found.without(change.new), files={**saved.found.files, **change.files})
    found = _searched(job, kept, job.numbers, change.new, progress)
    return _with_measures(job, tracks_within(found, job.numbers, job.shot.tracking, key=saved.key), saved)


def _searched(job: Job, found: Findings, numbers: Sequence[int], new: frozenset[int], progress: Progress) -> Findings:
    """The findings with those on the ``new`` frames of ``numbers``; with digests of content if they know the files."""
    digests: dict[int, str] = {}
    to_digest = new if found.files else frozenset()
    groups = frames_to_search(numbers, new)
    with progress.stage("track", sum(map(len, groups))) as advance:
        for group in groups:
            with _read(job, group, advance) as frames, _digested(job, frames, to_digest, digests) as passed:
                seen = (frame for frame in passed if not frame.missing)
                searched = search(seen, job.shown_colour, job.shot.tracking, found.canvas, job.finders)
            found = extended(found, searched, new.intersection(group), job.shot.tracking)
    missing = {*found.missing, *job.missing(sorted(new))}
    return replace(found, missing=tuple(sorted(missing)), plate={**found.plate, **digests})


@contextmanager
def _read(job: Job, numbers: Sequence[int], advance: Advance) -> Iterator[Iterator[Frame]]:
    with closing(job.reader.read(numbers)) as plate, prefetch(plate) as frames:
        yield counted(frames, advance, lambda frame: frame.number)


@contextmanager
def _digested(
    job: Job, frames: Iterable[Frame], wanted: Collection[int], digests: dict[int, str]
) -> Iterator[Iterator[Frame]]:
    """Pass the frames on, and collect the digest of each ``wanted`` frame's file in a thread; a movie's file once."""
    if not wanted:
        yield iter(frames)
        return

    def add(frame: Frame) -> Frame:
        if frame.number in wanted and not frame.missing:
            movie = next(iter(digests.values()), None) if job.clip.kind == "movie" else None
            digests[frame.number] = movie or job.file_digest(frame.number)
        return frame

    with ordered_map(add, frames) as passed:
        yield passed


def _with_measures(job: Job, tracks: Tracks, saved: Tracks | None) -> Tracks:
    """The tracks with the measures and studies of known faces as they were, and of new faces measured now."""
    if not tracks.numbers:
        raise ReadError("none of its frames can be read", path=job.clip.path, fix="restore them")
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
                f"face {track.face} is larger in the new range, and its crop keeps its size: "
                "`vfxage track --overwrite` chooses another size, and all frames are rendered again"
            )

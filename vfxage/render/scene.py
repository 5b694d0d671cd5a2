"""The scene: everything that is the same for every frame of a shot. Tracks, studies, crop plan, ager."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from vfxage.ager import Ager
from vfxage.colour.space import Colour
from vfxage.comp.composite import WantedPasses
from vfxage.errors import ReadError
from vfxage.face.crop import CropPlan, FacePlan, cut, plan_crops
from vfxage.face.exposure import face_light
from vfxage.face.track import Tracks, build_tracks, load_tracks, select_faces
from vfxage.fingerprint import digest
from vfxage.frames import FrameRange
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Progress, counted
from vfxage.render.job import Job, check_writable, with_shot_line
from vfxage.types import FaceCrop, Frame, Study

_STUDY_SAMPLES = 9
"""Crops of a face from which its study is made, evenly spread over the shot: enough for a median against outliers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a frame's pixels depend on beside the plate; the same for every chunk of a shot."""

    colour: Colour
    plan: CropPlan
    ager: Ager
    cuts: tuple[int, ...]
    """First frame of each take but the first."""
    radius: int
    """Frames that the temporal filter sees on each side."""
    strength: float
    """Strength of the temporal filter, 0..1."""
    passes: WantedPasses
    """Passes that the outputs want beside beauty, delta and matte."""
    fills: Mapping[int, int | None] = field(default_factory=dict)
    """Frames that the plate does not have, and which frame is held in their place; None for black."""


def track_shot(job: Job, ager: Ager, progress: Progress, *, anew: bool = False) -> Tracks:
    """Give the whole shot's tracks with the ager's studies: the saved ones if nothing changed, else new ones, saved.

    After this call the set of missing frames is fixed to those found while tracking.
    """
    tracks = None if anew else saved_tracks(job, progress)
    if tracks is None:
        check_writable(job.folder)
        tracks = find_tracks(job, job.numbers, progress, key=job.tracks_key())
        tracks.save(job.tracks_path)
    job.fix_missing(tracks.missing)
    if tracks.missing:
        how = "filled with black" if job.shot.missing_frames == "black" else "filled with a neighbouring frame"
        progress.note(f"missing or unreadable, {how}: {FrameRange.of(tracks.missing)}")
    studied = study_faces(job, tracks, ager, progress)
    if studied is not tracks:
        check_writable(job.folder)
        studied.save(job.tracks_path)
    return studied


def saved_tracks(job: Job, progress: Progress) -> Tracks | None:
    """Load the saved tracks; None if there are none, or if plate or settings have changed since then."""
    if not job.tracks_path.exists():
        return None
    try:
        saved = load_tracks(job.tracks_path)
    except ReadError as error:
        progress.note(f"saved tracks cannot be used and are made again: {error}")
        return None
    if saved.missing and job.shot.missing_frames == "error":
        return None  # tracking anew names the frame that cannot be read
    return saved if saved.key == job.tracks_key() else None


def find_tracks(job: Job, numbers: Sequence[int], progress: Progress, *, key: str = "") -> Tracks:
    """Track ``numbers`` and measure the light of the faces; saves nothing.

    With a ``key``, the tracks also carry a digest of each plate file. It is taken right after the frame was read, while
    the operating system still has the bytes, so a render need not read the plate once more for its fingerprints.
    """
    digests: dict[int, str] = {}
    with (
        progress.stage("track", len(numbers)) as advance,
        closing(job.reader.read(numbers)) as plate,
        prefetch(plate) as read,
        _digested(job, read, digests if key else None) as frames,
    ):
        # A filled frame shows no motion: tracks bridge it as they bridge a frame without the face.
        seen = (f for f in counted(frames, advance, lambda frame: frame.number) if not f.missing)
        tracks = build_tracks(seen, job.shown_colour, job.shot.tracking, job.clip, key=key)
    files = tracks.numbers if digests and job.clip.kind == "sequence" else tuple(digests)
    tracks = replace(tracks, missing=job.missing(numbers), plate=tuple(digests[n] for n in files))
    if not tracks.numbers:
        raise ReadError("none of its frames can be read", path=job.clip.path, fix="restore them")
    if job.shot.exposure != "auto":
        return tracks
    return replace(tracks, light=tuple(face_light(job.reader, track, job.colour) for track in tracks.faces))


@contextmanager
def _digested(job: Job, frames: Iterable[Frame], digests: dict[int, str] | None) -> Iterator[Iterator[Frame]]:
    """Pass the frames on, and collect the digest of each frame's file in a thread of its own; a movie is one file."""
    if digests is None:
        yield iter(frames)
        return

    def add(frame: Frame) -> Frame:
        if not frame.missing and (job.clip.kind == "sequence" or not digests):
            digests[frame.number] = job.file_digest(frame.number)
        return frame

    with ordered_map(add, frames) as passed:
        yield passed


def study_faces(job: Job, tracks: Tracks, ager: Ager, progress: Progress) -> Tracks:
    """Add the ager's study of every face to the tracks; the same tracks if they have it, or if it measures nothing."""
    if not ager.study_method:
        return tracks
    plan = stage_scene(job, tracks, ager).plan
    key = _study_key(tracks, ager, plan)
    if tracks.study_key == key:
        return tracks
    wanted = {face.track.face: frozenset(_spread(face)) for face in plan.faces}
    samples: dict[int, list[FaceCrop]] = {face: [] for face in wanted}
    numbers = sorted(frozenset().union(*wanted.values()))
    with progress.stage("study", len(numbers)) as advance, closing(job.reader.read(numbers)) as plate:
        for frame in plate:
            for crop in cut(frame, plan, job.colour).crops:
                if frame.number in wanted[crop.face]:
                    samples[crop.face].append(crop)
            advance(frame.number)
    studies = {face: ager.study(crops) for face, crops in samples.items() if crops}
    return replace(tracks, studies=studies, study_key=key)


def _spread(face: FacePlan) -> list[int]:
    """Frames to sample: evenly spread over those on which the face is wholly present."""
    track = face.track
    whole = track.numbers[track.presence == 1] if (track.presence == 1).any() else track.numbers
    places = np.unique(np.linspace(0, len(whole) - 1, min(_STUDY_SAMPLES, len(whole))).round().astype(int))
    return [int(number) for number in whole[places]]


def _study_key(tracks: Tracks, ager: Ager, plan: CropPlan) -> str:
    """What studies are made from: they are reused while it is the same."""
    faces = [[face.track.face, face.size, face.exposure] for face in plan.faces]
    return digest(ager.study_method, tracks.key, plan.framing.name, plan.pixel_aspect, faces)


def _with_studies(plan: CropPlan, tracks: Tracks, ager: Ager) -> CropPlan:
    """Give each face of the plan its saved study, if it still holds."""
    if not ager.study_method or tracks.study_key != _study_key(tracks, ager, plan):
        return plan
    none: Study = {}
    return replace(
        plan,
        faces=tuple(
            replace(face, study=study, study_digest=_study_digest(study))
            for face in plan.faces
            for study in [tracks.studies.get(face.track.face, none)]
        ),
    )


def _study_digest(study: Study) -> str:
    return digest([[name, list(value.shape)] for name, value in sorted(study.items())],
                  *(value.tobytes() for _, value in sorted(study.items())))  # fmt: skip


def stage_scene(job: Job, tracks: Tracks, ager: Ager) -> Scene:
    """Fix everything that does not change from frame to frame."""
    shot = job.shot
    with with_shot_line(shot, "faces"):
        selected = select_faces(tracks, shot.faces)
    light = {track.face: value for track, value in zip(tracks.faces, tracks.light, strict=False)}
    plan = plan_crops(selected, shot, ager, job.clip.pixel_aspect, light)
    fills = job.fills(tracks.missing)
    plan = replace(
        plan,
        held={n: other for n, other in fills.items() if other is not None},
        hands=tracks.hands if shot.matte.hands == "held_out" else (),
    )
    return Scene(
        colour=job.colour,
        plan=_with_studies(plan, tracks, ager),
        ager=ager,
        cuts=tracks.cuts,
        radius=shot.temporal.radius,
        strength=shot.temporal.strength,
        passes=_wanted_passes(job, plan),
        fills=fills,
    )


def _wanted_passes(job: Job, plan: CropPlan) -> WantedPasses:
    outputs = job.shot.outputs
    crops: dict[str, int] = {}
    for output in outputs:
        if "crop" in output.passes:
            names, size = plan.crop_pass_faces(output.face)
            crops |= dict.fromkeys(names, size)
    return WantedPasses(
        layers=len([face for face in job.shot.faces if face.name]) > 1,
        raw=any("delta_raw" in output.passes for output in outputs),
        crops=crops,
    )


def with_handles(whole: Sequence[int], wanted: frozenset[int], radius: int) -> list[int]:
    """Frames of the shot that the temporal filter sees when it makes ``wanted``: a pre-roll and post-roll each side."""
    near = {n + k for n in wanted for k in range(-radius, radius + 1)}
    return [n for n in whole if n in near]

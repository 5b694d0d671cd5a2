"""The scene: everything that is the same for every frame of a shot. Tracks, studies, crop plan, ager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from vfxage.ager import Ager
from vfxage.colour.space import Colour
from vfxage.comp.composite import WantedPasses
from vfxage.face.crop import CropPlan, FacePlan, cut, plan_crops
from vfxage.face.track import Tracks, select_faces
from vfxage.fingerprint import digest
from vfxage.frames import FrameRange
from vfxage.progress import Progress
from vfxage.publish import check_writable
from vfxage.render.job import Job, with_shot_line
from vfxage.render.photographs import check_photographs, donor_crops, photograph_digests, reference_crops
from vfxage.render.tracking import (
    change_since,
    extend_tracks,
    find_tracks,
    frames_text,
    note_grown_faces,
    on_the_shot,
    refuse_locked,
    tracks_on_file,
)
from vfxage.types import FaceCrop, Study

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


def track_shot(job: Job, ager: Ager, progress: Progress, *, anew: bool = False, lock: bool | None = None) -> Tracks:
    """Give the whole shot's tracks with the ager's studies: the saved ones as far as they hold, else new ones, saved.

    ``lock`` sets or removes the lock of the tracks. Raises ShotError if locked tracks would have to be made again.
    ``job.with_missing(tracks.missing)`` is the shot to render afterwards.
    """
    if ager.study_method:
        check_photographs(job.shot)
    on_file = tracks_on_file(job, progress)
    saved = replace(on_file, locked=False) if on_file and on_file.locked and lock is False else on_file
    tracks = _tracked(job, saved, progress, anew=anew)
    if lock is not None and tracks.locked != lock:
        tracks = replace(tracks, locked=lock)
    if tracks is not on_file and not (on_file and on_file.locked and tracks.locked):
        _save(job, tracks)
    if tracks.missing:
        how = "filled with black" if job.shot.missing_frames == "black" else "filled with a neighbouring frame"
        progress.note(f"missing or unreadable, {how}: {FrameRange.of(tracks.missing)}")
    studied = study_faces(job.with_missing(tracks.missing), tracks, ager, progress)
    if studied is not tracks:
        _save(job, studied)
    return studied


def _tracked(job: Job, saved: Tracks | None, progress: Progress, *, anew: bool) -> Tracks:
    """The saved tracks on the frames of the shot, else tracks of what they do not have, else new ones."""
    if saved is None:
        check_writable(job.tracks_path.parent)
        return find_tracks(job, job.numbers, progress, key=job.tracks_key())
    change = change_since(job, saved)
    if not (change or anew):
        return on_the_shot(job, saved, change)
    refuse_locked(job, saved, change)
    check_writable(job.tracks_path.parent)
    if anew:
        return find_tracks(job, job.numbers, progress, key=job.tracks_key())
    if change.settings:
        progress.note(f"the whole shot is tracked again: {change}")
        return find_tracks(job, job.numbers, progress, key=job.tracks_key())
    if change.repainted:
        progress.note(f"tracked again, because the plate has changed: {frames_text(change.repainted)}")
    tracks = extend_tracks(job, saved, change, progress)
    note_grown_faces(job, tracks, progress)
    return tracks


def _save(job: Job, tracks: Tracks) -> None:
    check_writable(job.tracks_path.parent)
    tracks.save(job.tracks_path)


def study_faces(job: Job, tracks: Tracks, ager: Ager, progress: Progress) -> Tracks:
    """Add the ager's study of every face to the tracks; the same tracks if they have it, or if it measures nothing."""
    if not ager.study_method:
        return tracks
    plan = stage_scene(job, tracks, ager).plan
    keys = {face.track.face: _study_key(tracks, ager, plan, face) for face in plan.faces}
    wanted = {f.track.face: frozenset(_spread(f)) for f in plan.faces if keys[f.track.face] not in tracks.studies}
    if not wanted:
        return tracks
    samples: dict[int, list[FaceCrop]] = {face: [] for face in wanted}
    numbers = sorted(frozenset().union(*wanted.values()))
    with progress.stage("study", len(numbers)) as advance, closing(job.reader.read(numbers)) as plate:
        for frame in plate:
            for crop in cut(frame, plan, job.colour).crops:
                if frame.number in wanted.get(crop.face, ()):
                    samples[crop.face].append(crop)
            advance(frame.number)
    photographs = {
        face.track.face: (reference_crops(job, plan, face), donor_crops(job, plan, face))
        for face in plan.faces
        if face.track.face in wanted
    }
    studies = {keys[face]: ager.study(crops, *photographs[face]) for face, crops in samples.items() if crops}
    return replace(tracks, studies={**tracks.studies, **studies})


def _spread(face: FacePlan) -> list[int]:
    """Frames to sample: evenly spread over those on which the face is wholly present."""
    track = face.track
    whole = track.numbers[track.presence == 1] if (track.presence == 1).any() else track.numbers
    places = np.unique(np.linspace(0, len(whole) - 1, min(_STUDY_SAMPLES, len(whole))).round().astype(int))
    return [int(number) for number in whole[places]]


def _study_key(tracks: Tracks, ager: Ager, plan: CropPlan, face: FacePlan) -> str:
    """Digest of what a face's study is made from: it is used again while this is the same, in a longer range too."""
    crop = [plan.framing.name, plan.pixel_aspect, face.track.face, face.size, face.exposure]
    known = [face.traits.glasses, face.traits.beard, photograph_digests(face)]
    return digest(ager.study_method, tracks.key, crop, known)


def _with_studies(plan: CropPlan, tracks: Tracks, ager: Ager) -> CropPlan:
    """Give each face of the plan its saved study, if it still holds."""
    if not ager.study_method:
        return plan
    none: Study = {}
    return replace(
        plan,
        faces=tuple(
            replace(face, study=study, study_digest=_study_digest(study))
            for face in plan.faces
            for study in [tracks.studies.get(_study_key(tracks, ager, plan, face), none)]
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
    plan = plan_crops(selected, shot, ager, job.clip.pixel_aspect, tracks.measures)
    fills = job.fills(tracks.missing)
    plan = replace(
        plan,
        landmarks_from={n: other for n, other in fills.items() if other is not None},
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
        hair=any("matte_hair" in output.passes for output in outputs),
        regions=any("regions" in output.passes for output in outputs),
        crops=crops,
    )


def with_handles(whole: Sequence[int], wanted: frozenset[int], radius: int) -> list[int]:
    """Frames of the shot that the temporal filter sees when it makes ``wanted``: a pre-roll and post-roll each side."""
    near = {n + k for n in wanted for k in range(-radius, radius + 1)}
    return [n for n in whole if n in near]

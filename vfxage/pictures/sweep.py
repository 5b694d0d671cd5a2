"""One face at many ages: the face is found once, and each model renders it at each age."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from vfxage.ager import Ager
from vfxage.arrays import ArrayData, shaped
from vfxage.errors import LostFaceError, ShotError, VfxageError
from vfxage.face.crop import FacePlan
from vfxage.face.track import Tracks
from vfxage.geometry import warp_to_crop
from vfxage.pictures.listing import Picture
from vfxage.pictures.still import open_picture, track_faces
from vfxage.pool import ordered_map
from vfxage.process import opencv_threads
from vfxage.progress import Progress, Silent
from vfxage.render.job import Job, open_job
from vfxage.render.one_frame import at_age, render_frame
from vfxage.render.preview import tracks_nearby, viewing_of
from vfxage.render.scene import Scene, stage_scene, study_faces
from vfxage.render.tracking import saved_tracks
from vfxage.shot import Shot
from vfxage.types import F32, F64, U8, Frame

SIDE = 512
"""Side of the face in the loop, pixels; the tiles of the sheet are made from it."""
_ROOM = 1.8
"""Side of the square that is shown, in heights of the face from forehead to chin: it has room for hair and neck."""
_ABOVE = 0.1
"""How far the middle of that square lies above the middle of the face, in heights of the face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A frame with the faces that were found on it."""

    job: Job
    tracks: Tracks
    frame: Frame
    face: str | None = None
    """Name of the face in the shot; None means the largest on this frame."""
    source_age: float | None = None
    """Age of the person in the frame, years; None takes that of the shot."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Swept(ArrayData):
    """One face as a model sees it at several ages."""

    model: str
    source_age: float
    ages: tuple[float, ...]
    """Years, ascending."""
    plate: U8 = field(metadata=shaped(SIDE, SIDE, 3, dtype=np.uint8))
    """(512, 512, 3) the face in the picture, as the display shows it."""
    aged: tuple[U8, ...] = field(metadata=shaped(SIDE, SIDE, 3, dtype=np.uint8))
    """(512, 512, 3) for each age."""


def picture_subject(picture: Picture, shot: Shot) -> Subject:
    """The largest face of a picture. Raises ReadError, LostFaceError."""
    if picture.fault:
        raise ShotError(picture.fault, path=picture.path, fix="correct its age, or give one with --source-age")
    try:
        job = open_picture(picture.path, shot, picture.age)
        return Subject(job=job, tracks=track_faces(job), frame=next(job.reader.read(job.numbers)))
    except VfxageError as error:
        error.frame = None  # a picture has no frame number that its user knows
        raise


@contextmanager
def shot_subject(shot: Shot, number: int | None, ager: Ager, progress: Progress) -> Iterator[Subject]:
    """One frame of a shot, by default its first, with the shot's tracks; keeps the plate open for the block.

    Without saved tracks it tracks the frame and a margin beside it, and saves nothing. Raises ShotError for a frame
    that the shot does not have.
    """
    with open_job(shot) as job:
        chosen = job.numbers[0] if number is None else number
        job.pick(str(chosen))
        tracks = saved_tracks(job, progress) or tracks_nearby(job, ager, [chosen], progress)
        job = job.with_missing(tracks.missing)
        (frame,) = job.reader.read([chosen])
        yield Subject(job=job, tracks=tracks, frame=frame)


def sweep_ages(
    subject: Subject, agers: Sequence[tuple[str, Ager]], ages: Sequence[float], progress: Progress
) -> list[Swept]:
    """Render the face at every age with every ager (each with the name that it is shown by).

    Raises LostFaceError if the frame does not show the face, and the errors of the agers.
    """
    ordered = tuple(sorted(ages))
    with opencv_threads(1), progress.stage("sweep", len(agers) * len(ordered), "age") as advance:
        count = iter(range(1, len(agers) * len(ordered) + 1))
        return [_swept(subject, name, ager, ordered, lambda: advance(next(count))) for name, ager in agers]


def _swept(subject: Subject, name: str, ager: Ager, ages: tuple[float, ...], done: Callable[[], None]) -> Swept:
    """The face at every age with one ager; calls ``done`` after each."""
    scene, frame = _scene(subject, ager), subject.frame
    square, show = _square(subject, scene), viewing_of(subject.job).show

    def aged(age: float) -> U8:
        return _shown(show(render_frame(at_age(scene, age), frame).beauty), frame, square)

    tiles = []
    with ordered_map(aged, ages, workers=ager.workers_default) as pictures:
        for picture in pictures:
            tiles.append(picture)
            done()
    source, _ = scene.plan.faces[0].ages_at(frame.number)
    plate = _shown(show(frame.rgb), frame, square)
    return Swept(model=name, source_age=source, ages=ages, plate=plate, aged=tuple(tiles))


def _scene(subject: Subject, ager: Ager) -> Scene:
    """The scene with the one face alone."""
    tracks = study_faces(subject.job, subject.tracks, ager, Silent())
    scene = stage_scene(subject.job, tracks, ager)
    scene = replace(scene, plan=replace(scene.plan, faces=(_face(subject, scene),)))
    return scene if subject.source_age is None else at_age(scene, subject.source_age, subject.source_age)


def _face(subject: Subject, scene: Scene) -> FacePlan:
    number = subject.frame.number
    named = [face for face in scene.plan.faces if subject.face in (None, face.name)]
    if not named and scene.plan.faces:
        names = ", ".join(face.name for face in scene.plan.faces)
        raise ShotError(
            f"the shot has no face `{subject.face}`", path=subject.job.shot.path, fix=f"name one of {names}"
        )
    shown = [(face, row) for face in named if (row := scene.plan.row(face, number)) is not None]
    if not shown:
        fix = "choose another with --frame, or correct `select:` in the shot"
        raise LostFaceError("the face is not on this frame", path=subject.job.shot.path, frame=number, fix=fix)
    return max(shown, key=lambda item: float(np.ptp(item[0].track.points[item[1], :, 1])))[0]


def _square(subject: Subject, scene: Scene) -> F64:
    """(2, 3) pixels of the shown square to display-window pixels."""
    face = scene.plan.faces[0]
    points: F32 = face.track.points[scene.plan.row(face, subject.frame.number) or 0]
    aspect = subject.job.clip.pixel_aspect
    low, high = points.min(axis=0), points.max(axis=0)
    height = float(high[1] - low[1])
    side = _ROOM * height
    x, y = (low + high) / 2 - (side / 2 / aspect, side / 2 + _ABOVE * height)
    return np.array([[side / aspect / SIDE, 0, x], [0, side / SIDE, y]])


def _shown(picture: U8, frame: Frame, square: F64) -> U8:
    """The square of a picture on the display (H, W, 3); beyond the frame its edge is repeated."""
    seen = warp_to_crop(picture.astype(np.float32), frame.window, square, SIDE)
    return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)

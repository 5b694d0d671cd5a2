"""One picture opened as a shot of one frame: read once, its faces found, and rendered at any age."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from vfxage.ager import Ager
from vfxage.colour.cicp import SRGB
from vfxage.colour.space import plate_colour
from vfxage.errors import LostFaceError, ReadError
from vfxage.face.track import Finders, Tracks
from vfxage.frames import Pattern, literal
from vfxage.media import open_reader
from vfxage.media.base import Reader
from vfxage.progress import Silent
from vfxage.render.job import Job, plate_settings
from vfxage.render.one_frame import at_age, render_frame
from vfxage.render.scene import Scene, stage_scene, study_faces
from vfxage.render.tracking import find_tracks
from vfxage.shot import Keyed, Shot
from vfxage.types import Frame, Render

_FIX_LINEAR = 'name it, for example --colorspace "Linear Rec.709 (sRGB)" or --colorspace ACEScg'
_FIX_CODED = 'name it, for example --colorspace "sRGB Encoded Rec.709 (sRGB)"'


class _ReadOnce:
    """The reader of a picture that keeps its frame: each stage asks for it, and it is decoded once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._frame: Frame | None = None
        self.info = reader.info

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield the one frame; see media.base.Reader."""
        for number in numbers:
            if self._frame is None:
                with closing(self._reader.read([number])) as frames:
                    (self._frame,) = frames
            yield self._frame

    def close(self) -> None:
        """Release the file."""
        self._reader.close()


def open_picture(path: Path, shot: Shot, source_age: float) -> Job:
    """Open a picture as the plate of a shot of one frame; reads only its header.

    Integer pictures whose header names no colour space are read as sRGB. Raises ReadError for a picture that cannot be
    read, or whose colour space is not known.
    """
    reader = _ReadOnce(open_reader(literal(path), replace(plate_settings(shot), untagged=SRGB)))
    clip = reader.info
    if clip.colorspace is None:
        told = next((note for note in clip.notes if note.startswith("the header names")), "the header names none")
        fix = _FIX_LINEAR if clip.depth in ("half", "float") else _FIX_CODED
        raise ReadError(f"its colour space is not known: {told}", path=path, fix=fix)
    faces = tuple(face.model_copy(update={"source_age": Keyed.of(source_age)}) for face in shot.faces)
    return Job(
        shot=shot.model_copy(update={"plate": literal(path), "faces": faces}),
        reader=reader,
        clip=clip,
        colour=plate_colour(clip, shot.ocio),
        spaces=(),
        numbers=(clip.first,),
    )


@dataclass(frozen=True, slots=True)
class Still:
    """A picture with its faces, ready to be rendered at any age."""

    job: Job
    scene: Scene
    frame: Frame

    def at(self, target: float) -> Render:
        """Render every chosen face at this age, years."""
        return render_frame(at_age(self.scene, target), self.frame)


def find_faces_of(job: Job, ager: Ager, finders: Finders) -> Still:
    """Read an open picture and find its faces. Raises ReadError, LostFaceError if it shows no face."""
    tracks = study_faces(job, track_faces(job, finders), ager, Silent())
    return Still(job, stage_scene(job, tracks, ager), next(iter(job.reader.read(job.numbers))))


def track_faces(job: Job, finders: Finders | None = None) -> Tracks:
    """The faces of an open picture; ``finders`` are open ones. Raises ReadError, LostFaceError if it shows no face."""
    tracks = find_tracks(replace(job, finders=finders), job.numbers, Silent())
    if not tracks.faces:
        fix = f"use --set tracking.min_face=24 to look for faces under {job.shot.tracking.min_face} pixels"
        raise LostFaceError("shows no face", path=Pattern.parse(job.clip.path).path(1), fix=fix)
    return tracks

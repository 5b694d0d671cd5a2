"""Lost faces of a shot: what ``render``, ``verify``, ``track`` and ``preview`` say about them, and ``--strict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vfxage.errors import LostFaceError
from vfxage.face.track import Lost, Tracks, lost_faces
from vfxage.progress import Progress, Silent
from vfxage.render.job import Job
from vfxage.render.tracking import saved_tracks


def find_lost(job: Job, tracks: Tracks, numbers: Sequence[int]) -> tuple[Lost, ...]:
    """Find the faces that are lost on some of ``numbers``; see ``lost_faces``."""
    return lost_faces(tracks, job.shot.faces, (job.clip.width, job.clip.height), numbers)


def find_lost_in_saved_tracks(job: Job, numbers: Sequence[int]) -> tuple[Lost, ...]:
    """Find the same in the saved tracks; nothing if the shot is not tracked."""
    tracks = saved_tracks(job, Silent())
    return () if tracks is None else find_lost(job, tracks, numbers)


def note_lost(lost: Sequence[Lost], progress: Progress) -> None:
    """Print one note for each face that is lost."""
    for one in lost:
        progress.note(str(one))


def refuse_lost(shot: Path, lost: Sequence[Lost]) -> None:
    """Raise LostFaceError for ``--strict`` if a face is lost."""
    if lost:
        others = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
        fix = "see `vfxage track --sheet`; correct `faces:` or `tracking:`, or leave out --strict"
        raise LostFaceError(f"{lost[0]}{others}", path=shot, fix=fix)

"""Photographs of a face at another age, and of donors of skin, as crops for the ager's study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from vfxage.colour.space import plate_colour
from vfxage.errors import ReadError, VfxageError, count_of
from vfxage.face.crop import CropPlan, FacePlan, cut
from vfxage.face.detect import Detection
from vfxage.face.look import UNKNOWN
from vfxage.face.track import find_faces
from vfxage.fingerprint import file_digest
from vfxage.frames import Pattern
from vfxage.geometry import neck_points
from vfxage.media import PICTURES, open_reader
from vfxage.media.base import Reader
from vfxage.render.job import Job
from vfxage.shot import Shot
from vfxage.types import FaceCrop, FaceTrack, Frame

_DONOR_SIZE = 512
"""Side of the crop of a donor's photograph, pixels, whatever the size of the plate's: pores need pixels."""
_MOST_DONORS = 24
"""Most photographs in a folder of donors: a face has no more places to fill, and each takes about a second."""


def check_photographs(shot: Shot) -> None:
    """Open every photograph that the shot names, so that a wrong one is found before the shot is tracked.

    Raises ReadError for a file that is missing, is no picture or has no colour space, and for a folder of no use.
    """
    for face in shot.faces:
        references = [Path(path) for _, paths in face.references for path in paths]
        for path in references:
            _refuse_others(path)
        for path in (*references, *_donors(face.donor)):
            with _opened(path):
                pass


def reference_crops(job: Job, plan: CropPlan, face: FacePlan) -> list[FaceCrop]:
    """Cut the largest face of each photograph as the plate's is cut; ``ages`` of a crop are the photograph's age twice.

    Raises ReadError for a file that cannot be read, has no colour space or shows no face.
    """
    crops = ((age, _crop(job, plan, face, Path(path))) for age, paths in face.references for path in paths)
    return [replace(crop, ages=(float(age), float(age))) for age, crop in crops]


def donor_crops(job: Job, plan: CropPlan, face: FacePlan) -> list[FaceCrop]:
    """Cut the largest face of each photograph in the face's folder of donors; ``name`` of a crop is the file's path.

    Nothing that the shot says about the face holds for them. Raises ReadError as ``reference_crops`` does, and for a
    folder without pictures.
    """
    large = replace(face, size=_DONOR_SIZE)
    return [replace(_crop(job, plan, large, path), name=str(path), traits=UNKNOWN) for path in _donors(face.donor)]


def photograph_digests(face: FacePlan) -> list[object]:
    """What the use of photographs depends on beside the plate; empty without photographs.

    Raises ReadError for a file that cannot be read.
    """
    found: list[object] = []
    if face.references:
        photographs = [[age, [file_digest(Path(path)) for path in paths]] for age, paths in face.references]
        found += [photographs, face.name, asdict(face.traits), list(face.shot_face.source_age.keys)]
    if face.donor:
        found += ["donor", [file_digest(path) for path in _donors(face.donor)], face.name, face.traits.seed]
    return found


def _donors(donor: str | None) -> list[Path]:
    """The pictures below a folder of donors, in the order of names; hidden ones are left out."""
    if donor is None:
        return []
    folder = Path(donor)
    if not folder.is_dir():
        what = "is a file, and `donor` takes a folder" if folder.exists() else "no such folder"
        raise ReadError(what, path=folder, fix="name a folder of photographs in `donor`")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    shown = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not shown:
        raise ReadError("holds no pictures", path=folder, fix=f"name a folder with {' '.join(sorted(PICTURES))}")
    if len(shown) > _MOST_DONORS:
        fix = f"keep at most {_MOST_DONORS}, the sharpest ones in soft light"
        raise ReadError(f"holds {count_of(len(shown), 'photograph')}, too many for `donor`", path=folder, fix=fix)
    return shown


def _refuse_others(path: Path) -> None:
    """Raise ReadError for what is no single picture by its name: a folder, a sequence, a movie, a text."""
    others = {
        "is a folder": path.is_dir(),
        "is a sequence": Pattern.is_sequence(path),
        "has not the suffix of a picture": path.suffix.lower() not in PICTURES,
    }
    for what in (what for what, found in others.items() if found):
        fix = f"name single photographs ({' '.join(sorted(PICTURES))})"
        raise ReadError(f"{what}, and `references` takes photographs", path=path, fix=fix)


@contextmanager
def _opened(path: Path) -> Iterator[Reader]:
    try:
        with closing(open_reader(path)) as reader:
            if reader.info.colorspace is None:
                raise ReadError("names no colour space", path=path, fix="save it as an sRGB JPEG")
            yield reader
    except VfxageError as error:
        error.frame = None  # a photograph has no frame number that its user knows
        raise


def _crop(job: Job, plan: CropPlan, face: FacePlan, path: Path) -> FaceCrop:
    with _opened(path) as reader:
        clip = reader.info
        colour = plate_colour(clip, job.shot.ocio)
        with closing(reader.read([clip.first])) as frames:
            frame = next(frames)
        ((_, found),) = find_faces([frame], colour, job.shot.tracking, clip)
    if not found:
        fix = "name a photograph that shows the face from the front, larger than `min_face`"
        raise ReadError("no face is found on this photograph", path=path, fix=fix)
    own = replace(face, track=_track(frame, found[0]), exposure=0.0, study={}, study_digest="")
    alone = replace(plan, faces=(own,), landmarks_from={}, hands=(), pixel_aspect=clip.pixel_aspect)
    (crop,) = cut(frame, alone, colour).crops
    return replace(crop, others=(), gain=None)


def _track(frame: Frame, found: Detection) -> FaceTrack:
    """The face on its one frame."""
    one = np.ones(1, np.float32)
    numbers, yaw = np.array([frame.number], np.int32), np.array([found.yaw], np.float32)
    points = np.ascontiguousarray(found.points[None], np.float32)
    neck = np.asarray(neck_points(points), np.float32)
    return FaceTrack(face=0, numbers=numbers, points=points, neck=neck, confidence=one, presence=one, yaw=yaw)

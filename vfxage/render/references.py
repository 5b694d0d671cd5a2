"""Photographs of a face at another age, as crops for the ager's study."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from vfxage.colour.space import Colour
from vfxage.errors import ReadError
from vfxage.face.crop import CropPlan, FacePlan, cut
from vfxage.face.detect import Detection
from vfxage.face.track import find_faces
from vfxage.fingerprint import file_digest
from vfxage.geometry import neck_points
from vfxage.media import open_reader
from vfxage.render.job import Job
from vfxage.types import FaceCrop, FaceTrack, Frame


def reference_crops(job: Job, plan: CropPlan, face: FacePlan) -> list[FaceCrop]:
    """Cut the largest face of each photograph as the plate's is cut; ``ages`` of a crop are the photograph's age twice.

    Raises ReadError for a file that cannot be read, has no colour space or shows no face.
    """
    return [_crop(job, plan, face, (age, Path(path))) for age, paths in face.references for path in paths]


def reference_digests(face: FacePlan) -> list[object]:
    """What a comparison with the photographs depends on beside the plate; empty without photographs.

    Raises ReadError for a file that cannot be read.
    """
    if not face.references:
        return []
    photographs = [[age, [file_digest(Path(path)) for path in paths]] for age, paths in face.references]
    return [photographs, face.name, asdict(face.traits), list(face.shot_face.source_age.keys)]


def _crop(job: Job, plan: CropPlan, face: FacePlan, photograph: tuple[int, Path]) -> FaceCrop:
    age, path = photograph
    with closing(open_reader(path)) as reader:
        clip = reader.info
        if clip.colorspace is None:
            raise ReadError("names no colour space", path=path, fix="save it as an sRGB JPEG")
        colour = Colour(clip.colorspace, job.shot.ocio)
        with closing(reader.read([clip.first])) as frames:
            frame = next(frames)
        ((_, found),) = find_faces([frame], colour, job.shot.tracking, clip)
    if not found:
        fix = "name a photograph that shows the face from the front, larger than `min_face`"
        raise ReadError("no face is found on this reference", path=path, fix=fix)
    own = replace(face, track=_track(frame, found[0]), exposure=0.0, study={}, study_digest="")
    alone = replace(plan, faces=(own,), landmarks_from={}, hands=(), pixel_aspect=clip.pixel_aspect)
    (crop,) = cut(frame, alone, colour).crops
    return replace(crop, ages=(float(age), float(age)), others=(), gain=None)


def _track(frame: Frame, found: Detection) -> FaceTrack:
    """The face on its one frame."""
    one = np.ones(1, np.float32)
    numbers, yaw = np.array([frame.number], np.int32), np.array([found.yaw], np.float32)
    points = np.ascontiguousarray(found.points[None], np.float32)
    neck = np.asarray(neck_points(points), np.float32)
    return FaceTrack(face=0, numbers=numbers, points=points, neck=neck, confidence=one, presence=one, yaw=yaw)

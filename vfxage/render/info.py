"""Describes a plate, its faces and the files that a render will write, for ``info`` and ``track``.

The descriptions are plain data: numbers and booleans, None for what is not known, ranges as ``--frames`` takes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.colour.config import BUILTIN, builtin_configs, described_spaces
from vfxage.colour.space import Colour, plate_colour
from vfxage.face.detect import Detection
from vfxage.face.track import Tracks, faces_not_found, find_faces, taken_by
from vfxage.frames import FrameRange
from vfxage.geometry import neck_points
from vfxage.media import open_reader
from vfxage.media.base import Reader
from vfxage.progress import Silent
from vfxage.render.job import Job, open_job
from vfxage.render.tracking import change_since, on_the_shot, tracks_on_file
from vfxage.shot import Face, Output, PointSelect, Shot, Tracking
from vfxage.types import ClipInfo, FaceTrack

Description = dict[str, Any]
Found = tuple[int, list[Detection]]
"""A frame number and the faces that were found in the frame."""

_SEARCHED = 3
"""Frames that are searched for faces if the shot is not tracked yet: first, middle, last."""


def describe_plate(path: str) -> Description:
    """Describe a plate without a shot file. Finds the faces on three frames; None if the colour space is not known."""
    reader = open_reader(path)
    try:
        clip = reader.info
        found = None
        if clip.colorspace is not None:
            numbers = clip.present or range(clip.first, clip.last + 1)
            found_faces = _search(reader, plate_colour(clip), Tracking(), _sample(numbers), clip)
            found = _describe_found(found_faces, ())
        return {"plate": _describe_clip(clip), "faces": found}
    finally:
        reader.close()


def describe_shot(shot: Shot, frames: str | None = None) -> Description:
    """Describe a shot or some of its frames: plate, faces (the tracks, else faces on three frames), outputs."""
    with open_job(shot) as job:
        numbers = job.pick(frames)
        description: Description = {"plate": _describe_clip(job.clip), "shot": _describe_settings(job, numbers)}
        on_file = tracks_on_file(job, Silent())
        change = change_since(job, on_file) if on_file else None
        tracks = on_the_shot(job, on_file, change) if on_file and change is not None and not change else None
        if tracks:
            description["faces"] = describe_tracks(tracks, shot.faces)
            missing = _not_found([tracks], shot.faces)
        else:
            named = {f.select.frame for f in shot.faces if isinstance(f.select, PointSelect)} & set(job.numbers)
            found_faces = _search(
                job.reader, job.shown_colour, shot.tracking, sorted({*_sample(numbers), *named}), job.clip
            )
            description["faces"] = _describe_found(found_faces, shot.faces)
            missing = _not_found([_as_tracks(number, faces) for number, faces in found_faces], shot.faces)
        description["not_found"] = missing
        description["outputs"] = [
            {
                "path": output.path,
                "passes": list(output.passes),
                "format": Path(output.path).suffix.lower().removeprefix("."),
                "codec": output.codec,
                "depth": output.depth,
                "compression": output.compression,
                "colorspace": _colourspace(job, output, space),
            }
            for output, space in zip(shot.outputs, job.spaces, strict=True)
        ]
        return description


def describe_colourspaces(config: str | None) -> Description:
    """List the names that ``colorspace:`` accepts, with aliases and roles, and the built-in configs for ``ocio:``.

    The names come from the given config, else from $OCIO, else from the built-in ``BUILTIN``.
    """
    return {
        "colorspaces": [
            {"name": name, "family": family or None, "encoding": encoding or None, "also": list(others)}
            for name, family, encoding, others in described_spaces(config)
        ],
        "configs": [
            {"ocio": uri, "name": text, "default": "default" if uri.endswith(f"/{BUILTIN}") else "-"}
            for uri, text in builtin_configs()
        ],
    }


def describe_tracks(tracks: Tracks, faces: Sequence[Face]) -> list[Description]:
    """One entry for each track: the face of the shot that takes it, frames, mean height in pixels, confidence, yaw.

    The yaw is the largest (right is +). ``taken_by`` is None where no face of the shot takes the track.
    """
    takers = taken_by(tracks, faces)
    return [
        {
            "face": track.face,
            "taken_by": takers.get(track.face),
            "frames": str(FrameRange(track.numbers.tolist())),
            "height": round(float((track.points[..., 1].max(1) - track.points[..., 1].min(1)).mean()), 1),
            "centre": [round(float(v), 1) for v in track.points.mean((0, 1))],
            "confidence": round(float(track.confidence.mean()), 2),
            "yaw": round(float(track.yaw[abs(track.yaw).argmax()]), 1),
        }
        for track in tracks.faces
    ]


def _describe_clip(clip: ClipInfo) -> Description:
    numbers = clip.present or tuple(range(clip.first, clip.last + 1))
    window = clip.data_window
    return {
        "path": clip.path,
        "kind": clip.kind,
        "frames": str(FrameRange(numbers)),
        "first": clip.first,
        "last": clip.last,
        "count": len(numbers),
        "missing": clip.holes,
        "width": clip.width,
        "height": clip.height,
        "rate": _describe_rate(clip.rate),
        "variable_rate": clip.variable_rate,
        "samples": clip.depth,
        "colorspace": clip.colorspace,
        "pixel_aspect": float(clip.pixel_aspect),
        "data_window": None
        if window is None
        else {"x": window.x, "y": window.y, "width": window.width, "height": window.height},
        "alpha": clip.alpha,
        "audio": clip.audio,
        "timecode": clip.timecode,
        "notes": list(clip.notes),
    }


def _describe_rate(rate: Fraction | None) -> Description | None:
    """A frame rate as a number and as an exact fraction."""
    if rate is None:
        return None
    return {"fps": float(rate), "numerator": rate.numerator, "denominator": rate.denominator}


def _describe_settings(job: Job, numbers: Sequence[int]) -> Description:
    ends = sorted({numbers[0], numbers[-1]})
    return {
        "path": str(job.shot.path),
        "frames": str(FrameRange.of(numbers)),
        "count": len(numbers),
        "model": job.shot.model,
        "faces": [
            {
                "name": face.name,
                "select": _describe_select(face),
                "ages": [{"frame": n, "source": face.source_age.at(n), "target": face.target_age.at(n)} for n in ends],
            }
            for face in job.shot.faces
        ],
        "notes": list(job.notes),
    }


def _describe_select(face: Face) -> str | Description:
    select = face.select
    return {"frame": select.frame, "point": list(select.point)} if isinstance(select, PointSelect) else select


def _colourspace(job: Job, output: Output, space: str) -> str:
    """The colour space of the file. OpenEXR files are linear, in the primaries of the plate."""
    if Path(output.path).suffix.lower() == ".exr" and space == job.colour.name:
        return job.colour.linear_name or f"{space}, linear"
    return space


def _sample(numbers: Sequence[int]) -> list[int]:
    return sorted({numbers[(len(numbers) - 1) * k // (_SEARCHED - 1)] for k in range(_SEARCHED)})


def _search(reader: Reader, colour: Colour, tracking: Tracking, numbers: Sequence[int], clip: ClipInfo) -> list[Found]:
    return list(find_faces(reader.read(numbers), colour, tracking, clip))


def _describe_found(found_faces: Sequence[Found], named: Sequence[Face]) -> list[Description]:
    """The faces of some frames; each with the face of the shot that would take it, if the shot is known."""
    found = []
    for number, faces in found_faces:
        takers = taken_by(_as_tracks(number, faces), named)
        for index, face in enumerate(faces):
            x, y = face.points.mean(0)
            found.append(
                {
                    "frame": number,
                    **({"taken_by": takers.get(index)} if named else {}),
                    "centre": [round(float(x), 1), round(float(y), 1)],
                    "height": round(float(face.points[:, 1].max() - face.points[:, 1].min()), 1),
                    "confidence": round(face.confidence * face.vote, 2),
                    "from": "this frame only, not tracked",
                }
            )
    return found


def _as_tracks(number: int, faces: Sequence[Detection]) -> Tracks:
    """The faces of one frame as tracks of one frame, so that the faces of a shot can be selected from them."""
    one = np.ones(1, np.float32)
    numbers = np.array([number], np.int32)
    tracks = (
        FaceTrack(
            face=index,
            numbers=numbers,
            points=face.points[None].astype(np.float32),
            neck=neck_points(face.points[None]),
            confidence=one,
            presence=one,
            yaw=one,
        )
        for index, face in enumerate(faces)
    )
    return Tracks(faces=tuple(tracks), cuts=(), numbers=(number,))


def _not_found(searched: Sequence[Tracks], faces: Sequence[Face]) -> list[Description]:
    """Faces of the shot that are in none of these tracks, their ``select:``, and the frames that were searched."""
    missing = [{id(face) for face in faces_not_found(tracks, faces)} for tracks in searched]
    at = FrameRange.of(number for tracks in searched for number in tracks.numbers)
    return [
        {"face": face.name, "select": _describe_select(face), "searched": str(at)}
        for face in faces
        if all(id(face) in those for those in missing)
    ]

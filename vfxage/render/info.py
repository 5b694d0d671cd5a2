"""Describes a plate, its faces and the files that a render will write, as plain data for ``info`` and ``track``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.colour.space import Colour, described_spaces
from vfxage.face.detect import Detection
from vfxage.face.track import Tracks, faces_not_found, find_faces, select_words
from vfxage.frames import FrameRange
from vfxage.media import open_reader
from vfxage.media.base import Reader
from vfxage.progress import Silent
from vfxage.render.job import Job, open_job
from vfxage.render.scene import saved_tracks
from vfxage.shot import Face, Output, PointSelect, Shot, Tracking
from vfxage.types import ClipInfo, FaceTrack

Description = dict[str, Any]
Found = tuple[int, list[Detection]]
"""A frame number and the faces that were found in the frame."""

_SEARCHED = 3
"""Frames that are searched for faces if the shot is not tracked yet: first, middle, last."""


def describe_plate(path: str) -> Description:
    """Describe a plate without a shot file. Finds the faces on three frames if the colour space is known."""
    reader = open_reader(path)
    try:
        clip = reader.info
        description: Description = {"plate": _describe_clip(clip)}
        if clip.colorspace is not None:
            numbers = clip.present or range(clip.first, clip.last + 1)
            found_faces = _search(reader, Colour(clip.colorspace), Tracking(), _sample(numbers), clip)
            description["faces"] = _describe_found(found_faces)
        else:
            description["plate"]["faces"] = (
                "not searched: the colour space is not named; write `colorspace:` in a shot file"
            )
        return description
    finally:
        reader.close()


def describe_shot(shot: Shot, frames: str | None = None) -> Description:
    """Describe a shot or some of its frames: plate, faces (the tracks, else faces on three frames), outputs."""
    with open_job(shot) as job:
        numbers = job.pick(frames)
        description: Description = {"plate": _describe_clip(job.clip), "shot": _describe_settings(job, numbers)}
        tracks = saved_tracks(job, Silent())
        if tracks:
            description["faces"] = describe_tracks(tracks)
            missing = _not_found([tracks], shot.faces)
        else:
            named = {f.select.frame for f in shot.faces if isinstance(f.select, PointSelect)} & set(job.numbers)
            found_faces = _search(
                job.reader, job.shown_colour, shot.tracking, sorted({*_sample(numbers), *named}), job.clip
            )
            description["faces"] = _describe_found(found_faces)
            missing = _not_found([_as_tracks(number, faces) for number, faces in found_faces], shot.faces)
        if missing:
            description["not found"] = missing
        description["outputs"] = [
            {
                "path": output.path,
                "passes": list(output.passes),
                "codec": _codec(output),
                "colorspace": _colourspace(job, output, space),
            }
            for output, space in zip(shot.outputs, job.spaces, strict=True)
        ]
        return description


def describe_colourspaces(config: str | None) -> Description:
    """List the names that ``colorspace:`` accepts, with aliases and roles.

    They come from the given config, else from $OCIO, else from the built-in one.
    """
    return {
        "colorspaces": [
            {"name": name, "family": family or "-", "encoding": encoding or "-", "also": list(others)}
            for name, family, encoding, others in described_spaces(config)
        ]
    }


def describe_tracks(tracks: Tracks) -> list[Description]:
    """One entry for each tracked face: frames, mean height in pixels, confidence, largest yaw (right is +)."""
    return [
        {
            "face": track.face,
            "frames": str(FrameRange(track.numbers.tolist())),
            "height": round(float((track.points[..., 1].max(1) - track.points[..., 1].min(1)).mean()), 1),
            "centre": [round(float(v), 1) for v in track.points.mean((0, 1))],
            "confidence": round(float(track.confidence.mean()), 2),
            "yaw": round(float(track.yaw[abs(track.yaw).argmax()]), 1),
        }
        for track in tracks.faces
    ]


def _describe_clip(clip: ClipInfo) -> Description:
    description: Description = {
        "path": clip.path,
        "frames": str(FrameRange(clip.present or tuple(range(clip.first, clip.last + 1)))),
        "size": f"{clip.width}x{clip.height}",
        "rate": "not named" if clip.rate is None else f"{clip.rate} ({float(clip.rate):.3f} fps)",
        "samples": clip.depth,
        "colorspace": clip.colorspace or "not named: write `colorspace:` in the shot file",
    }
    if clip.holes:
        description["missing"] = f"{clip.holes} of the numbers from {clip.first} to {clip.last}"
    if clip.pixel_aspect != 1:
        description["pixel aspect"] = clip.pixel_aspect
    if clip.data_window is not None:
        w = clip.data_window
        description["data window"] = f"{w.width}x{w.height} at {w.x},{w.y}"
    description["alpha"] = "yes" if clip.alpha else "no"
    if clip.kind == "movie":
        description["audio"] = "yes" if clip.audio else "no"
    if clip.timecode:
        description["timecode"] = clip.timecode
    if clip.notes:
        description["notes"] = list(clip.notes)
    return description


def _describe_settings(job: Job, numbers: Sequence[int]) -> Description:
    ends = sorted({numbers[0], numbers[-1]})
    ages = {
        face.name or "every face": ", ".join(
            f"{face.source_age.at(n):g} to {face.target_age.at(n):g} years at {n}" for n in ends
        )
        for face in job.shot.faces
    }
    return {
        "file": str(job.shot.path),
        "frames": str(FrameRange.of(numbers)),
        "model": job.shot.model,
        "ages": ages,
        **({"notes": list(job.notes)} if job.notes else {}),
    }


def _codec(output: Output) -> str:
    """The codec of a movie, else the kind of file."""
    suffix = Path(output.path).suffix.lower()
    if output.codec or suffix == ".exr":
        return output.codec or "OpenEXR ZIPS"
    depth = "" if output.depth is None else " float" if output.depth == "float" else f" {output.depth} bits"
    return f"{suffix.removeprefix('.').upper()}{depth}"


def _colourspace(job: Job, output: Output, space: str) -> str:
    """The colour space of the file. OpenEXR files are linear, in the primaries of the plate."""
    if Path(output.path).suffix.lower() == ".exr" and space == job.colour.name:
        return job.colour.linear_name or f"{space}, linear"
    return space


def _sample(numbers: Sequence[int]) -> list[int]:
    return sorted({numbers[(len(numbers) - 1) * k // (_SEARCHED - 1)] for k in range(_SEARCHED)})


def _search(reader: Reader, colour: Colour, tracking: Tracking, numbers: Sequence[int], clip: ClipInfo) -> list[Found]:
    return list(find_faces(reader.read(numbers), colour, tracking, clip))


def _describe_found(found_faces: Sequence[Found]) -> list[Description]:
    found = []
    for number, faces in found_faces:
        for face in faces:
            x, y = face.points.mean(0)
            found.append(
                {
                    "frame": number,
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
        {"face": face.name or "every face", "select": select_words(face), "searched": str(at)}
        for face in faces
        if all(id(face) in those for those in missing)
    ]

"""What ``vfxage info`` and ``vfxage track`` say: a plate, its faces and what a render will write, as plain data."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.colour.space import Colour, described_spaces
from vfxage.face.detect import Detection
from vfxage.face.track import Tracks, find_faces, select_words, unfound
from vfxage.frames import FrameRange
from vfxage.media import open_reader
from vfxage.media.base import Reader
from vfxage.progress import Silent
from vfxage.render.job import Job, open_job
from vfxage.render.scene import saved_tracks
from vfxage.shot import Face, Output, PointSelect, Shot, Tracking
from vfxage.types import ClipInfo, FaceTrack

Facts = dict[str, Any]
Seen = tuple[int, list[Detection]]

_LOOKS = 3
"""Frames looked at for faces where the shot is not tracked yet: first, middle, last."""


def plate_facts(path: str) -> Facts:
    """Describe a plate on its own, and the faces on three of its frames where its colour space is known."""
    reader = open_reader(path)
    try:
        clip = reader.info
        facts: Facts = {"plate": _clip(clip)}
        if clip.colorspace is not None:
            numbers = clip.present or range(clip.first, clip.last + 1)
            seen = _look(reader, Colour(clip.colorspace), Tracking(), _some(numbers), clip)
            facts["faces"] = _looked(seen)
        else:
            facts["plate"]["faces"] = "not sought, as the colour space is not named: say `colorspace:` in a shot"
        return facts
    finally:
        reader.close()


def shot_facts(shot: Shot, frames: str | None = None) -> Facts:
    """Describe a shot, or some frames of it: its plate, its faces (as tracked, else on three frames), its outputs."""
    with open_job(shot) as job:
        numbers = job.pick(frames)
        facts: Facts = {"plate": _clip(job.clip), "shot": _shot(job, numbers)}
        tracks = saved_tracks(job, Silent())
        if tracks:
            facts["faces"] = track_facts(tracks)
            lost = _lost([tracks], shot.faces)
        else:
            named = {f.select.frame for f in shot.faces if isinstance(f.select, PointSelect)} & set(job.numbers)
            seen = _look(job.reader, job.colour, shot.tracking, sorted({*_some(numbers), *named}), job.clip)
            facts["faces"] = _looked(seen)
            lost = _lost([_still(number, faces) for number, faces in seen], shot.faces)
        if lost:
            facts["not found"] = lost
        facts["outputs"] = [
            {
                "path": output.path,
                "passes": list(output.passes),
                "codec": _form(output),
                "colorspace": _space(job, output, space),
            }
            for output, space in zip(shot.outputs, job.spaces, strict=True)
        ]
        return facts


def colour_facts(config: str | None) -> Facts:
    """What ``colorspace:`` takes, aliases and roles too: of the given config, else $OCIO, else the built-in one."""
    return {
        "colorspaces": [
            {"name": name, "family": family or "-", "encoding": encoding or "-", "also": list(others)}
            for name, family, encoding, others in described_spaces(config)
        ]
    }


def track_facts(tracks: Tracks) -> list[Facts]:
    """One entry per tracked face: frames, mean height in pixels, confidence, widest yaw (right is +)."""
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


def show(facts: Facts, *, as_json: bool) -> None:
    """Print facts on standard output, as JSON or as tables."""
    if as_json:
        sys.stdout.write(json.dumps(facts, indent=1, default=str) + "\n")
        return
    for title, value in facts.items():
        if isinstance(value, dict):
            rows = [[key, line] for key, entry in value.items() for line in (entry if key == "notes" else [entry])]
        else:
            rows = [list(value[0]), *(list(row.values()) for row in value)] if value else [["none"]]
        sys.stdout.write(f"{title}\n{_columns(rows)}")


def _columns(rows: list[list[Any]]) -> str:
    """Lines of left-aligned columns, never folded: a path must stay in one piece."""
    cells = [[_words(entry) for entry in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "".join(f"  {line.rstrip()}\n" for line in lines)


def _words(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(entry)}" for key, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _clip(clip: ClipInfo) -> Facts:
    facts: Facts = {
        "path": clip.path,
        "frames": str(FrameRange(clip.present or tuple(range(clip.first, clip.last + 1)))),
        "size": f"{clip.width}x{clip.height}",
        "rate": "not named" if clip.rate is None else f"{clip.rate} ({float(clip.rate):.3f} fps)",
        "samples": clip.depth,
        "colorspace": clip.colorspace or "not named: say `colorspace:` in the shot",
    }
    if clip.holes:
        facts["missing"] = f"{clip.holes} of the numbers from {clip.first} to {clip.last}"
    if clip.pixel_aspect != 1:
        facts["pixel aspect"] = clip.pixel_aspect
    if clip.data_window is not None:
        w = clip.data_window
        facts["data window"] = f"{w.width}x{w.height} at {w.x},{w.y}"
    facts["alpha"] = "yes" if clip.alpha else "no"
    if clip.kind == "movie":
        facts["audio"] = "yes" if clip.audio else "no"
    if clip.timecode:
        facts["timecode"] = clip.timecode
    if clip.notes:
        facts["notes"] = list(clip.notes)
    return facts


def _shot(job: Job, numbers: Sequence[int]) -> Facts:
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


def _form(output: Output) -> str:
    """Codec of a movie, else what the files are."""
    suffix = Path(output.path).suffix.lower()
    if output.codec or suffix == ".exr":
        return output.codec or "OpenEXR ZIPS"
    depth = "" if output.depth is None else " float" if output.depth == "float" else f" {output.depth} bits"
    return f"{suffix.removeprefix('.').upper()}{depth}"


def _space(job: Job, output: Output, space: str) -> str:
    """What the file holds: OpenEXR has the plate's light without its curve."""
    if Path(output.path).suffix.lower() == ".exr" and space == job.colour.name:
        return job.colour.linear_name or f"{space}, linear"
    return space


def _some(numbers: Sequence[int]) -> list[int]:
    return sorted({numbers[(len(numbers) - 1) * k // (_LOOKS - 1)] for k in range(_LOOKS)})


def _look(reader: Reader, colour: Colour, tracking: Tracking, numbers: Sequence[int], clip: ClipInfo) -> list[Seen]:
    return list(find_faces(reader.read(numbers), colour, tracking, clip))


def _looked(seen: Sequence[Seen]) -> list[Facts]:
    found = []
    for number, faces in seen:
        for face in faces:
            x, y = face.points.mean(0)
            found.append(
                {
                    "frame": number,
                    "centre": [round(float(x), 1), round(float(y), 1)],
                    "height": round(float(face.points[:, 1].max() - face.points[:, 1].min()), 1),
                    "confidence": round(face.confidence * face.vote, 2),
                    "seen": "untracked look",
                }
            )
    return found


def _still(number: int, faces: Sequence[Detection]) -> Tracks:
    """A look at one frame as tracks of one frame, of which a shot's faces can be told."""
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


def _lost(looks: Sequence[Tracks], faces: Sequence[Face]) -> list[Facts]:
    """Faces of the shot that none of these tracks has, how the shot names them, and where they were sought."""
    missing = [{id(face) for face in unfound(tracks, faces)} for tracks in looks]
    at = FrameRange.of(number for tracks in looks for number in tracks.numbers)
    return [
        {"face": face.name or "every face", "select": select_words(face), "looked at": str(at)}
        for face in faces
        if all(id(face) in those for those in missing)
    ]

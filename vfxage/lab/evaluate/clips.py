"""Real clips: how steady an ager's change is beside the plate, with and without the temporal filter.

The pieces are those of a render: the plate's reader and colour, the tracks, the stabilised crops, the filter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vfxage.ager import Ager, age_frames
from vfxage.comp.steady import steady
from vfxage.errors import ReadError, ShotError, count_of
from vfxage.face.crop import CropPlan, cut, plan_crops
from vfxage.face.track import Measures, Tracks
from vfxage.frames import Pattern
from vfxage.lab.evaluate.age_over_time import AgeOverTime, AgeTimeline
from vfxage.lab.evaluate.faces import SIDE
from vfxage.lab.evaluate.flat import mean_face
from vfxage.lab.evaluate.rows import Judges
from vfxage.lab.evaluate.temporal import TemporalFigures, TemporalMeasure
from vfxage.lab.metrics import flicker
from vfxage.media import FORMATS
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Progress
from vfxage.render.job import Job, open_job
from vfxage.render.tracking import find_tracks
from vfxage.shot import Shot
from vfxage.types import F32, FaceTrack, FrameDeltas

AGES = (35.0, 65.0)
"""The ages of every clip: the source age and the target age."""
_MOVIES = {suffix for suffix, row in FORMATS.items() if row.kind == "movie"}
_LEAST = 8
"""Least number of consecutive frames that show the face."""
_LOOK = 3
"""Frames searched for a face, as a multiple of the wanted frames."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipSettings:
    """How clips are measured."""

    frames: int
    """At most this many of each clip."""
    workers: int
    judges: Judges | None = None
    """Reads the age over time; None for no reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFigures:
    """Figures of one clip, all for the same face and frames."""

    clip: str
    frames: tuple[int, int]
    """First and last."""
    size: int
    """Side of the crop, pixels."""
    strength: float
    """Root mean square of the delta over the matte, codes of 255."""
    raw: float
    """The delta's change along the plate's motion, over the plate's own (``metrics.flicker``), as the ager answers."""
    steadied: float
    """The same after the temporal filter at its defaults."""
    temporal: TemporalFigures
    """What a render shows, after the temporal filter."""
    age: AgeOverTime


def find_clips(paths: Sequence[Path]) -> list[Path]:
    """List movies and sequences: files in the given order, and the movies in folders, sorted.

    Raises ReadError for a path that is neither, ShotError for a folder without movies or a file of another kind.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix.lower() in _MOVIES and one.is_file())
            if not inside:
                raise ShotError("holds no movies", path=path, fix="name a movie, or a sequence as name.%04d.exr")
            found += inside
        elif path.exists() or Pattern.is_sequence(str(path)):
            if path.suffix.lower() not in FORMATS:
                raise ShotError("is no clip", path=path, fix=f"name one of {' '.join(FORMATS)}")
            found.append(path)
        else:
            raise ReadError("there is no such clip", path=path, fix="check --clips")
    return found


def measure_clip(path: Path, ager: Ager, asked: ClipSettings, progress: Progress) -> ClipFigures:
    """Measure the face with the longest unbroken run near the clip's beginning, over at most ``asked.frames`` frames.

    Raises ReadError for a plate that cannot be read, ShotError for a plate without a face or without a colour space.
    """
    settings = {"plate": str(path.absolute()), "source_age": AGES[0], "target_age": AGES[1]}
    shot = Shot.model_validate(settings, context={"path": path.absolute()})
    with open_job(shot) as job:
        tracks = find_tracks(job, job.numbers[: _LOOK * asked.frames], progress)
        face, numbers = _longest(tracks, asked.frames)
        if face is None or len(numbers) < _LEAST:
            what = f"shows no face for {count_of(_LEAST, 'frame')} in a row within its first {_LOOK * asked.frames}"
            raise ShotError(what, path=path, fix="leave it out of --clips")
        plan = _plan(job, face, ager, tracks.measures)
        aged = _aged(job, plan, ager, numbers, asked.workers)
        calm = list(steady(aged, shot.temporal.radius, shot.temporal.strength, tracks.cuts))
    crops = [item.deltas[0].crop.rgb for item in aged]
    matte = np.min([item.deltas[0].crop.matte for item in aged], axis=0)
    temporal, age = _over_time(calm, face, asked)
    return ClipFigures(
        clip=path.name,
        frames=(numbers[0], numbers[-1]),
        size=len(matte),
        strength=255 * _rms(_steps(aged), matte),
        raw=flicker(_steps(aged), crops, matte),
        steadied=flicker(_steps(calm), crops, matte),
        temporal=temporal,
        age=age,
    )


def _over_time(
    items: Sequence[FrameDeltas], face: FaceTrack, asked: ClipSettings
) -> tuple[TemporalFigures, AgeOverTime]:
    """Measure what a render shows: the crops with their steps under the matte."""
    judges = asked.judges
    measure = TemporalMeasure(mean_face([item.deltas[0].crop.points for item in items]))
    ages = AgeTimeline(judges.learned, judges.finder) if judges else AgeTimeline(None, None)
    for item in items:
        (delta,) = item.deltas
        crop, number = delta.crop, item.frame.number
        beauty = np.clip(crop.rgb + crop.matte[..., None] * delta.step, 0.0, 1.0)
        measure.add(number, crop, beauty, cut=False)
        ages.add(number, crop, beauty, float(face.yaw[np.searchsorted(face.numbers, number)]))
    return measure.figures(), ages.result()


def _longest(tracks: Tracks, frames: int) -> tuple[FaceTrack | None, list[int]]:
    """The face with most consecutive frames within one take, and up to ``frames`` of them."""
    best: tuple[FaceTrack | None, list[int]] = (None, [])
    for face in tracks.faces:
        run: list[int] = []
        for number, presence in zip(face.numbers.tolist(), face.presence.tolist(), strict=True):
            goes_on = bool(run) and number == run[-1] + 1 and number not in tracks.cuts and len(run) < frames
            run = ([*run, number] if goes_on else [number]) if presence > 0 else []
            if len(run) > len(best[1]):
                best = face, run
    return best


def _plan(job: Job, face: FaceTrack, ager: Ager, measures: Mapping[int, Measures]) -> CropPlan:
    """The crop as a render plans it, but no larger than agers are compared at."""
    chosen = [(job.shot.faces[0], face)]
    plan = plan_crops(chosen, job.shot, ager, job.clip.pixel_aspect, measures)
    largest = max((size for size in ager.sizes if size <= SIDE), default=min(ager.sizes))
    faces = tuple(replace(one, size=min(one.size, largest)) for one in plan.faces)
    return replace(plan, faces=faces)


def _aged(job: Job, plan: CropPlan, ager: Ager, numbers: Sequence[int], workers: int) -> list[FrameDeltas]:
    aged = age_frames(ager)
    with (
        closing(job.reader.read(numbers)) as plate,
        prefetch(plate) as read,
        ordered_map(lambda frame: aged([cut(frame, plan, job.colour)])[0], read, workers=workers) as done,
    ):
        return [item for item in done if item.deltas]


def _steps(items: Sequence[FrameDeltas]) -> list[F32]:
    return [item.deltas[0].step for item in items]


def _rms(steps: Sequence[F32], matte: F32) -> float:
    total = sum(np.einsum("yxc,yx->", np.square(step, dtype=np.float64), matte) for step in steps)
    return float(np.sqrt(total / max(float(matte.sum(dtype=np.float64)) * len(steps) * 3, 1e-12)))
